const BARE = /^[A-Za-z0-9\-._/@^+]*$/
const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
}
/** What Go's %q does not print as it is: controls, unassigned code points, and every space but U+0020. */
const ESCAPED = /["\\]|[[\p{C}\p{Z}]--[ ]]/gv

/** A value as a text line shows it: bare when nothing in it needs quotes, else as a Go string literal. */
export function quoteIfNeeded(text: string): string {
  return BARE.test(text) ? text : quoteGo(text)
}

/** A Go double-quoted string. */
export function quoteGo(text: string): string {
  return `"${text.toWellFormed().replace(ESCAPED, escape)}"`
}

function escape(character: string): string {
  const known = ESCAPES[character]
  if (known !== undefined) return known
  const code = character.codePointAt(0) ?? 0
  if (code < 0x80) return `\\x${hex(code, 2)}`
  return code < 0x1_0000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
