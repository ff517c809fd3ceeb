/**
 * The query line: `response_code:500 and api_name:httpbin`, in the words that people type into Kibana.
 *
 * The library `liqe` reads the structure: and, or, not, brackets. Its terms know no `@timestamp`, no path, no address, no
 * date and no list of values in brackets, and its operators are upper case and have no precedence. So the line is cut
 * into terms here, with their positions, and liqe reads a line with a number for each term (`structure.ts`). Mistakes are
 * found before it, where their place is known.
 */
import { parse as parseStructure, type LiqeQuery } from 'liqe'
import type { Query } from './ast.ts'
import { QuerySyntaxError } from './errors.ts'
import { lex, textOf, type Token } from './lex.ts'
import { Structure } from './structure.ts'
import { comparisonTerm, fieldOf, intervalTerm, textTerm, valueTerm } from './term.ts'

export { QuerySyntaxError } from './errors.ts'

const MAX_LENGTH = 2000

/**
 * @param nowMs - What `now` is.
 * @throws QuerySyntaxError with position and cure.
 */
export function parseQuery(line: string, nowMs: number = Date.now()): Query {
  if (line.length > MAX_LENGTH) {
    const message = `the query has ${line.length} characters, more than ${MAX_LENGTH}`
    throw new QuerySyntaxError(message, MAX_LENGTH, 'shorten it, or narrow the time range instead')
  }
  const structure = new Structure()
  const tokens = lex(line)
  for (let at = 0; at < tokens.length;) at += readOne(tokens, at, structure, { end: line.length, nowMs })
  const text = structure.end()
  return structure.terms.length === 0 ? { kind: 'all' } : toQuery(parseStructure(text), structure.terms)
}

interface Context {
  /** Position behind the line. */
  readonly end: number
  readonly nowMs: number
}

/** Reads one operator, bracket or term, and says how many tokens it had. */
function readOne(tokens: readonly Token[], at: number, structure: Structure, context: Context): number {
  const token = tokens[at] as Token
  switch (token.kind) {
    case 'and':
    case 'or':
    case 'not':
      structure.operator({ kind: token.kind, position: token.position })
      return 1
    case 'open':
      structure.open(structure.field, token.position)
      return 1
    case 'close':
      structure.close(token.position)
      return 1
    case 'word': {
      const { field } = structure
      structure.term(field === null ? textTerm(token) : valueTerm(field, token, context.nowMs), token.position)
      return 1
    }
    case 'field':
      return readField(token, tokens.slice(at + 1, at + 3), structure, context)
    case 'comparison':
    case 'interval':
      throw new QuerySyntaxError('a field is missing before this', token.position, 'write response_code:>=500')
  }
}

function readField(
  token: Token & { kind: 'field' },
  [next, second]: readonly Token[],
  structure: Structure,
  { end, nowMs }: Context,
): number {
  const { name, position } = token
  if (structure.field !== null) {
    const message = `another field inside the values of ${structure.field.name}`
    throw new QuerySyntaxError(message, position, 'close the bracket before it, or put the value in quotes')
  }
  if (name === '_exists_' && next?.kind === 'word') {
    structure.term({ kind: 'exists', field: fieldOf(textOf(next), next.position).name }, position)
    return 2
  }
  const missingAt = (next?.kind === 'comparison' ? second?.position : next?.position) ?? end
  if (name === '_exists_') {
    throw new QuerySyntaxError('a field is missing after _exists_', missingAt, 'write _exists_:alias')
  }
  const field = fieldOf(name, position)
  if (next?.kind === 'open') {
    structure.open(field, next.position)
    return 2
  }
  if (next?.kind === 'word') {
    structure.term(valueTerm(field, next, nowMs), position)
    return 2
  }
  if (next?.kind === 'interval') {
    structure.term(intervalTerm(field, next.from, next.to, nowMs), position)
    return 2
  }
  if (next?.kind === 'comparison' && second?.kind === 'word') {
    structure.term(comparisonTerm(field, next.sign, second, nowMs), position)
    return 3
  }
  const cure = `write ${field.name}: and what it must be, * for any value, "" for the empty text`
  throw new QuerySyntaxError(`a value is missing after ${field.name}`, missingAt, cure)
}

function toQuery(ast: LiqeQuery, terms: readonly Query[]): Query {
  switch (ast.type) {
    case 'ParenthesizedExpression':
      return toQuery(ast.expression, terms)
    case 'UnaryOperator':
      return { kind: 'not', part: toQuery(ast.operand, terms) }
    case 'Tag':
      return terms[Number('value' in ast.expression ? ast.expression.value : NaN)] ?? { kind: 'all' }
    case 'EmptyExpression':
      return { kind: 'all' }
    case 'LogicalExpression': {
      const kind = ast.operator.operator === 'OR' ? 'or' : 'and'
      return { kind, parts: [ast.left, ast.right].flatMap((side) => partsOf(toQuery(side, terms), kind)) }
    }
  }
}

/** `a and b and c` is one list of three. */
function partsOf(query: Query, kind: 'and' | 'or'): readonly Query[] {
  return query.kind === kind ? query.parts : [query]
}
