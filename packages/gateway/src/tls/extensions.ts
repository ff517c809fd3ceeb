/** Of a certificate's extensions, what Node does not tell. */
export interface Extensions {
  /** So many authorities may stand between this one and a leaf; Infinity: no limit. */
  readonly pathLength: number
  /** Object identifiers, in their encoded form in hexadecimal, of critical extensions that nobody here understands. */
  readonly unknownCritical: readonly string[]
}

/** Critical extensions that are taken into account, or only say what a certificate was issued for. */
const UNDERSTOOD = new Set([
  '551d13', // basicConstraints
  '551d0f', // keyUsage
  '551d25', // extKeyUsage
  '551d11', // subjectAltName
  '551d20', // certificatePolicies
])
const BASIC_CONSTRAINTS = '551d13'

interface Element {
  readonly tag: number
  readonly content: Uint8Array
}

/**
 * Reads the extensions of a certificate in DER form, RFC 5280, section 4.1.
 *
 * @throws RangeError when the bytes are no certificate.
 */
export function readExtensions(der: Uint8Array): Extensions {
  const unknownCritical: string[] = []
  let pathLength = Infinity
  for (const extension of extensionsOf(der)) {
    const [oid, ...rest] = elementsOf(extension.content)
    if (oid === undefined) throw new RangeError('an extension without a name')
    const name = Buffer.from(oid.content).toString('hex')
    const critical = rest.some(({ tag, content }) => tag === 0x01 && content[0] !== 0)
    if (critical && !UNDERSTOOD.has(name)) unknownCritical.push(name)
    const value = rest.find(({ tag }) => tag === 0x04)
    if (name === BASIC_CONSTRAINTS && value !== undefined) pathLength = pathLengthOf(value.content)
  }
  return { pathLength, unknownCritical }
}

/** Identifiers of signatures over an MD2, MD4, MD5 or SHA-1 hash, as in `unknownCritical`. */
const WEAK_SIGNATURES = new Set([
  '2a864886f70d010102', // md2WithRSAEncryption
  '2a864886f70d010103', // md4WithRSAEncryption
  '2a864886f70d010104', // md5WithRSAEncryption
  '2a864886f70d010105', // sha1WithRSAEncryption
  '2b0e030203', // md5WithRSA
  '2b0e03021d', // sha1WithRSA
  '2a8648ce380403', // dsa-with-sha1
  '2a8648ce3d0401', // ecdsa-with-SHA1
])
const RSASSA_PSS = '2a864886f70d01010a'
const WEAK_HASHES = new Set(['2b0e03021a', '2a864886f70d0205']) // SHA-1, MD5

/**
 * Whether a certificate in DER form is signed with a hash for which two texts can be found: RFC 5280, section 4.1.1.2.
 *
 * @throws RangeError when the bytes are no certificate.
 */
export function isWeaklySigned(der: Uint8Array): boolean {
  const [certificate] = elementsOf(der)
  const [, algorithm] = elementsOf(certificate?.content ?? der)
  if (algorithm === undefined) throw new RangeError('a certificate without a signature')
  const [oid, parameters] = elementsOf(algorithm.content)
  const name = hexOf(oid)
  if (name !== RSASSA_PSS) return WEAK_SIGNATURES.has(name)
  // The hash is SHA-1 unless element [0] names another (RFC 4055, section 3.1).
  const holder = elementsOf(parameters?.content ?? new Uint8Array()).find(({ tag }) => tag === 0xa0)
  const [hash] = elementsOf(holder?.content ?? new Uint8Array())
  return hash === undefined || WEAK_HASHES.has(hexOf(elementsOf(hash.content)[0]))
}

const hexOf = (element: Element | undefined): string =>
  Buffer.from(element?.content ?? new Uint8Array()).toString('hex')

/** Certificate: the first element is what is signed, and its element [3] holds the extensions. */
function extensionsOf(der: Uint8Array): Element[] {
  const [certificate] = elementsOf(der)
  const [signed] = elementsOf(certificate?.content ?? der)
  const holder = elementsOf(signed?.content ?? der).find(({ tag }) => tag === 0xa3)
  if (holder === undefined) return []
  const [list] = elementsOf(holder.content)
  return elementsOf(list?.content ?? new Uint8Array())
}

/** BasicConstraints: whether it is an authority, then the length of paths below it. */
function pathLengthOf(value: Uint8Array): number {
  const [constraints] = elementsOf(value)
  const limit = elementsOf(constraints?.content ?? new Uint8Array()).find(({ tag }) => tag === 0x02)
  return limit === undefined ? Infinity : limit.content.reduce((sum, byte) => sum * 256 + byte, 0)
}

function elementsOf(bytes: Uint8Array): Element[] {
  const elements: Element[] = []
  let at = 0
  while (at < bytes.length) {
    const tag = bytes[at] as number
    const [length, start] = lengthAt(bytes, at + 1)
    if (start + length > bytes.length) throw new RangeError('an element is longer than what holds it')
    elements.push({ tag, content: bytes.subarray(start, start + length) })
    at = start + length
  }
  return elements
}

/** Up to 127 in one byte; else the number of bytes that follow, and those. */
function lengthAt(bytes: Uint8Array, at: number): readonly [length: number, start: number] {
  const first = bytes[at] ?? 0
  if (first < 0x80) return [first, at + 1]
  const count = first & 0x7f
  if (count === 0 || count > 4) throw new RangeError('a length of unknown form')
  let length = 0
  for (let i = 1; i <= count; i++) length = length * 256 + (bytes[at + i] ?? 0)
  return [length, at + 1 + count]
}
