import type { X509Certificate } from 'node:crypto'
import type { RedisStores } from '../redis/stores.ts'
import { keyFingerprint, namesOf } from '../tls/pem.ts'
import { sha256Of } from '../tls/client-certificate.ts'
import { CERTIFICATE_PREFIX, parsePem, type StoredPem } from './certificate-store.ts'

/** The certificates and public keys in Redis, as the control API changes them. Rejects while Redis is away. */
export interface CertificateLibrary {
  list(orgId: string): Promise<string[]>
  /** Null: there is none of this id. */
  summarise(id: string): Promise<CertificateSummary | null>
  /** Stores the certificates or the public key of a PEM text under an id made of them. */
  add(orgId: string, text: string): Promise<{ readonly id: string } | { readonly problem: string }>
  describe(id: string): Promise<CertificateDescription | null>
  /** False when there was none. */
  remove(orgId: string, id: string): Promise<boolean>
}

export interface CertificateDescription {
  readonly id: string
  readonly fingerprint: string
  readonly has_private: boolean
  readonly issuer?: string
  readonly subject?: string
  readonly not_before?: string
  readonly not_after?: string
  readonly dns_names?: readonly string[]
  readonly is_ca?: boolean
}

/** What the detailed list shows. */
export interface CertificateSummary {
  readonly id: string
  readonly issuer_cn: string
  readonly subject_cn: string
  readonly dns_names: readonly string[]
  readonly has_private: boolean
  readonly not_before: string
  readonly not_after: string
  readonly is_ca: boolean
}

/** In front of an id in the list of an organisation's certificates. */
const IN_INDEX = 'raw-'
const indexOf = (orgId: string): string => `cert-${orgId}-index`

/** @param forget - makes copies of a certificate void, in every process of this gateway. */
export function createCertificateLibrary(
  redis: Pick<RedisStores, 'main'>,
  forget: (id: string) => Promise<void>,
): CertificateLibrary {
  const { main } = redis
  return {
    async list(orgId) {
      const elements = await main.lrange(indexOf(orgId), 0, -1)
      return elements.filter((name) => name.startsWith(IN_INDEX)).map((name) => name.slice(IN_INDEX.length))
    },
    async add(orgId, text) {
      if (text.includes('PRIVATE KEY-----')) {
        return { problem: 'private keys are not kept in this version: send the certificate, or the public key, alone' }
      }
      const pem = attempt(text)
      const fingerprint = pem === null ? null : fingerprintOf(pem)
      if (pem === null || fingerprint === null)
        return { problem: 'the text holds neither a certificate nor a public key' }
      const id = orgId + fingerprint
      // The first to write it also lists it.
      const isNew = await main.set(CERTIFICATE_PREFIX + id, textOf(pem), 'NX')
      if (isNew === null) return { problem: `Certificate with ${id} id already exists` }
      await main.rpush(indexOf(orgId), IN_INDEX + id)
      await forget(id)
      return { id }
    },
    async summarise(id) {
      const text = await main.get(CERTIFICATE_PREFIX + id)
      const leaf = text === null ? undefined : attempt(text)?.certificates[0]
      return text === null || leaf === undefined ? null : summaryOf(id, leaf, text.includes('PRIVATE KEY-----'))
    },
    async describe(id) {
      const text = await main.get(CERTIFICATE_PREFIX + id)
      const pem = text === null ? null : attempt(text)
      return text === null || pem === null ? null : describe(id, pem, text.includes('PRIVATE KEY-----'))
    },
    async remove(orgId, id) {
      const removed = await main.del(CERTIFICATE_PREFIX + id)
      await main.lrem(indexOf(orgId === '' ? id.slice(0, -64) : orgId), 0, IN_INDEX + id)
      await forget(id)
      return removed > 0
    },
  }
}

function attempt(text: string): StoredPem | null {
  try {
    return parsePem(text)
  } catch {
    return null
  }
}

function fingerprintOf({ certificates: [leaf], publicKey }: StoredPem): string | null {
  if (leaf !== undefined) return sha256Of(leaf)
  return publicKey === null ? null : keyFingerprint(publicKey)
}

function textOf({ certificates, publicKey }: StoredPem): string {
  if (certificates.length > 0) return certificates.map((certificate) => certificate.toString()).join('')
  return publicKey?.export({ type: 'spki', format: 'pem' }) as string
}

function describe(id: string, pem: StoredPem, has_private: boolean): CertificateDescription {
  const [leaf] = pem.certificates
  const known = { id, fingerprint: fingerprintOf(pem) ?? '', has_private }
  return leaf === undefined ? known : { ...known, ...describeLeaf(leaf) }
}

function summaryOf(id: string, leaf: X509Certificate, has_private: boolean): CertificateSummary {
  const { issuer, subject } = leaf.toLegacyObject()
  return {
    id,
    issuer_cn: commonNameOf(issuer),
    subject_cn: commonNameOf(subject),
    dns_names: namesOf(leaf.toString()),
    has_private,
    not_before: leaf.validFromDate.toISOString(),
    not_after: leaf.validToDate.toISOString(),
    is_ca: leaf.ca,
  }
}

/** A name may be missing, or there several times. */
const commonNameOf = (name: object): string => [(name as { CN?: string | string[] }).CN ?? ''].flat()[0] ?? ''

const describeLeaf = (leaf: X509Certificate): Partial<CertificateDescription> => ({
  issuer: leaf.issuer,
  subject: leaf.subject,
  not_before: leaf.validFromDate.toISOString(),
  not_after: leaf.validToDate.toISOString(),
  dns_names: namesOf(leaf.toString()),
  is_ca: leaf.ca,
})
