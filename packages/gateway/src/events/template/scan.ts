/** A template cannot be used; the message begins with its line. */
export class TemplateSyntaxError extends Error {
  readonly code = 'GATEWAY_WEBHOOK_TEMPLATE'

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`)
  }
}

export type Token =
  | { readonly kind: 'word' | 'field' | 'sign'; readonly text: string }
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }

/** A stretch of text, or what stands between two pairs of braces. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly tokens: readonly Token[]; readonly source: string; readonly line: number }

const BLANKS_AT_END = /[ \t\r\n]+$/
const BLANKS_AT_START = /^[ \t\r\n]+/
const COMMENT = /^\/\*[^]*?\*\/$/

/**
 * Takes a Go template apart. Comments are gone, and blanks as `{{-` and `-}}` say.
 *
 * @throws TemplateSyntaxError
 */
export function scanTemplate(text: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  let trimNext = false
  const addText = (from: string): void => {
    const kept = trimNext ? from.replace(BLANKS_AT_START, '') : from
    if (kept !== '') pieces.push({ kind: 'text', text: kept })
  }
  for (;;) {
    const open = text.indexOf('{{', at)
    if (open === -1) {
      addText(text.slice(at))
      return pieces
    }
    const line = lineOf(text, open)
    const close = closeOf(text, open + 2, line)
    let source = text.slice(open + 2, close)
    const before = text.slice(at, open)
    const trimsBefore = /^-[ \t\r\n]/.test(source)
    addText(trimsBefore ? before.replace(BLANKS_AT_END, '') : before)
    if (trimsBefore) source = source.slice(1)
    trimNext = /[ \t\r\n]-$/.test(source)
    if (trimNext) source = source.slice(0, -1)
    source = source.trim()
    if (!COMMENT.test(source)) pieces.push({ kind: 'action', tokens: tokensOf(source, line), source, line })
    at = close + 2
  }
}

const lineOf = (text: string, at: number): number => text.slice(0, at).split('\n').length

/** Braces in quotes and comments do not end an action. */
function closeOf(text: string, from: number, line: number): number {
  const skipped = /"(?:[^"\\\n]|\\.)*"|`[^`]*`|\/\*[^]*?\*\/|\}\}/g
  skipped.lastIndex = from
  for (let match = skipped.exec(text); match !== null; match = skipped.exec(text)) {
    if (match[0] === '}}') return match.index
  }
  throw new TemplateSyntaxError(line, 'the action that begins here has no }}')
}

const TOKEN =
  /[ \t\r\n]+|("(?:[^"\\\n]|\\.)*")|`([^`]*)`|([+-]?\d+(?:\.\d+)?)(?![\w.])|((?:\.[A-Za-z_]\w*)+|\.(?![\w]))|([A-Za-z_]\w*)|([()|])/y

const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['nil', null],
])

function tokensOf(source: string, line: number): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex
    const match = TOKEN.exec(source)
    if (match === null) throw new TemplateSyntaxError(line, `{{${source}}}: not known from "${source.slice(at)}" on`)
    const [, quoted, raw, number, field, word, sign] = match
    if (quoted !== undefined) tokens.push({ kind: 'literal', value: unquote(quoted, line) })
    else if (raw !== undefined) tokens.push({ kind: 'literal', value: raw })
    else if (number !== undefined) tokens.push({ kind: 'literal', value: Number(number) })
    else if (field !== undefined) tokens.push({ kind: 'field', text: field })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign })
    else if (word !== undefined) {
      const constant = CONSTANTS.get(word)
      tokens.push(constant === undefined ? { kind: 'word', text: word } : { kind: 'literal', value: constant })
    }
  }
  return tokens
}

function unquote(quoted: string, line: number): string {
  try {
    return JSON.parse(quoted) as string
  } catch (err) {
    throw Object.assign(new TemplateSyntaxError(line, `${quoted}: an escape that is not known`), { cause: err })
  }
}
