import type { X509Certificate } from 'node:crypto'
import type { ClientCertificate } from '../tls/client-certificate.ts'
import { isWeaklySigned, readExtensions } from '../tls/extensions.ts'

const MAX_LENGTH = 8
/** Purposes: authentication of clients, and any. */
const CLIENT_PURPOSES = new Set(['1.3.6.1.5.5.7.3.2', '2.5.29.37.0'])

/**
 * Whether a client's certificate was issued by one of some authorities, directly or through authorities that the client
 * has sent along.
 *
 * Every certificate on the way must be valid at this time, signed with a hash that nobody can forge, meant for clients if it says what it is meant for, and without
 * constraints that are not understood here.
 */
export function isIssuedByAny(
  client: ClientCertificate,
  authorities: readonly X509Certificate[],
  nowMs: number,
): boolean {
  if (!isUsable(client.leaf, nowMs)) return false
  const passed = new Set<X509Certificate>()
  let current = client.leaf
  for (let below = 0; below < MAX_LENGTH; below++) {
    const issues = (issuer: X509Certificate): boolean => hasIssued(issuer, current, below, nowMs)
    if (authorities.some(issues)) return true
    const next = client.issuers.find((issuer) => !passed.has(issuer) && issues(issuer))
    if (next === undefined) return false
    passed.add(next)
    current = next
  }
  return false
}

/** @param below - how many authorities stand between the issuer and the leaf. */
function hasIssued(issuer: X509Certificate, issued: X509Certificate, below: number, nowMs: number): boolean {
  // The name, the key's id and what the key may be used for; then the signature.
  if (!issuer.ca || !issued.checkIssued(issuer) || !isUsable(issuer, nowMs, below)) return false
  return !isWeaklySigned(issued.raw) && issued.verify(issuer.publicKey)
}

function isUsable(certificate: X509Certificate, nowMs: number, below = 0): boolean {
  if (nowMs < certificate.validFromDate.getTime() || nowMs > certificate.validToDate.getTime()) return false
  // Node's name for the purposes, which may be missing.
  const purposes = certificate.keyUsage as string[] | undefined
  if (purposes !== undefined && !purposes.some((purpose) => CLIENT_PURPOSES.has(purpose))) return false
  try {
    const { pathLength, unknownCritical } = readExtensions(certificate.raw)
    return unknownCritical.length === 0 && below <= pathLength
  } catch {
    // A form that OpenSSL reads and we do not.
    return false
  }
}
