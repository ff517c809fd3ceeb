// Hot path.
import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** The certificate with which a client has proved who it is: TLS has checked that it holds the private key. */
export interface ClientCertificate {
  readonly leaf: X509Certificate
  /** Further certificates the client sent, as a chain. It has proved nothing about them. */
  readonly issuers: readonly X509Certificate[]
  /** Of the leaf in DER form, lower-case hexadecimal. */
  readonly sha256: string
  readonly validFromMs: number
  readonly validToMs: number
}

const MAX_ISSUERS = 8

// One per connection: what it has shown does not change.
const known = new WeakMap<object, ClientCertificate | null>()

/**
 * Null: the client has shown none; undefined: the connection has no TLS.
 *
 * @param socket - a request's: over HTTP/2 a stand-in that names the session's.
 */
export function clientCertificateOf(socket: object): ClientCertificate | null | undefined {
  const connection = ((socket as { connection?: unknown }).connection ?? socket) as TLSSocket
  const before = known.get(connection)
  if (before !== undefined) return before
  // Not `in`: over HTTP/2 this is a proxy of the connection, which answers to names only.
  if (typeof connection.getPeerX509Certificate !== 'function') return undefined
  const certificate = read(connection)
  known.set(connection, certificate)
  return certificate
}

function read(socket: TLSSocket): ClientCertificate | null {
  const leaf = socket.getPeerX509Certificate()
  if (leaf === undefined) return null
  return {
    leaf,
    issuers: issuersOf(leaf),
    sha256: sha256Of(leaf),
    validFromMs: leaf.validFromDate.getTime(),
    validToMs: leaf.validToDate.getTime(),
  }
}

function issuersOf(leaf: X509Certificate): X509Certificate[] {
  const issuers: X509Certificate[] = []
  const seen = new Set([leaf.fingerprint256])
  for (let next = leaf.issuerCertificate; next !== undefined; next = next.issuerCertificate) {
    if (seen.has(next.fingerprint256) || issuers.length === MAX_ISSUERS) break
    seen.add(next.fingerprint256)
    issuers.push(next)
  }
  return issuers
}

/** Node prints it as `AB:CD:…`. */
export const sha256Of = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(':', '').toLowerCase()
