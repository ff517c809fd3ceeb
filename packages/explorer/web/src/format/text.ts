import { UNSEEN } from '../../../src/query/format.ts'

/** A value with a mark for each character that could hide, or make others look as they are not. */
export function legible(text: string): string {
  return text.replace(UNSEEN, markOf)
}

/** The same for a text of several lines. */
export function legibleLines(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(UNSEEN, (sign) => (sign === '\n' || sign === '\t' ? sign : markOf(sign)))
}

function markOf(sign: string): string {
  return `[U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`
}

/** Cuts in the middle, where paths differ least, never through a surrogate pair. `length` is in UTF-16 units. */
export function cutMiddle(text: string, length: number): string {
  if (text.length <= length) return text
  const head = Math.ceil((length - 1) * 0.6)
  const tail = length - 1 - head
  return `${trimBroken(text.slice(0, head), 'end')}…${trimBroken(text.slice(text.length - tail), 'start')}`
}

function trimBroken(text: string, side: 'start' | 'end'): string {
  if (side === 'end') return /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text
  return /^[\uDC00-\uDFFF]/.test(text) ? text.slice(1) : text
}

/** A raw HTTP message in its two parts; bodies may begin after a bare line feed. */
export function splitMessage(text: string): { head: string; body: string } {
  const end = /\r?\n\r?\n/.exec(text)
  if (end === null) return { head: text.replace(/\r\n/g, '\n'), body: '' }
  return { head: text.slice(0, end.index).replace(/\r\n/g, '\n'), body: text.slice(end.index + end[0].length) }
}

/** A message of the API, which begins small and has no full stop, as it stands on the page. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?…]$/.test(begun) || begun === '' ? begun : `${begun}.`
}

const PRETTY_LIMIT = 2_000_000

/** Indented, or null when the text is no JSON object or list. Numbers keep their digits: nothing is parsed and printed. */
export function prettyJson(text: string): string | null {
  const trimmed = text.trim()
  if (!/^[[{]/.test(trimmed) || trimmed.length > PRETTY_LIMIT) return null
  try {
    JSON.parse(trimmed)
  } catch {
    return null
  }
  return indent(trimmed)
}

function indent(json: string): string {
  let out = ''
  let depth = 0
  const line = (): string => `\n${'  '.repeat(depth)}`
  for (let i = 0; i < json.length; i++) {
    const char = json.charAt(i)
    if (char === '"') {
      const end = stringEnd(json, i)
      out += json.slice(i, end)
      i = end - 1
    } else if (char === '{' || char === '[') {
      const rest = /^\s*([}\]])/.exec(json.slice(i + 1, i + 200))
      if (rest !== null) {
        out += char + (rest[1] ?? '')
        i += rest[0].length
        continue
      }
      depth++
      out += char + line()
    } else if (char === '}' || char === ']') {
      depth--
      out += line() + char
    } else if (char === ',') {
      out += `,${line()}`
    } else if (char === ':') {
      out += ': '
    } else if (!/\s/.test(char)) {
      out += char
    }
  }
  return out
}

function stringEnd(json: string, start: number): number {
  for (let i = start + 1; i < json.length; i++) {
    const char = json.charAt(i)
    if (char === '\\') i++
    else if (char === '"') return i + 1
  }
  return json.length
}
