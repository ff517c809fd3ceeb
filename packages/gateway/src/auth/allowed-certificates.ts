// Hot path.
import type { X509Certificate } from 'node:crypto'
import type { Log } from '../log/log.ts'
import { sha256Of, type ClientCertificate } from '../tls/client-certificate.ts'
import { BoundedMap } from './bounded-map.ts'
import { isIssuedByAny } from './certificate-path.ts'
import type { CertificateStore, StoredPem } from './certificate-store.ts'
import { createCountedLog } from './counted-log.ts'

/** The certificates that a list of ids stands for, as they are now. */
export interface AllowedCertificates {
  /** A promise only when one of them has to be read. */
  current(): CertificateList | Promise<CertificateList>
}

/** Certificates that are accepted themselves, and authorities whose certificates are. */
export interface CertificateList {
  /** A certificate that has expired is in no list. */
  accepts(client: ClientCertificate, nowMs: number): boolean
}

export interface AllowedCertificatesDeps {
  readonly certificateStore: CertificateStore
  readonly log: Log
  readonly now: () => number
}

export function createAllowedCertificates(ids: readonly string[], deps: AllowedCertificatesDeps): AllowedCertificates {
  const { certificateStore, log, now } = deps
  const problems = createCountedLog(log, 'error', now)
  let known: readonly (StoredPem | null)[] = []
  let list = createList([])

  const listOf = (pems: readonly (StoredPem | null)[]): CertificateList => {
    if (pems.length === known.length && pems.every((pem, i) => pem === known[i])) return list
    known = pems
    for (const [i, pem] of pems.entries()) {
      if (pem !== null && pem.certificates.length > 0) continue
      problems.note('allowed client certificate is not there', () => ({ certificate: nameOf(ids[i] as string) }))
    }
    list = createList(pems.flatMap((pem) => allowedOf(pem?.certificates ?? [])))
    return list
  }

  return {
    current() {
      const pems: (StoredPem | null)[] = []
      for (const id of ids) {
        const pem = certificateStore.peek(id)
        if (pem === undefined) return Promise.all(ids.map((each) => certificateStore.find(each))).then(listOf)
        pems.push(pem)
      }
      return listOf(pems)
    },
  }
}

/**
 * What an entry allows: authorities, all of them; of a certificate with its chain only the first. Who allows one client
 * does not mean all whom its authority has issued a certificate for.
 */
function allowedOf(certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  const [first] = certificates
  return first === undefined || first.ca ? certificates : [first]
}

const nameOf = (id: string): string => (id.includes('-----BEGIN') ? '(PEM text)' : id)

const MAX_VERDICTS = 4096
/** Signatures need not be verified for each request; the certificates on the way to an authority may expire meanwhile. */
const VERDICT_MS = 60_000

interface Verdict {
  readonly accepted: boolean
  readonly expiresAtMs: number
}

function createList(certificates: readonly X509Certificate[]): CertificateList {
  const fingerprints = new Set(certificates.map(sha256Of))
  const authorities = certificates.filter(({ ca }) => ca)
  // By what the client has sent: with other issuers, its certificate is another question.
  const verdicts = new BoundedMap<ClientCertificate, Verdict>(MAX_VERDICTS)
  return {
    accepts(client, nowMs) {
      if (nowMs > client.validToMs || nowMs < client.validFromMs) return false
      if (fingerprints.has(client.sha256)) return true
      if (authorities.length === 0) return false
      const before = verdicts.get(client)
      if (before !== undefined && nowMs < before.expiresAtMs) return before.accepted
      const accepted = isIssuedByAny(client, authorities, nowMs)
      verdicts.set(client, { accepted, expiresAtMs: nowMs + VERDICT_MS })
      return accepted
    },
  }
}
