/**
 * Query strings by Go's rules. Text is byte strings: one UTF-16 unit per byte, before and after decoding.
 */

/** The first value of a parameter, empty when there is none. */
export function queryValue(query: string, name: string): string {
  let from = 0
  while (from <= query.length) {
    let end = query.indexOf('&', from)
    if (end === -1) end = query.length
    const pair = parsePair(query, from, end)
    if (pair !== null && pair[0] === name) return pair[1]
    from = end + 1
  }
  return ''
}

/** Every value of a parameter, in their order. */
export function queryValues(query: string, name: string): string[] {
  const values: string[] = []
  for (const part of query.split('&')) {
    const pair = parsePair(part, 0, part.length)
    if (pair !== null && pair[0] === name) values.push(pair[1])
  }
  return values
}

/** Removes a parameter and encodes what is left anew, sorted by name, the values of one name in their order. */
export function withoutQueryParameter(query: string, name: string): string {
  const values = new Map<string, string[]>()
  for (const part of query.split('&')) {
    const pair = parsePair(part, 0, part.length)
    if (pair === null || pair[0] === name) continue
    const known = values.get(pair[0])
    if (known === undefined) values.set(pair[0], [pair[1]])
    else known.push(pair[1])
  }
  const names = [...values.keys()].sort()
  return names
    .flatMap((key) => (values.get(key) ?? []).map((value) => `${escapeQuery(key)}=${escapeQuery(value)}`))
    .join('&')
}

/** Null for what Go drops: nothing between two separators, a semicolon, a broken escape. */
function parsePair(query: string, from: number, end: number): readonly [name: string, value: string] | null {
  if (from >= end) return null
  const pair = query.slice(from, end)
  if (pair.includes(';')) return null
  const equals = pair.indexOf('=')
  const name = unescape(equals === -1 ? pair : pair.slice(0, equals))
  const value = equals === -1 ? '' : unescape(pair.slice(equals + 1))
  return name === null || value === null ? null : [name, value]
}

function unescape(text: string): string | null {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  if (/%(?![0-9a-fA-F]{2})/.test(spaced)) return null
  return spaced.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** As Go's `url.QueryEscape`. */
export const escapeQuery = (text: string): string =>
  text.replace(/[^A-Za-z0-9\-_.~]/g, (char) =>
    char === ' ' ? '+' : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
