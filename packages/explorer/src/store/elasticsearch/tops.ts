/** The most frequent values of a field, with what became of their requests. */
import type * as Api from '../../api/schema.ts'
import { findField } from '../../fields.ts'
import type { Answer } from '../types.ts'
import type { IndexFields } from './fields.ts'
import { type Aggregations, type Found, type PercentileForm, readTally, tallyAggregations } from './numbers.ts'
import { partialityOf, type SearchAnswer } from './search.ts'

/** From each shard, so that a value that is frequent in all but among the first in none is counted too. */
const SHARD_SIZE = 200
const ORDER = [{ _count: 'desc' }, { _key: 'asc' }]

/** Asks the requests of one range and query; the answer counts them. */
export type Ask = (aggregations: Aggregations) => Promise<SearchAnswer>

interface Terms {
  readonly sum_other_doc_count: number
  readonly buckets: readonly (Found & { readonly key: string | number })[]
}

/**
 * Two searches: which values there are, and the errors and times of those that are shown. In one search a server keeps a
 * histogram for each value that it meets, of a million requests with hundreds of tags for half a second more.
 */
export async function readTop(
  ask: Ask,
  field: string,
  size: number,
  fields: IndexFields,
  percentiles: PercentileForm,
): Promise<Answer<Api.TopTable>> {
  const terms = { field: fields.exact(field), size, order: ORDER }
  const counted = await ask({ top: { terms: { ...terms, shard_size: SHARD_SIZE } } })
  const { buckets = [], sum_other_doc_count: rest = 0 } = (counted.aggregations?.['top'] ?? {}) as Partial<Terms>
  if ((counted.hits.total?.value ?? 0) === 0) return { field, values: [], others: 0, partial: partialityOf(counted) }

  const include = buckets.map(({ key }) => key)
  const aggs = tallyAggregations(fields, percentiles)
  const answer = await ask({
    ...(include.length > 0 && { top: { terms: { ...terms, include, collect_mode: 'depth_first' }, aggs } }),
    ...(mayLack(field) && { without: { missing: { field: terms.field }, aggs } }),
  })
  const { top, without } = answer.aggregations ?? {}
  const shown = (top as Terms | undefined)?.buckets ?? []
  const values = shown.map((bucket) => valueOf(String(bucket.key), bucket, percentiles))
  const partial = partialityOf(counted) ?? partialityOf(answer)
  // Requests that have come since the first search are in the second one, but for other values of a list.
  if (without === undefined) {
    // Texts that are too long for a keyword are among no values of the index, but among the others.
    return { field, values, others: (answer.hits.total?.value ?? 0) - countOf(values), partial }
  }
  const none = valueOf('', without, percentiles)
  const all = (none.count > 0 ? [...values, none] : values).toSorted(
    (a, b) => b.count - a.count || (a.value < b.value ? -1 : 1),
  )
  return { field, values: all.slice(0, size), others: rest + countOf(all.slice(size)), partial }
}

/** An empty list has no value in an index; what only the data stream has is not written where it is empty. */
function mayLack(name: string): boolean {
  const field = findField(name)
  return field?.kind === 'list' || field?.elasticsearch === null
}

const countOf = (values: readonly Api.TopValue[]): number => values.reduce((sum, { count }) => sum + count, 0)

function valueOf(value: string, found: Found, percentiles: PercentileForm): Api.TopValue {
  return { value, ...readTally(found, percentiles) }
}
