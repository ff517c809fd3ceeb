import { FREE_TEXT_FIELDS, findField, RAW_TEXT_FIELDS } from '../../fields.ts'
import type { Bound, Query, Wildcard } from '../../query/ast.ts'
import { anyCase } from './any-case.ts'
import type { IndexFields } from './fields.ts'

export type Clause = Readonly<Record<string, object>>

const NOTHING: Clause = { match_none: {} }

/** A query line as a filter. A field that the index does not have is nowhere, and so it is empty everywhere. */
export function compileQuery(query: Query, fields: IndexFields): Clause {
  switch (query.kind) {
    case 'all':
      return { match_all: {} }
    case 'and':
      return { bool: { filter: query.parts.map((part) => compileQuery(part, fields)) } }
    case 'or':
      return { bool: { should: query.parts.map((part) => compileQuery(part, fields)), minimum_should_match: 1 } }
    case 'not':
      return { bool: { must_not: [compileQuery(query.part, fields)] } }
    case 'text':
      return textClause(query.pieces, fields)
    default:
      if (fields.names.has(query.field)) return fieldClause(query, fields)
      return query.kind === 'equals' && query.value === '' ? { match_all: {} } : NOTHING
  }
}

function fieldClause(query: Extract<Query, { readonly field: string }>, fields: IndexFields): Clause {
  const exact = fields.exact(query.field)
  const isRaw = findField(query.field)?.kind === 'text'
  switch (query.kind) {
    case 'equals':
      if (isRaw) return rawClause(query.field, [String(query.value)], fields)
      return equalsClause(query.field, query.value, fields)
    case 'matches':
      if (isRaw) return rawClause(query.field, query.pieces, fields)
      return { wildcard: { [exact]: { value: wildcardPattern(query.pieces) } } }
    case 'range':
      return { range: { [exact]: rangeOf(query.from, query.to, query.field === '@timestamp') } }
    case 'exists':
      return existsClause(query.field, fields)
  }
}

/** Dynamic mapping keeps no keyword of a longer text; other mappings keep more, and lose nothing by this. */
const KEYWORD_CHARACTERS = 256

function equalsClause(field: string, value: string | number | boolean, fields: IndexFields): Clause {
  const exact = fields.exact(field)
  const words = fields.words(field)
  const term = { term: { [exact]: value } }
  // A tag is also found by what comes behind a hyphen, as `user-foo@bar.com` by the address.
  if (findField(field)?.kind === 'list') {
    return anyOf([term, { wildcard: { [exact]: { value: `*-${wildcardPattern([String(value)])}` } } }])
  }
  // What a document does not have is as good as empty.
  if (value === '') return { bool: { must_not: [existsClause(field, fields)] } }
  if (typeof value !== 'string' || value.length <= KEYWORD_CHARACTERS || words === null) return term
  // The same words in the same order, of documents whose text was too long for a keyword.
  const long = { bool: { filter: [{ match_phrase: { [words]: value } }], must_not: [{ exists: { field: exact } }] } }
  return anyOf([term, long])
}

function existsClause(field: string, fields: IndexFields): Clause {
  const kind = findField(field)?.kind
  const exact = fields.exact(field)
  if (kind === 'number' || kind === 'date' || kind === 'boolean') return { exists: { field: exact } }
  const words = fields.words(field)
  const short = { bool: { filter: [{ exists: { field: exact } }], must_not: [{ term: { [exact]: '' } }] } }
  const tooLong = findField(field)?.dataStream
  return anyOf([
    short,
    ...(words === null
      ? []
      : [{ bool: { filter: [{ exists: { field: words } }], must_not: [{ exists: { field: exact } }] } }]),
    // Of a text that is too long for a keyword and has no words, only this is known.
    ...(tooLong == null ? [] : [{ term: { _ignored: tooLong } }]),
  ])
}

function rangeOf(from: Bound | undefined, to: Bound | undefined, isDate: boolean): object {
  return {
    ...(from && { [from.inclusive ? 'gte' : 'gt']: from.value }),
    ...(to && { [to.inclusive ? 'lte' : 'lt']: to.value }),
    ...(isDate && { format: 'epoch_millis' }),
  }
}

/** Anywhere in path, user agent or a tag, whatever the letter case, or as words of a raw message. */
function textClause(pieces: readonly (string | Wildcard)[], fields: IndexFields): Clause {
  const short = FREE_TEXT_FIELDS.filter((name) => fields.names.has(name)).map((name) =>
    containsClause(fields.exact(name), pieces),
  )
  const raw = RAW_TEXT_FIELDS.map((name) => rawClause(name, pieces, fields)).filter((clause) => clause !== NOTHING)
  return anyOf([...short, ...raw])
}

/** index.max_regex_length */
const MOST_PATTERN_CHARACTERS = 1000

function containsClause(field: string, pieces: readonly (string | Wildcard)[]): Clause {
  // The cheaper one, which folds the case of ASCII alone.
  const plain = { wildcard: { [field]: { value: `*${wildcardPattern(pieces)}*`, case_insensitive: true } } }
  const isFolded = pieces.every((piece) => typeof piece !== 'string' || !/[^\0-\x7F]/.test(piece))
  if (isFolded) return plain
  const pattern = pieces
    .map((piece) => (typeof piece === 'string' ? anyCase(piece) : piece.any === 'characters' ? '.*' : '.'))
    .join('')
  return pattern.length > MOST_PATTERN_CHARACTERS - 4 ? plain : { regexp: { [field]: { value: `.*${pattern}.*` } } }
}

/**
 * A raw message is kept as words alone, so texts between wildcards are looked for as phrases, in any order. In base64, as the
 * pump writes it without `decode_base64`, nothing is found.
 */
function rawClause(name: string, pieces: readonly (string | Wildcard)[], fields: IndexFields): Clause {
  const words = fields.words(name)
  const phrases = pieces.filter((piece) => typeof piece === 'string' && /[\p{L}\p{N}]/u.test(piece))
  if (!fields.names.has(name) || words === null || phrases.length === 0) return NOTHING
  return { bool: { filter: phrases.map((phrase) => ({ match_phrase: { [words]: phrase } })) } }
}

function anyOf(clauses: readonly Clause[]): Clause {
  return clauses.length === 0 ? NOTHING : { bool: { should: clauses, minimum_should_match: 1 } }
}

function wildcardPattern(pieces: readonly (string | Wildcard)[]): string {
  return pieces
    .map((piece) => {
      if (typeof piece === 'string') return piece.replace(/[\\*?]/g, '\\$&')
      return piece.any === 'characters' ? '*' : '?'
    })
    .join('')
}
