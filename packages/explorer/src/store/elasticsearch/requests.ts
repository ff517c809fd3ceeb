import type * as Api from '../../api/schema.ts'
import { findField } from '../../fields.ts'
import { type Answer, MOST_CURSOR_CHARACTERS, type PageQuestion } from '../types.ts'
import { ProblemError } from '../../errors.ts'
import type { Clause } from './compile.ts'
import type { IndexFields } from './fields.ts'
import { readTraffic, timeBuckets, trafficAggregation } from './numbers.ts'
import { timeClause } from './overview.ts'
import { membersOf, toRow } from './rows.ts'
import { type Hit, partialityOf, type SearchAnswer } from './search.ts'

/**
 * Where the next page begins: behind the last document's value and time, where documents of the very same value and
 * millisecond that were shown already are left out by their ids. A number for each document would do better, but indices have
 * none, and a point in time that is kept open costs the store more.
 */
interface Cursor {
  readonly value: string | number | boolean | null
  readonly timeMs: number
  readonly seen: readonly string[]
}

/** Of a raw message as a column of a page; an export has it whole. */
const MOST_RAW_CHARACTERS = 2000

export interface PageForm {
  readonly withTraffic: boolean
}

/** @throws ProblemError when `after` is not of this query. */
export function pageBody(
  question: PageQuestion,
  filter: Clause,
  fields: IndexFields,
  { withTraffic }: PageForm,
): object {
  const { fromMs, toMs, size, sort, order, after } = question
  const cursor = after === undefined ? null : parseCursor(after)
  const byTime = sort === '@timestamp'
  const first = byTime ? [] : [{ [fields.exact(sort)]: { order, missing: '_last', unmapped_type: typeOf(sort) } }]
  const timeOrder = byTime ? order : 'desc'
  const shifted = cursor === null ? 0 : cursor.timeMs + (timeOrder === 'asc' ? -1 : 1)
  return {
    // One more says whether there is a next page.
    size: size + 1,
    track_total_hits: false,
    query: { bool: { filter: [timeClause(fromMs, toMs), filter] } },
    sort: [...first, { '@timestamp': { order: timeOrder, unmapped_type: 'date' } }],
    _source: sourceOf(question.columns),
    ...(cursor !== null && {
      search_after: byTime ? [shifted] : [cursor.value, shifted],
      post_filter: { bool: { must_not: [{ ids: { values: cursor.seen } }] } },
    }),
    ...(withTraffic && { aggs: { time: trafficAggregation(fields, question.bucketMs) } }),
  }
}

/** Indices that lack the field must sort as those that have it. */
function typeOf(name: string): string {
  const kind = findField(name)?.kind
  return kind === 'number' ? 'long' : kind === 'date' ? 'date' : 'keyword'
}

function sourceOf(columns: readonly string[]): readonly string[] {
  return [...new Set([...columns, '@timestamp'].flatMap(membersOf))]
}

export function readPage(
  answer: SearchAnswer,
  question: PageQuestion,
): Answer<Omit<Api.Requests, 'range' | 'quality'>> {
  const hits = answer.hits.hits.slice(0, question.size)
  const buckets = timeBuckets(answer.aggregations?.['time'] ?? { buckets: [] })
  const partial = partialityOf(answer)
  const { after, lost } = nextPage(answer.hits.hits, question)
  return {
    // The total of the hits lacks what the cursor leaves out.
    total: { value: buckets.reduce((sum, bucket) => sum + bucket.doc_count, 0), exact: partial === null },
    traffic: buckets.map(readTraffic),
    rows: hits.map((hit) => toRow(hit, question.columns, MOST_RAW_CHARACTERS)),
    next: after,
    partial: partial ?? lost,
  }
}

export interface NextPage {
  /** The cursor; null at the end, and where none can say the place. */
  readonly after: string | null
  /** Why there are more documents than a cursor reaches; null when there are not. */
  readonly lost: string | null
}

export function nextPage(found: readonly Hit[], { size, after }: PageQuestion): NextPage {
  const hits = found.slice(0, size)
  const last = hits.at(-1)
  if (last === undefined || found.length <= size) return { after: null, lost: null }
  const [value, timeMs] = placeOf(last)
  const ids = hits.filter((hit) => isSamePlace(placeOf(hit), [value, timeMs])).map(({ _id: id }) => id)
  const before = after === undefined ? null : parseCursor(after)
  // A page of one millisecond goes on from the page before.
  const goesOn =
    ids.length === hits.length && before !== null && isSamePlace([before.value, before.timeMs], [value, timeMs])
  const seen = goesOn ? [...before.seen, ...ids] : ids
  const cursor: Cursor = { value, timeMs, seen }
  const text = Buffer.from(JSON.stringify(cursor)).toString('base64url')
  if (text.length <= MOST_CURSOR_CHARACTERS) return { after: text, lost: null }
  return { after: null, lost: 'the list ends early: more requests of one millisecond than pages can tell apart' }
}

type Place = readonly [Cursor['value'], number]

function placeOf({ sort = [] }: Hit): Place {
  const value = sort.length > 1 ? (sort[0] as Cursor['value']) : null
  return [value, Number(sort.at(-1))]
}

const isSamePlace = (one: Place, other: Place): boolean => one[0] === other[0] && one[1] === other[1]

function parseCursor(text: string): Cursor {
  try {
    const { value, timeMs, seen } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Cursor
    const isValue = value === null || ['string', 'number', 'boolean'].includes(typeof value)
    const isSeen = Array.isArray(seen) && seen.every((id) => typeof id === 'string')
    if (isValue && Number.isSafeInteger(timeMs) && isSeen) return { value, timeMs, seen }
  } catch {
    // Said below.
  }
  throw new ProblemError(
    400,
    'bad_request',
    'after is not from a page of this explorer',
    'take next of the page before',
  )
}
