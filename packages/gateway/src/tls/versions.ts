import type { SecureVersion } from 'node:tls'

/** The protocol's own numbers, as configuration and definitions give them. */
export const tls12 = 771

const NAMES: Readonly<Record<number, SecureVersion>> = {
  769: 'TLSv1',
  770: 'TLSv1.1',
  [tls12]: 'TLSv1.2',
  772: 'TLSv1.3',
}

export const isTlsVersion = (number: number): boolean => NAMES[number] !== undefined

/** @throws RangeError when the number is no version from TLS 1.0 to 1.3. */
export function tlsVersionName(number: number): SecureVersion {
  const name = NAMES[number]
  if (name === undefined)
    throw new RangeError(`${number} is no TLS version: 769 is 1.0, 770 is 1.1, 771 is 1.2, 772 is 1.3`)
  return name
}
