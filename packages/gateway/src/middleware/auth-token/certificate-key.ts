// Hot path.
import { generateKey } from '../../auth/key-format.ts'
import type { Answer, ChainDeps } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import type { StoredSession } from '../../session/store.ts'
import type { ClientCertificate } from '../../tls/client-certificate.ts'

export type CertificateKey = { readonly found: StoredSession } | { readonly refusal: Answer }

const refused = (error: Extract<Answer, { kind: 'error' }>['error']): { readonly refusal: Answer } => ({
  refusal: { kind: 'error', error },
})
const MISMATCH = refused(gatewayErrors.certificateMismatch)
const UNKNOWN = refused(gatewayErrors.certificateNotFound)

/** The key that belongs to a client's certificate: it goes by the certificate's id, which must be in the store. */
export async function findCertificateKey(
  client: ClientCertificate,
  orgId: string,
  { config, sessions, certificateStore }: ChainDeps,
): Promise<CertificateKey> {
  const id = orgId + client.sha256
  const functions = [config.hash_key_function, ...config.hash_key_function_fallback]
  const keys = new Set([...functions.map((name) => generateKey(orgId, id, name)), id])
  for (const key of keys) {
    const found = sessions.peek(key, orgId) ?? (await sessions.find(key, orgId))
    if (found === null) continue
    const stored = certificateStore.peek(id) ?? (await certificateStore.find(id))
    return stored === null || stored.certificates.length === 0 ? UNKNOWN : { found }
  }
  return MISMATCH
}
