const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

/** A boolean in the spellings of Go's strconv.ParseBool. */
export function parseGoBool(text: string): boolean | undefined {
  if (TRUE.has(text)) return true
  return FALSE.has(text) ? false : undefined
}

const INTEGER =
  /^([-+]?)(?:(0[xX](?:_?[0-9a-fA-F])+)|(0[bB](?:_?[01])+)|(0[oO](?:_?[0-7])+)|0((?:_?[0-7])+)|(0|[1-9](?:_?[0-9])*))$/
const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n

/** An integer in Go's syntax with a free base: `8080`, `0x1F90`, `0b1`, `017` for 15, `1_000`. */
export function parseGoInt(text: string): number | undefined {
  const match = INTEGER.exec(text)
  if (match === null) return undefined
  const [, sign = '', hex, binary, octal, oldOctal, decimal] = match
  const digits = hex ?? binary ?? octal ?? (oldOctal === undefined ? decimal : `0o${oldOctal}`) ?? ''
  const magnitude = BigInt(digits.replaceAll('_', '').toLowerCase())
  return boundedInt(sign === '-' ? -magnitude : magnitude)
}

/** An integer as JSON writes it; a fraction or an exponent makes it none, even in `8080.0`. */
export function parseJsonInt(text: string): number | undefined {
  return /^-?\d+$/.test(text) ? boundedInt(BigInt(text)) : undefined
}

function boundedInt(value: bigint): number | undefined {
  return value < MIN_INT64 || value > MAX_INT64 ? undefined : Number(value)
}

/** A decimal number in Go's syntax. Infinity and NaN, which Go takes too, mean nothing here and are refused. */
export function parseGoFloat(text: string): number | undefined {
  if (!/^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text)) return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}

/** Text at commas, the parts as they are; blank text is the empty list. */
export function parseGoList(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',')
}

/** `k1:v1,k2:v2`; every part needs exactly one colon. */
export function parseGoMap(text: string): Record<string, string> | undefined {
  const pairs = parseGoList(text).map((part) => part.split(':'))
  return pairs.every((pair) => pair.length === 2) ? (Object.fromEntries(pairs) as Record<string, string>) : undefined
}
