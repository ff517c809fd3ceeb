import { distance } from 'fastest-levenshtein'
import { type Field, FIELDS, findField } from '../fields.ts'
import type { Bound, Query, Wildcard } from './ast.ts'
import { parseSpan } from './dates.ts'
import { QuerySyntaxError } from './errors.ts'
import { formatValue } from './format.ts'
import { type Comparison, type IntervalEnd, textOf, type Word } from './lex.ts'

/**
 * The field of a name; `.keyword`, which people bring from Kibana, is left out.
 *
 * @throws QuerySyntaxError with the nearest name.
 */
export function fieldOf(name: string, position: number): Field {
  const plain = name.replace(/\.keyword$/, '')
  const found = findField(plain)
  if (found !== undefined) return found
  const near = nearest(plain.toLowerCase())
  const quoted = `to look for the text itself, put it in quotes`
  const cure = near === null ? quoted : `did you mean ${near}? ${quoted[0]?.toUpperCase()}${quoted.slice(1)}`
  throw new QuerySyntaxError(`there is no field ${shorten(name)}`, position, cure)
}

function nearest(name: string): string | null {
  const synonym = FIELDS.find(({ also }) => also.includes(name))
  if (synonym !== undefined) return synonym.name
  const scored = FIELDS.map((field) => ({ field, score: distance(name, field.name) }))
  const best = scored.reduce((least, one) => (one.score < least.score ? one : least))
  return best.score <= Math.max(2, Math.floor(name.length / 3)) ? best.field.name : null
}

/** `field:value`. */
export function valueTerm(field: Field, word: Word, nowMs: number): Query {
  refuseSingleQuotes(field, word)
  const pieces = piecesOf(word)
  const text = textOf(word)
  if (pieces.length > 0 && pieces.every((piece) => typeof piece !== 'string' && piece.any === 'characters')) {
    return { kind: 'exists', field: field.name }
  }
  switch (field.kind) {
    case 'keyword':
    case 'list':
    case 'text':
      return pieces.some((piece) => typeof piece !== 'string')
        ? { kind: 'matches', field: field.name, pieces }
        : { kind: 'equals', field: field.name, value: text }
    case 'number':
      return { kind: 'equals', field: field.name, value: numberOf(field, text, word.position) }
    case 'boolean':
      return { kind: 'equals', field: field.name, value: booleanOf(field, text, word.position) }
    case 'date': {
      const { startMs, endMs } = spanOf(field, text, word.position, nowMs)
      return { kind: 'range', field: field.name, from: including(startMs), to: excluding(endMs) }
    }
  }
}

/** `field:>=value`. */
export function comparisonTerm(field: Field, sign: Comparison, word: Word, nowMs: number): Query {
  const end: IntervalEnd = { text: textOf(word), position: word.position, inclusive: sign.endsWith('=') }
  const bound = sign.startsWith('>') ? { from: lowerBound(field, end, nowMs) } : { to: upperBound(field, end, nowMs) }
  return { kind: 'range', field: field.name, ...bound }
}

/** `field:[a TO b]`. */
export function intervalTerm(field: Field, from: IntervalEnd, to: IntervalEnd, nowMs: number): Query {
  return {
    kind: 'range',
    field: field.name,
    ...(from.text !== '*' && { from: lowerBound(field, from, nowMs) }),
    ...(to.text !== '*' && { to: upperBound(field, to, nowMs) }),
  }
}

/** A word without a field. */
export function textTerm(word: Word): Query {
  refuseEqualsSign(word)
  const pieces = piecesOf(word)
  // `*` alone asks for everything, as in Kibana; an empty pair of quotes too.
  if (pieces.every((piece) => typeof piece !== 'string')) return { kind: 'all' }
  return { kind: 'text', pieces }
}

/** Taken for text it would find nothing, and say nothing. */
function refuseEqualsSign(word: Word): void {
  const quotedFrom = word.characters.findIndex(({ literal }) => literal)
  const text = textOf(word)
  const unquoted = quotedFrom < 0 ? text : text.slice(0, quotedFrom)
  const [whole = '', name = '', sign = ''] = /^([@\w.]*)(==?|!=)/.exec(unquoted) ?? []
  const field = findField(name.replace(/\.keyword$/, ''))
  if (sign === '' || (field === undefined && name !== '')) return
  const term =
    field === undefined
      ? 'response_code:500'
      : `${field.name}:${text === whole ? '…' : formatValue(text.slice(whole.length))}`
  const cure = `write ${sign === '!=' ? 'not ' : ''}${term}; to look for the text itself, put it in quotes`
  throw new QuerySyntaxError(`${sign} stands for nothing here`, word.position + name.length, cure)
}

