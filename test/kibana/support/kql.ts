/**
 * The part of Kibana's query language that the pack uses, as Elasticsearch gets it and as a predicate on documents.
 * Everything else is refused, so that a query outside it fails the tests.
 */

export type Query =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Query[] }
  | { readonly kind: 'not'; readonly part: Query }
  | { readonly kind: 'exists'; readonly field: string }
  | { readonly kind: 'is'; readonly field: string; readonly value: string; readonly quoted: boolean }
  | { readonly kind: 'range'; readonly field: string; readonly operator: Operator; readonly value: number }

type Operator = '>=' | '<=' | '>' | '<'

const TOKEN = /\s*(?:(>=|<=|[<>():])|"((?:[^"\\]|\\.)*)"|([\w.@*-]+))/y

interface Token {
  readonly text: string
  readonly kind: 'sign' | 'quoted' | 'word'
}

/** @throws When the text is no query of the subset. */
export function parseKql(text: string): Query {
  const tokens = tokensOf(text)
  if (tokens.length === 0) return { kind: 'all' }
  let at = 0
  const fail = (what: string): never => {
    throw new SyntaxError(`${what} at token ${at} of the query ${text}`)
  }
  const is = (word: string): boolean => tokens[at]?.kind !== 'quoted' && tokens[at]?.text === word
  const take = (word: string): boolean => is(word) && ++at > 0
  const next = (): Token => tokens[at++] ?? fail('the end')

  const or = (): Query => chain('or', and)
  const and = (): Query => chain('and', not)
  function chain(kind: 'and' | 'or', inner: () => Query): Query {
    const parts = [inner()]
    while (take(kind)) parts.push(inner())
    return parts.length === 1 ? parts[0]! : { kind, parts }
  }
  function not(): Query {
    if (take('not')) return { kind: 'not', part: not() }
    if (!take('(')) return comparison()
    const inner = or()
    return take(')') ? inner : fail('a missing )')
  }
  function comparison(): Query {
    const field = next()
    if (field.kind !== 'word') fail('no field')
    const sign = next().text
    if (sign === ':') return values(field.text)
    if (!isOperator(sign)) return fail('no operator')
    const number = Number(next().text)
    if (!Number.isFinite(number)) fail('no number')
    return { kind: 'range', field: field.text, operator: sign, value: number }
  }
  function values(field: string): Query {
    if (!take('(')) return value(field)
    const parts = [value(field)]
    while (take('or')) parts.push(value(field))
    if (!take(')')) fail('a missing )')
    return { kind: 'or', parts }
  }
  function value(field: string): Query {
    const token = next()
    if (token.kind === 'word' && token.text === '*') return { kind: 'exists', field }
    if (token.kind === 'sign' || (token.kind === 'word' && token.text.includes('*'))) fail('no value')
    return { kind: 'is', field, value: token.text, quoted: token.kind === 'quoted' }
  }

  const query = or()
  if (at < tokens.length) fail('something more')
  return query
}

const isOperator = (text: string): text is Operator => ['>=', '<=', '>', '<'].includes(text)

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (text.slice(TOKEN.lastIndex).trim() !== '') {
    const from = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (match === null) throw new SyntaxError(`no token at ${from} of the query ${text}`)
    const [, sign, quoted, word] = match
    if (sign !== undefined) tokens.push({ text: sign, kind: 'sign' })
    else if (quoted === undefined) tokens.push({ text: word ?? '', kind: 'word' })
    else tokens.push({ text: quoted.replace(/\\(.)/g, '$1'), kind: 'quoted' })
  }
  return tokens
}

/** What Kibana sends for it. */
export function toElasticsearch(query: Query): object {
  switch (query.kind) {
    case 'all':
      return { match_all: {} }
    case 'and':
      return { bool: { filter: query.parts.map(toElasticsearch) } }
    case 'or':
      return { bool: { should: query.parts.map(toElasticsearch), minimum_should_match: 1 } }
    case 'not':
      return { bool: { must_not: toElasticsearch(query.part) } }
    case 'exists':
      return should({ exists: { field: query.field } })
    case 'is':
      return should({ [query.quoted ? 'match_phrase' : 'match']: { [query.field]: query.value } })
    case 'range': {
      const name = { '>=': 'gte', '<=': 'lte', '>': 'gt', '<': 'lt' }[query.operator]
      return should({ range: { [query.field]: { [name]: String(query.value) } } })
    }
    default:
      throw new TypeError('unknown kind of query')
  }
}

const should = (clause: object): object => ({ bool: { should: [clause], minimum_should_match: 1 } })

/** Whether a document is found. `valuesOf` knows where its fields are. */
export function matches(query: Query, valuesOf: (field: string) => readonly unknown[]): boolean {
  switch (query.kind) {
    case 'all':
      return true
    case 'and':
      return query.parts.every((part) => matches(part, valuesOf))
    case 'or':
      return query.parts.some((part) => matches(part, valuesOf))
    case 'not':
      return !matches(query.part, valuesOf)
    case 'exists':
      return valuesOf(query.field).length > 0
    case 'is':
      return valuesOf(query.field).some((value) => String(value) === query.value)
    case 'range':
      return valuesOf(query.field).some((value) => compare(Number(value), query.operator, query.value))
    default:
      throw new TypeError('unknown kind of query')
  }
}

function compare(left: number, operator: Operator, right: number): boolean {
  if (operator === '>=') return left >= right
  if (operator === '<=') return left <= right
  return operator === '>' ? left > right : left < right
}

export function fieldsOf(query: Query): string[] {
  switch (query.kind) {
    case 'all':
      return []
    case 'and':
    case 'or':
      return query.parts.flatMap(fieldsOf)
    case 'not':
      return fieldsOf(query.part)
    case 'exists':
    case 'is':
    case 'range':
      return [query.field]
    default:
      throw new TypeError('unknown kind of query')
  }
}
