import type { Wildcard } from '../../query/ast.ts'

type Piece = string | Wildcard

/** Whether the whole text has this form. Case counts. */
export function matcher(pieces: readonly Piece[]): (text: string) => boolean {
  const pattern = toPattern(pieces)
  return (text) => matches(pattern, text)
}

/** Whether a part of the text has this form, in any case. */
export function finder(pieces: readonly Piece[]): (text: string) => boolean {
  const lower = pieces.map((piece) => (typeof piece === 'string' ? piece.toLowerCase() : piece))
  const only = lower[0]
  if (lower.length === 1 && typeof only === 'string') return (text) => text.toLowerCase().includes(only)
  const pattern = toPattern([{ any: 'characters' }, ...lower, { any: 'characters' }])
  return (text) => matches(pattern, text.toLowerCase())
}

const ANY = -1
const ONE = -2

function toPattern(pieces: readonly Piece[]): number[] {
  return pieces.flatMap((piece) => {
    if (typeof piece !== 'string') return [piece.any === 'characters' ? ANY : ONE]
    return Array.from({ length: piece.length }, (_, at) => piece.charCodeAt(at))
  })
}

/** Goes back to the last `*` only, so that it ends after length of pattern times length of text at the latest. */
function matches(pattern: readonly number[], text: string): boolean {
  let at = 0
  let part = 0
  let star = -1
  let resumeAt = 0
  while (at < text.length) {
    const wanted = pattern[part]
    if (wanted === ANY) {
      star = part++
      resumeAt = at
    } else if (wanted === ONE) {
      at += characterLength(text, at)
      part++
    } else if (wanted === text.charCodeAt(at)) {
      at++
      part++
    } else if (star >= 0) {
      part = star + 1
      at = ++resumeAt
    } else {
      return false
    }
  }
  while (pattern[part] === ANY) part++
  return part === pattern.length
}

/** `?` stands for a whole character, also for one of two UTF-16 units. */
function characterLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
}