function refuseSingleQuotes(field: Field, word: Word): void {
  const quoted = /^'(.*)'$/s.exec(textOf(word))?.[1]
  if (quoted === undefined || word.characters.some(({ literal }) => literal)) return
  const cure = `write ${field.name}:${formatValue(quoted)}, or with a backslash before the first sign if the value has it`
  throw new QuerySyntaxError('single quotes are no quotes here', word.position, cure)
}

function lowerBound(field: Field, { text, position, inclusive }: IntervalEnd, nowMs: number): Bound {
  if (field.kind !== 'date') return { value: orderedNumber(field, text, position), inclusive }
  const { startMs, endMs } = spanOf(field, text, position, nowMs)
  return including(inclusive ? startMs : endMs)
}

function upperBound(field: Field, { text, position, inclusive }: IntervalEnd, nowMs: number): Bound {
  if (field.kind !== 'date') return { value: orderedNumber(field, text, position), inclusive }
  const { startMs, endMs } = spanOf(field, text, position, nowMs)
  return excluding(inclusive ? endMs : startMs)
}

const including = (value: number): Bound => ({ value, inclusive: true })
const excluding = (value: number): Bound => ({ value, inclusive: false })

function orderedNumber(field: Field, text: string, position: number): number {
  if (field.kind === 'number') return numberOf(field, text, position)
  const cure = `ranges are for numbers and times; for texts write ${field.name}:${formatValue(text)} or use * and ?`
  throw new QuerySyntaxError(`${field.name} has no order`, position, cure)
}

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?$/i

/** A larger one is not what was written: 1e999 is none in JSON, and Elasticsearch takes no 1e30 for a whole number. */
const LARGEST = Number.MAX_SAFE_INTEGER

function numberOf(field: Field, text: string, position: number): number {
  if (NUMBER.test(text)) {
    const value = Number(text)
    if (Math.abs(value) <= LARGEST) return value
    const cure = `write a number from -${LARGEST} to ${LARGEST}, or leave the term out`
    throw new QuerySyntaxError(`${shorten(text)} is larger than ${field.name} can be`, position, cure)
  }
  const family = /^([1-5])(?:xx|\*|\?\?)$/i.exec(text)?.[1]
  const cure =
    family === undefined
      ? `write ${field.name}:500, ${field.name}:>=500 or ${field.name}:[500 TO 599]`
      : `write ${field.name}:[${family}00 TO ${family}99]`
  throw new QuerySyntaxError(`${field.name} is a number, and ${shorten(text)} is none`, position, cure)
}

function booleanOf(field: Field, text: string, position: number): boolean {
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  const cure = `write ${field.name}:true or ${field.name}:false`
  throw new QuerySyntaxError(`${field.name} is true or false, not ${shorten(text)}`, position, cure)
}

function spanOf(field: Field, text: string, position: number, nowMs: number): { startMs: number; endMs: number } {
  const span = parseSpan(text, nowMs)
  if (span !== null) return span
  const cure = `write ${field.name}:>=2026-01-31, "2026-01-31T12:00:00Z" or now-15m`
  throw new QuerySyntaxError(`${shorten(text)} is no time`, position, cure)
}

/** Neighbouring characters joined, `**` as one, in the order of the word. */
function piecesOf({ characters }: Word): (string | Wildcard)[] {
  const pieces: (string | Wildcard)[] = []
  let literal = ''
  const flush = (): void => {
    if (literal !== '') pieces.push(literal)
    literal = ''
  }
  for (const { text, literal: plain } of characters) {
    if (plain || (text !== '*' && text !== '?')) {
      literal += text
      continue
    }
    flush()
    const last = pieces.at(-1)
    const any = text === '*' ? 'characters' : 'character'
    if (any === 'characters' && typeof last === 'object' && last.any === 'characters') continue
    pieces.push({ any })
  }
  flush()
  return pieces
}

function shorten(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 57)}…` : text
  return `"${shown}"`
}
