/** The most frequent values of a field, with what became of their requests. */
import type * as Api from '../../api/schema.ts'
import { findField } from '../../fields.ts'
import type { IndexFields } from './fields.ts'
import { type Aggregations, type Found, type PercentileForm, readTally, tallyAggregations } from './numbers.ts'
import type { SearchAnswer } from './search.ts'

/** From each shard, so that a value that is frequent in all but among the first in none is counted too. */
const SHARD_SIZE = 200
const ORDER = [{ _count: 'desc' }, { _key: 'asc' }]

export function topAggregations(
  field: string,
  size: number,
  fields: IndexFields,
  percentiles: PercentileForm,
): Aggregations {
  const terms = {
    field: fields.exact(field),
    size,
    shard_size: SHARD_SIZE,
    order: ORDER,
  }
  const aggs = tallyAggregations(percentiles)
  return { top: { terms, aggs }, ...(mayLack(field) && { without: { missing: { field: terms.field }, aggs } }) }
}

/** An empty list has no value in an index; what only the data stream has is not written where it is empty. */
function mayLack(name: string): boolean {
  const field = findField(name)
  return field?.kind === 'list' || field?.elasticsearch === null
}

export const noTop = (field: string): Api.TopTable => ({ field, values: [], others: 0 })

interface TermsBucket extends Found {
  readonly key: string | number
}

/** @param answer - Of a search that counts its hits. */
export function readTop(answer: SearchAnswer, field: string, size: number, percentiles: PercentileForm): Api.TopTable {
  const { top, without } = answer.aggregations ?? {}
  if (top === undefined) return noTop(field)
  const { buckets, sum_other_doc_count: rest } = top as unknown as {
    buckets: readonly TermsBucket[]
    sum_other_doc_count: number
  }
  const values = buckets.map((bucket) => valueOf(String(bucket.key), bucket, percentiles))
  if (without === undefined) {
    // Texts that are too long for a keyword are among no values of the index, but among the others.
    return { field, values, others: (answer.hits.total?.value ?? 0) - countOf(values) }
  }
  const none = valueOf('', without, percentiles)
  const all = (none.count > 0 ? [...values, none] : values).toSorted(
    (a, b) => b.count - a.count || (a.value < b.value ? -1 : 1),
  )
  return { field, values: all.slice(0, size), others: rest + countOf(all.slice(size)) }
}

const countOf = (values: readonly Api.TopValue[]): number => values.reduce((sum, { count }) => sum + count, 0)

function valueOf(value: string, found: Found, percentiles: PercentileForm): Api.TopValue {
  return { value, ...readTally(found, percentiles) }
}
