import type * as Api from '../../api/schema.ts'
import { compareTexts } from '../compare-texts.ts'
import { madeBy, reasonOf } from '../reasons.ts'
import type { Answer, Question } from '../types.ts'
import type { Clause } from './compile.ts'
import { AT_UPSTREAM, detailSearches, readDetails } from './error-details.ts'
import { codeClause, type Group, note, placeOf, readGroups } from './error-groups.ts'
import type { IndexFields } from './fields.ts'
import { type Found, partOf, readConsumers, timeBuckets } from './numbers.ts'
import { timeClause } from './overview.ts'
import type { Search, SearchAnswer } from './search.ts'

/** What their requests are is asked for before it is known which of them have errors. */
const MOST_APIS = 500

export async function readErrors(
  search: Search,
  question: Question,
  filter: Clause,
  fields: IndexFields,
): Promise<Answer<Omit<Api.Errors, 'range' | 'quality'>>> {
  const { fromMs, toMs, bucketMs } = question
  const time = timeClause(fromMs, toMs)
  const early = search(apisBody(time, fields, null))
  // It is of no use where there is no error.
  early.catch(() => undefined)
  const partial = new Set<string>()
  const { groups: shown, known, count } = await readGroups(search, [time, filter], fields, partial)
  const others = count - shown.reduce((sum, group) => sum + group.count, 0)
  if (shown.length === 0) return { groups: [], others, partial: textOf(partial) }
  const failures = [time, filter, codeClause(fields, { from: 400, to: 600 })]
  const details = detailSearches(failures, fields, shown, known, bucketMs)
  if (details.partial !== null) partial.add(details.partial)
  const [totals, answers] = await Promise.all([
    readTotals(early, shown, (ids) => search(apisBody(time, fields, ids)), partial),
    Promise.all(details.bodies.map(search)),
  ])
  for (const answer of answers) note(partial, answer)
  const found = readDetails(answers)
  const rows = shown.flatMap((group, at) => toGroup(group, found.get(at), totals, question) ?? [])
  return { groups: rows.toSorted(inOrder), others, partial: textOf(partial) }
}

interface ApiTerms {
  readonly buckets: readonly (Found & { readonly key: string })[]
  readonly sum_other_doc_count: number
  readonly doc_count_error_upper_bound: number
}

const termsOf = ({ aggregations }: SearchAnswer): Partial<ApiTerms> =>
  (aggregations?.['apis'] ?? {}) as Partial<ApiTerms>

/** How many requests each API of the groups has in all. */
async function readTotals(
  early: Promise<SearchAnswer>,
  groups: readonly Group[],
  ask: (ids: readonly string[]) => Promise<SearchAnswer>,
  partial: Set<string>,
): Promise<ReadonlyMap<string, number>> {
  const first = await early
  const { sum_other_doc_count: others = 0, doc_count_error_upper_bound: error = 0 } = termsOf(first)
  // A shard tells its first ones only: where it has more, the sums of these may be too low as well.
  const answer = others === 0 && error === 0 ? first : await ask([...new Set(groups.map(({ apiId }) => apiId))])
  note(partial, answer)
  const { buckets = [] } = termsOf(answer)
  return new Map(buckets.map(({ key, doc_count: count }) => [key, count]))
}

function inOrder(a: Api.ErrorGroup, b: Api.ErrorGroup): number {
  return b.count - a.count || compareTexts(b.lastSeen, a.lastSeen) || compareTexts(placeOf(a), placeOf(b))
}

/**
 * An API's share is of all its requests, whatever the query, so this has a search of its own.
 *
 * @param ids - Null: those with most requests.
 */
function apisBody(time: Clause, fields: IndexFields, ids: readonly string[] | null): object {
  const terms = {
    field: fields.exact('api_id'),
    missing: '',
    size: ids?.length ?? MOST_APIS,
    ...(ids && { include: ids }),
  }
  return { size: 0, track_total_hits: false, query: { bool: { filter: [time] } }, aggs: { apis: { terms } } }
}

function toGroup(
  group: Group,
  found: Found | undefined,
  totals: ReadonlyMap<string, number>,
  { fromMs, toMs, bucketMs }: Question,
): Api.ErrorGroup | null {
  const example = (found?.['example'] as { hits: { hits: readonly { _id: string }[] } } | undefined)?.hits.hits[0]?._id
  // It was deleted between the two searches.
  if (found === undefined || example === undefined) return null
  const { apiId, apiName, apiVersion, pathPattern: pattern, code, count } = group
  // Flat documents have no time of the upstream.
  const timed = (found['timed'] as { readonly value: number } | undefined)?.value ?? 0
  const by = madeBy(code, timed, timed === 0 ? 0 : partOf(found['upstream'] as Found, AT_UPSTREAM.key).doc_count)
  const first = Math.floor(fromMs / bucketMs)
  const sparkline = Array.from({ length: Math.floor((toMs - 1) / bucketMs) - first + 1 }, () => 0)
  for (const { key, doc_count: records } of timeBuckets(found['time'])) sparkline[key / bucketMs - first] = records
  const { min, max } = found['seen'] as { readonly min: number; readonly max: number }
  return {
    apiId,
    apiName,
    apiVersion,
    pathPattern: pattern,
    code,
    reason: reasonOf(code, by),
    madeBy: by,
    count,
    shareOfApi: Math.min(1, count / Math.max(count, totals.get(apiId) ?? 0)),
    firstSeen: new Date(min).toISOString(),
    lastSeen: new Date(max).toISOString(),
    consumers: readConsumers(found),
    sparkline,
    example,
  }
}

const textOf = (partial: ReadonlySet<string>): string | null => (partial.size === 0 ? null : [...partial].join('; '))
