import { type Static, Type } from 'typebox'
import { type Field, findField } from '../fields.ts'
import { ProblemError } from '../errors.ts'
import { parseQuery, QuerySyntaxError } from '../query/parse.ts'
import type { Query } from '../query/ast.ts'
import type { Question } from '../store/types.ts'
import type { Range } from './schema.ts'
import { bucketSizeOf, parseRange } from './time-range.ts'

export const TimeParameters = {
  from: Type.Optional(
    Type.String({ maxLength: 40, description: 'now, now-15m (s, m, h, d, w) or an ISO time; default now-15m' }),
  ),
  to: Type.Optional(
    Type.String({ maxLength: 40, description: 'the same; default now. It is not in the range itself' }),
  ),
}

/** What every view takes. */
export const ViewParameters = {
  q: Type.Optional(
    // Its length is checked where it is parsed, which says what to do.
    Type.String({ description: 'a query line such as response_code:500, of 2000 characters at most; default: all' }),
  ),
  ...TimeParameters,
}

const ViewQuery = Type.Object(ViewParameters)
export type ViewQuery = Static<typeof ViewQuery>

export interface View {
  readonly question: Question
  readonly range: Range
}

/** @throws ProblemError with code bad_request, or query_syntax and the position of the mistake. */
export function readView({ q = '', from, to }: ViewQuery, nowMs: number): View {
  const { fromMs, toMs } = parseRange(from, to, nowMs)
  const bucketMs = bucketSizeOf({ fromMs, toMs })
  return {
    question: { query: readQuery(q, nowMs), fromMs, toMs, bucketMs },
    range: { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), bucketMs },
  }
}

function readQuery(text: string, nowMs: number): Query {
  try {
    return parseQuery(text, nowMs)
  } catch (error) {
    if (!(error instanceof QuerySyntaxError)) throw error
    const { message, position, cure } = error
    throw new ProblemError(400, 'query_syntax', message, cure, { position, cause: error })
  }
}

/** @throws ProblemError when there is no such field. */
export function readField(name: string): Field {
  const field = findField(name)
  if (field === undefined) {
    throw new ProblemError(
      400,
      'bad_request',
      `there is no field ${name.slice(0, 80)}`,
      '/api/v1/about lists the fields',
    )
  }
  return field
}

const DEFAULT_COLUMNS = [
  '@timestamp',
  'http_method',
  'request_uri',
  'response_code',
  'request_time_ms',
  'api_name',
  'api_version',
  'alias',
  'ip_address',
  'user_agent',
  'tags',
]

/** @param text - Names separated by commas. */
export function readColumns(text: string | undefined): readonly string[] {
  if (text === undefined || text === '') return DEFAULT_COLUMNS
  return [...new Set(text.split(','))].map((name) => readField(name).name)
}

export const ColumnParameters = {
  columns: Type.Optional(
    Type.String({ maxLength: 1000, description: 'names of fields, separated by commas; default: the usual ones' }),
  ),
  sort: Type.Optional(Type.String({ maxLength: 40, description: 'a field; default @timestamp' })),
  order: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
}

/** @throws ProblemError when the field has no order. */
export function readSort(name = '@timestamp'): string {
  const field = readField(name)
  if (field.kind === 'list' || field.kind === 'text') {
    throw new ProblemError(400, 'bad_request', `${name} has no order to sort by`, 'sort by another field')
  }
  return field.name
}
