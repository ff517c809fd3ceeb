import { CertificateError, pinnedFingerprint, readKeyPair } from '../tls/pem.ts'
import { isTlsVersion } from '../tls/versions.ts'

/** A key that cannot be used, and why. */
export type Refusal = readonly [key: string, reason: string]

const VERSIONS = [
  'http_server_options.min_version',
  'http_server_options.max_version',
  'proxy_ssl_min_version',
  'proxy_ssl_max_version',
] as const

/** TLS versions that do not exist, and files that cannot be used: found at the start, not by the first handshake. */
export function tlsRefusals(values: ReadonlyMap<string, unknown>): Refusal[] {
  const refusals: Refusal[] = []
  for (const key of VERSIONS) {
    const version = values.get(key) as number
    if (isTlsVersion(version)) continue
    refusals.push([key, `expected 769 (TLS 1.0), 770 (1.1), 771 (1.2) or 772 (1.3), got ${version}`])
  }
  const check = (key: string, entries: readonly string[], use: (entry: string) => unknown): void => {
    for (const entry of entries) {
      try {
        use(entry)
      } catch (err) {
        if (!(err instanceof CertificateError)) throw err
        refusals.push([key, err.message])
      }
    }
  }
  check(
    'http_server_options.ssl_certificates',
    values.get('http_server_options.ssl_certificates') as string[],
    readKeyPair,
  )
  check('security.certificates.upstream', entriesOf(values, 'security.certificates.upstream'), readKeyPair)
  const pins = entriesOf(values, 'security.pinned_public_keys').flatMap((list) => list.split(','))
  check('security.pinned_public_keys', pins, (pin) => pinnedFingerprint(pin.trim()))
  return refusals
}

const entriesOf = (values: ReadonlyMap<string, unknown>, key: string): string[] =>
  Object.values(values.get(key) as Record<string, string>).filter((value) => value !== '')
