import { getCACertificates, setDefaultCACertificates } from 'node:tls'

let trusted = false

/**
 * Trusts what the operating system trusts, beside the list that Node brings: company authorities are installed there.
 *
 * To be called before a TLS client of the process is made. The first call takes a tenth of a second, so it is not made
 * where no TLS is spoken; the others take nothing.
 */
export function trustSystemRoots(): void {
  if (trusted) return
  trusted = true
  const known = new Set(getCACertificates('default'))
  const added = getCACertificates('system').filter((pem) => !known.has(pem))
  if (added.length > 0) setDefaultCACertificates([...known, ...added])
}
