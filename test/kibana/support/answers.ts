/** Answers of Elasticsearch, read for what a panel would show. */
import type { Query } from './kql.ts'
import type { PanelRequest } from './requests.ts'

type Aggregations = Readonly<Record<string, unknown>>

export interface Answer {
  readonly hits: { readonly total: { readonly value: number }; readonly hits: readonly unknown[] }
  readonly aggregations?: Aggregations
}

interface Bucket extends Aggregations {
  readonly doc_count: number
}

export function bucketsOf(aggregation: unknown): Bucket[] {
  const { buckets } = (aggregation ?? {}) as { buckets?: Bucket[] | Record<string, Bucket> }
  return buckets === undefined ? [] : Object.values(buckets)
}

/** Aggregations without any document, and measures without a value. */
export function emptyParts({ body }: PanelRequest, { aggregations }: Answer): string[] {
  return emptyIn((body['aggs'] ?? {}) as Aggregations, [aggregations ?? {}], '')
}

/** `found`: the same level in every bucket; it has to be filled in one of them. */
function emptyIn(asked: Aggregations, found: readonly Aggregations[], path: string): string[] {
  return Object.entries(asked).flatMap(([id, request]) => {
    const here = `${path}/${id}`
    const answers = found.map((level) => level[id] as Aggregations)
    const { aggs = {}, filters } = request as { aggs?: Aggregations; filters?: { filters: Record<string, object> } }
    if (filters !== undefined) {
      const empty = Object.keys(filters.filters).filter((label) =>
        answers.every((answer) => (answer['buckets'] as Record<string, Bucket>)[label]!.doc_count === 0),
      )
      if (empty.length > 0) return empty.map((label) => `${here}: ${label}`)
    }
    const buckets = answers.flatMap(bucketsOf)
    const filled = buckets.filter(({ doc_count }) => doc_count > 0)
    if (answers.every((answer) => 'buckets' in answer)) {
      return filled.length === 0 ? [here] : emptyIn(aggs, filled, here)
    }
    return answers.some(hasValue) ? [] : [here]
  })
}

function hasValue(answer: Aggregations): boolean {
  const { value, values, doc_count: documents, location } = answer as Record<string, unknown>
  if (values !== undefined) return Object.values(values as object).some((one) => one !== null)
  return Boolean(documents) || location !== undefined || (value !== undefined && value !== null && value !== 0)
}

interface FilterCount {
  readonly path: string
  readonly counted: number
  readonly query: Query
}

/** Counts of filters at the top of a request, with the query that each of them stands for. */
export function filterCounts(request: PanelRequest, { aggregations = {} }: Answer): FilterCount[] {
  return request.filterQueries.map(({ id, label, query }) => {
    const answer = aggregations[id] as { doc_count?: number; buckets?: Record<string, Bucket> }
    const counted = label === null ? answer.doc_count : answer.buckets?.[label]?.doc_count
    return { path: `${request.name} ${id} ${label ?? ''}`, counted: counted ?? -1, query }
  })
}
