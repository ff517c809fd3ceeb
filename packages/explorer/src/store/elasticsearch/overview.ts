import type * as Api from '../../api/schema.ts'
import type { Answer, TopQuestion } from '../types.ts'
import type { Clause } from './compile.ts'
import type { Server } from './connection.ts'
import type { IndexFields } from './fields.ts'
import {
  type Aggregations,
  type Found,
  NO_DURATION,
  numbersAggregations,
  percentileForm,
  type PercentileForm,
  readNumbers,
  readTraffic,
  timeBuckets,
  trafficAggregation,
} from './numbers.ts'
import { partialityOf, type Search, type SearchAnswer } from './search.ts'
import { noTop, readTop, topAggregations } from './tops.ts'

const PERCENTS = [50, 95, 99]

/**
 * The numbers of the range and of the equal range before it, both charts, and every top: each a search of its own and all at
 * once, because a server works on one search of a shard with one processor.
 */
export async function readOverview(
  search: Search,
  question: TopQuestion,
  filter: Clause,
  fields: IndexFields,
  server: Pick<Server, 'distribution'>,
): Promise<Answer<Omit<Api.Overview, 'range' | 'reloads' | 'quality'>>> {
  const { fromMs, toMs, bucketMs, size } = question
  const percentiles = percentileForm(server, await areAllDurations(search, beforeMs(question), toMs))
  const ask = (from: number, to: number, aggs: Aggregations, countsHits = false): Promise<SearchAnswer> =>
    search({
      size: 0,
      track_total_hits: countsHits,
      query: { bool: { filter: [timeClause(from, to), filter] } },
      aggs,
    })
  const numbers = numbersAggregations((name) => fields.exact(name), percentiles)
  const charts = { time: trafficAggregation(bucketMs, { duration: percentiles.aggregation(PERCENTS) }) }
  const known = question.fields.filter((name) => fields.names.has(name))
  const [now, before, overTime, ...tops] = await Promise.all([
    ask(fromMs, toMs, numbers, true),
    ask(beforeMs(question), fromMs, numbers, true),
    ask(fromMs, toMs, charts),
    ...known.map((name) => ask(fromMs, toMs, topAggregations(name, size, fields, percentiles), true)),
  ])
  const answers = [now, before, overTime, ...tops]
  const buckets = timeBuckets(overTime.aggregations?.['time'] ?? { buckets: [] })
  return {
    numbers: numbersOf(now, percentiles),
    before: numbersOf(before, percentiles),
    traffic: buckets.map(readTraffic),
    latency: buckets.map((bucket) => ({
      time: new Date(bucket.key).toISOString(),
      total: readPercentiles(bucket['duration'] as Found, percentiles),
      gateway: null,
      upstream: null,
    })),
    top: question.fields.map((field) => {
      const answer = tops[known.indexOf(field)]
      return answer === undefined ? noTop(field) : readTop(answer, field, size, percentiles)
    }),
    partial: answers.map(partialityOf).find((reason) => reason !== null) ?? null,
  }
}

/** Where the equal range before begins. */
const beforeMs = ({ fromMs, toMs }: TopQuestion): number => Math.max(0, fromMs - (toMs - fromMs))

/** Found out in an instant, as numbers are indexed. */
async function areAllDurations(search: Search, fromMs: number, toMs: number): Promise<boolean> {
  const query = { bool: { filter: [timeClause(fromMs, toMs), NO_DURATION] } }
  const answer = await search({ size: 0, track_total_hits: 1, query })
  return answer.hits.total?.value === 0 && partialityOf(answer) === null
}

export function timeClause(fromMs: number, toMs: number): Clause {
  return { range: { '@timestamp': { gte: fromMs, lt: toMs, format: 'epoch_millis' } } }
}

/** An index that is not there is answered without aggregations. */
const NO_NUMBERS = { requests: 0, clientErrors: 0, serverErrors: 0, p95Ms: null, consumers: 0 }

function numbersOf({ aggregations, hits }: SearchAnswer, percentiles: PercentileForm): Api.Numbers {
  if (aggregations === undefined) return NO_NUMBERS
  return readNumbers({ ...aggregations, doc_count: hits.total?.value ?? 0 }, percentiles)
}

function readPercentiles(found: Found, percentiles: PercentileForm): Api.Percentiles {
  const read = (percent: number): number | null => percentiles.read(found, percent)
  return { p50: read(50), p95: read(95), p99: read(99) }
}
