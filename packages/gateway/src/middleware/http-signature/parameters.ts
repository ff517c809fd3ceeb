// Hot path.

/** What the credential of a signed request says. */
export interface SignatureParameters {
  readonly keyId: string
  /** Empty when it is not named. */
  readonly algorithm: string
  /** Names of what is signed, in order, as they were written. */
  readonly headers: readonly string[]
  readonly signature: string
}

const MAX_LENGTH = 16 * 1024
const MAX_HEADERS = 100
const NAMES = new Set(['keyid', 'algorithm', 'headers', 'signature'])
/** A name, `=`, a value in quotes or without, and what separates it from the next one. */
const PARAMETER = /[ \t]*([A-Za-z]+)[ \t]*=[ \t]*(?:"([^"]*)"|([^",\t ]*))[ \t]*(,|$)/y

/**
 * Takes `Signature keyId="…",algorithm="…",headers="…",signature="…"` apart. Null when it is anything else: a parameter
 * of another name, or one that comes twice, would leave open what was meant.
 */
export function parseSignature(value: string): SignatureParameters | null {
  if (value.length > MAX_LENGTH) return null
  const text = /^[Ss]ignature(?![A-Za-z=])/.test(value) ? value.slice('Signature'.length) : value
  const found = new Map<string, string>()
  PARAMETER.lastIndex = 0
  for (let separator = ','; separator === ',';) {
    const match = PARAMETER.exec(text)
    if (match === null) return null
    const name = (match[1] as string).toLowerCase()
    if (!NAMES.has(name) || found.has(name)) return null
    found.set(name, match[2] ?? match[3] ?? '')
    separator = match[4] as string
  }
  const headers = (found.get('headers') ?? '').split(' ').filter((name) => name !== '')
  const keyId = found.get('keyid') ?? ''
  const signature = found.get('signature') ?? ''
  if (keyId === '' || signature === '' || headers.length > MAX_HEADERS) return null
  return {
    keyId,
    signature,
    algorithm: found.get('algorithm') ?? '',
    headers: headers.length === 0 ? ['date'] : headers,
  }
}
