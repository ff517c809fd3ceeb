/**
 * JSON as Go's stream decoder reads it: the first value counts, what follows it is not looked at. Problems are told in
 * Go's words, because clients see them.
 */

/** A body is not JSON; the message is Go's. */
export class JsonProblem extends Error {
  readonly code = 'GATEWAY_JSON'
}

/** @throws JsonProblem in Go's words. */
export function parseFirstValue(body: Buffer): unknown {
  const text = body.toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    // One character per byte, as Go counts and names them.
    const end = endOfFirstValue(body.toString('latin1'))
    return JSON.parse(body.toString('utf8', 0, end))
  }
}

/** Where the first value ends. */
function endOfFirstValue(text: string): number {
  const open: string[] = []
  let at = skipBlanks(text, 0)
  if (at === text.length) throw new JsonProblem('EOF')
  for (;;) {
    const first = text[at]
    if (first === '{' || first === '[') {
      open.push(first)
      at = skipBlanks(text, at + 1)
      if (text[at] !== (first === '{' ? '}' : ']')) {
        if (first === '{') at = endOfKey(text, at)
        continue
      }
    } else {
      at = endOfScalar(text, at)
    }
    const next = nextValue(text, at, open)
    if (open.length === 0) return next
    at = next
  }
}

/** Behind a value: closes what ends here, and goes to where the next value of what is still open begins. */
function nextValue(text: string, from: number, open: string[]): number {
  let at = from
  while (open.length > 0) {
    at = skipBlanks(text, at)
    const inObject = open[open.length - 1] === '{'
    if (text[at] === (inObject ? '}' : ']')) {
      open.pop()
      at++
    } else if (text[at] === ',') {
      at = skipBlanks(text, at + 1)
      return inObject ? endOfKey(text, at) : at
    } else {
      throw invalid(text, at, inObject ? 'after object key:value pair' : 'after array element')
    }
  }
  return at
}

/** A key with its colon: gives where its value begins. */
function endOfKey(text: string, from: number): number {
  if (text[from] !== '"') throw invalid(text, from, 'looking for beginning of object key string')
  const colon = skipBlanks(text, endOfString(text, from))
  if (text[colon] !== ':') throw invalid(text, colon, 'after object key')
  return skipBlanks(text, colon + 1)
}

const LITERALS: Readonly<Record<string, string>> = { t: 'true', f: 'false', n: 'null' }

function endOfScalar(text: string, from: number): number {
  const first = text[from] ?? ''
  if (first === '"') return endOfString(text, from)
  if (first === '-' || isDigit(first)) return endOfNumber(text, from)
  const literal = LITERALS[first]
  if (literal === undefined) throw invalid(text, from, 'looking for beginning of value')
  for (let i = 1; i < literal.length; i++) {
    if (text[from + i] !== literal[i]) {
      throw invalid(text, from + i, `in literal ${literal} (expecting '${literal[i]}')`)
    }
  }
  return from + literal.length
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; ; at++) {
    const char = text[at]
    if (char === '"') return at + 1
    if (char === undefined || char < ' ') throw invalid(text, at, 'in string literal')
    if (char === '\\') at = endOfEscape(text, at + 1)
  }
}

/** Gives the place of the last character of the escape. */
function endOfEscape(text: string, at: number): number {
  if (text[at] !== 'u') {
    if (!'bfnrt\\/"'.includes(text[at] ?? ' ')) throw invalid(text, at, 'in string escape code')
    return at
  }
  for (let i = 1; i <= 4; i++) {
    if (!/[0-9a-fA-F]/.test(text[at + i] ?? '')) throw invalid(text, at + i, 'in \\u hexadecimal character escape')
  }
  return at + 4
}

function endOfNumber(text: string, from: number): number {
  let at = text[from] === '-' ? from + 1 : from
  const whole = skipDigits(text, at, 'in numeric literal')
  at = text[at] === '0' ? at + 1 : whole
  if (text[at] === '.') at = skipDigits(text, at + 1, 'after decimal point in numeric literal')
  if (text[at] === 'e' || text[at] === 'E') {
    const sign = text[at + 1] === '+' || text[at + 1] === '-' ? 1 : 0
    at = skipDigits(text, at + 1 + sign, 'in exponent of numeric literal')
  }
  return at
}

/** One digit at least. */
function skipDigits(text: string, from: number, where: string): number {
  let at = from
  while (isDigit(text[at] ?? '')) at++
  if (at === from) throw invalid(text, at, where)
  return at
}

const isDigit = (char: string): boolean => char >= '0' && char <= '9'

function skipBlanks(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \t\r\n'.includes(text[at] as string)) at++
  return at
}

function invalid(text: string, at: number, where: string): JsonProblem {
  const char = text[at]
  return new JsonProblem(char === undefined ? 'unexpected EOF' : `invalid character ${quote(char)} ${where}`)
}

/** As Go quotes a character in these messages. */
function quote(char: string): string {
  if (char === "'") return String.raw`'\''`
  if (char === '"') return `'"'`
  const short = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f', '\v': '\\v' }[char]
  if (short !== undefined) return `'${short}'`
  const code = char.charCodeAt(0)
  if (code === 0x07) return String.raw`'\a'`
  if (code < 0x20 || code === 0x7f) return `'\\x${code.toString(16).padStart(2, '0')}'`
  if ((code >= 0x80 && code <= 0xa0) || code === 0xad) return `'\\u00${code.toString(16)}'`
  return `'${char}'`
}
