import type { CertificateStore } from '../auth/certificate-store.ts'
import type { Session } from './session.ts'

const CERTIFICATE_ID = /[0-9a-f]{64}$/i

type Store = Pick<CertificateStore, 'find'>

/** Why a key cannot be bound to the certificates that it names, or null. Those it had before are not asked about again. */
export async function bindingProblem(session: Session, before: Session | null, store: Store): Promise<string | null> {
  for (const id of session.mtls_static_certificate_bindings) {
    if (before?.mtls_static_certificate_bindings.includes(id) === true) continue
    if (!CERTIFICATE_ID.test(id)) return `invalid certificate ID: ${id}`
    if (!(await isThere(id, store))) return `certificate not found: ${id}`
  }
  return null
}

/** Why a key cannot change the certificate it belongs to, or null. */
export async function certificateProblem(session: Session, before: Session, store: Store): Promise<string | null> {
  if (session.certificate === before.certificate) return null
  if (session.certificate === '') return 'Key cannot be used without a certificate'
  return (await isThere(session.certificate, store)) ? null : 'Key must be used with an existent certificate'
}

async function isThere(id: string, store: Store): Promise<boolean> {
  if (!CERTIFICATE_ID.test(id)) return false
  const pem = await store.find(id)
  return pem !== null && pem.certificates.length > 0
}
