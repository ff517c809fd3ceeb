import { QuerySyntaxError } from './errors.ts'

/** One character of a value; `literal` when it was quoted or escaped, so that it is no wildcard and no operator. */
interface Character {
  readonly text: string
  readonly literal: boolean
}

/** A run of characters up to a space or a bracket. */
export interface Word {
  readonly kind: 'word'
  readonly position: number
  readonly characters: readonly Character[]
}

export type Comparison = '<' | '<=' | '>' | '>='

export type Token =
  | Word
  | { readonly kind: 'open' | 'close' | 'and' | 'or' | 'not'; readonly position: number }
  /** `name:`, or `name` before a comparison sign. */
  | { readonly kind: 'field'; readonly position: number; readonly name: string }
  | { readonly kind: 'comparison'; readonly position: number; readonly sign: Comparison }
  | {
      readonly kind: 'interval'
      readonly position: number
      readonly from: IntervalEnd
      readonly to: IntervalEnd
    }

export interface IntervalEnd {
  readonly text: string
  readonly position: number
  readonly inclusive: boolean
}

const OPERATORS: Readonly<Record<string, 'and' | 'or' | 'not'>> = {
  and: 'and',
  or: 'or',
  not: 'not',
  '&&': 'and',
  '||': 'or',
}

/** What may begin a field's name: everything else with a colon in it is a plain word. */
const FIELD_NAME = /[A-Za-z_@][A-Za-z0-9_.@-]*/y
const AFTER_FIELD_NAME = /\s*(:|(?=[<>]))/y
const COMPARISON = /(?:<=|>=|<|>)/y
const SPACE = /\s+/y

/**
 * Cuts a query line into tokens. A colon or comparison sign that follows a name makes that a field; operators are words
 * of their own in any case, `-` or `!` stuck to what follows.
 *
 * @throws QuerySyntaxError for an open quote, a lone backslash or a broken interval.
 */
export function lex(line: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    return pattern.exec(line)?.[0] ?? null
  }
  while (at < line.length) {
    const space = match(SPACE)
    const last = tokens.at(-1)
    const expectsValue = last?.kind === 'field' || last?.kind === 'comparison'
    const character = line[at] ?? ''
    if (space !== null) {
      at += space.length
    } else if (character === '(' || character === ')') {
      tokens.push({ kind: character === '(' ? 'open' : 'close', position: at++ })
    } else if (last?.kind === 'field' && match(COMPARISON) !== null) {
      const sign = match(COMPARISON) as Comparison
      tokens.push({ kind: 'comparison', position: at, sign })
      at += sign.length
    } else if (last?.kind === 'field' && (character === '[' || character === '{')) {
      const interval = readInterval(line, at)
      tokens.push(interval.token)
      at = interval.end
    } else if (
      !expectsValue &&
      (character === '-' || character === '!') &&
      /^[^\s)]/.test(line.slice(at + 1, at + 2))
    ) {
      tokens.push({ kind: 'not', position: at++ })
    } else {
      const name = expectsValue ? null : readFieldName(line, at)
      if (name === null) {
        const word = readWord(line, at)
        tokens.push(expectsValue ? word.token : operatorOr(word.token))
        at = word.end
      } else {
        tokens.push({ kind: 'field', position: at, name: name.text })
        at = name.end
      }
    }
  }
  return tokens
}

function readFieldName(line: string, at: number): { text: string; end: number } | null {
  FIELD_NAME.lastIndex = at
  const text = FIELD_NAME.exec(line)?.[0]
  if (text === undefined) return null
  AFTER_FIELD_NAME.lastIndex = at + text.length
  const after = AFTER_FIELD_NAME.exec(line)
  // `not <b>` has a sign after a space too, but there the word is an operator.
  if (after === null || (after[0] !== ':' && OPERATORS[text.toLowerCase()] !== undefined)) return null
  return { text, end: at + text.length + after[0].length }
}

function operatorOr(word: Word): Token {
  if (word.characters.length > 3 || word.characters.some(({ literal }) => literal)) return word
  const kind = OPERATORS[textOf(word).toLowerCase()]
  return kind === undefined ? word : { kind, position: word.position }
}

function readWord(line: string, start: number): { token: Word; end: number } {
  const characters: Character[] = []
  let at = start
  let quoteAt: number | null = null
  for (; at < line.length; at++) {
    const text = line[at] ?? ''
    if (text === '\\') {
      if (at + 1 >= line.length) {
        throw new QuerySyntaxError('nothing follows the backslash', at, 'write \\\\ for a backslash itself')
      }
      characters.push({ text: line[++at] ?? '', literal: true })
    } else if (text === '"') {
      quoteAt = quoteAt === null ? at : null
      // An empty pair of quotes is a value too.
      characters.push({ text: '', literal: true })
    } else if (quoteAt !== null) {
      characters.push({ text, literal: true })
    } else if (/[\s()]/.test(text)) {
      break
    } else {
      characters.push({ text, literal: false })
    }
  }
  if (quoteAt !== null) {
    throw new QuerySyntaxError('this quote is not closed', quoteAt, 'close it with ", or write \\" for the sign itself')
  }
  return { token: { kind: 'word', position: start, characters }, end: at }
}

const INTERVAL = /([[{])\s*("[^"\]}]*"|[^\s"\]}]+)\s+to\s+("[^"\]}]*"|[^\s"\]}]+)\s*([\]}])/iy

function readInterval(line: string, start: number): { token: Token; end: number } {
  INTERVAL.lastIndex = start
  const found = INTERVAL.exec(line)
  if (found === null) {
    const cure = 'write [a TO b] with both ends, { } without them, * for an open end'
    throw new QuerySyntaxError('this range is not complete', start, cure)
  }
  const [whole, open = '', from = '', to = '', close = ''] = found
  const end = (text: string, position: number, inclusive: boolean): IntervalEnd => ({
    text: text.replaceAll('"', ''),
    position,
    inclusive,
  })
  const fromAt = start + whole.indexOf(from)
  const toAt = start + whole.lastIndexOf(to)
  return {
    token: {
      kind: 'interval',
      position: start,
      from: end(from, fromAt, open === '['),
      to: end(to, toAt, close === ']'),
    },
    end: start + whole.length,
  }
}

export function textOf(word: Word): string {
  return word.characters.map(({ text }) => text).join('')
}
