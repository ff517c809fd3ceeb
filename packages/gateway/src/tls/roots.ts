import { getCACertificates, setDefaultCACertificates } from 'node:tls'

/**
 * Trusts what the operating system trusts, beside the list that Node brings: company authorities are installed there.
 * For every TLS client of the process.
 */
export function trustSystemRoots(): void {
  const known = new Set(getCACertificates('default'))
  const added = getCACertificates('system').filter((pem) => !known.has(pem))
  if (added.length > 0) setDefaultCACertificates([...known, ...added])
}
