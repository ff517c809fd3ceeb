import type * as Api from '../../api/schema.ts'
import type { Answer, TopQuestion } from '../types.ts'
import type { Clause } from './compile.ts'
import type { Server } from './connection.ts'
import type { IndexFields } from './fields.ts'
import {
  type Aggregations,
  type Found,
  noDuration,
  numbersAggregations,
  overTime,
  percentileForm,
  type PercentileForm,
  readNumbers,
  readTraffic,
  timeBuckets,
  trafficAggregation,
} from './numbers.ts'
import { partialityOf, type Search, type SearchAnswer } from './search.ts'
import { readTop } from './tops.ts'

const PERCENTS = [50, 95, 99]
const DURATION = 'request_time_ms'
const GATEWAY = 'latency_gateway_ms'
const UPSTREAM = 'latency_upstream_ms'
const PARTS = [GATEWAY, UPSTREAM]

/**
 * The numbers of the range and of the equal range before it, the charts, and every top: each a search of its own and all at
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
  const formOf = (name: string): Promise<PercentileForm> =>
    findForm(search, fields.exact(name), server, beforeMs(question), toMs)
  const known = (names: readonly string[]): string[] => names.filter((name) => fields.names.has(name))
  const [percentiles, ...ofParts] = await Promise.all([formOf(DURATION), ...known(PARTS).map(formOf)])
  const ask = (from: number, to: number, aggs: Aggregations, countsHits = false): Promise<SearchAnswer> =>
    search({
      size: 0,
      track_total_hits: countsHits,
      query: { bool: { filter: [timeClause(from, to), filter] } },
      aggs,
    })
  const numbers = numbersAggregations(fields, percentiles)
  const latency = (form: PercentileForm): Aggregations => ({ duration: form.aggregation(PERCENTS) })
  const topFields = known(question.fields)
  const [now, before, charts, tops, parts] = await Promise.all([
    ask(fromMs, toMs, numbers, true),
    ask(beforeMs(question), fromMs, numbers, true),
    ask(fromMs, toMs, { time: trafficAggregation(fields, bucketMs, latency(percentiles)) }),
    Promise.all(
      topFields.map((name) => readTop((aggs) => ask(fromMs, toMs, aggs, true), name, size, fields, percentiles)),
    ),
    Promise.all(ofParts.map((form) => ask(fromMs, toMs, { time: overTime(bucketMs, latency(form)) }))),
  ])
  const partials = [...[now, before, charts, ...parts].map(partialityOf), ...tops.map(({ partial }) => partial)]
  const buckets = bucketsOf(charts)
  const latencyOf = (name: string): ((time: number) => Api.Percentiles | null) => {
    const at = known(PARTS).indexOf(name)
    const [answer, form] = [parts[at], ofParts[at]]
    if (answer === undefined || form === undefined) return () => null
    const found = new Map(bucketsOf(answer).map((bucket) => [bucket.key, bucket['duration'] as Found]))
    return (time) => {
      const duration = found.get(time)
      return duration === undefined ? null : readPercentiles(duration, form)
    }
  }
  const [gatewayAt, upstreamAt] = [latencyOf(GATEWAY), latencyOf(UPSTREAM)]
  return {
    numbers: numbersOf(now, percentiles),
    before: numbersOf(before, percentiles),
    traffic: buckets.map(readTraffic),
    latency: buckets.map((bucket) => ({
      time: new Date(bucket.key).toISOString(),
      total: readPercentiles(bucket['duration'] as Found, percentiles),
      gateway: gatewayAt(bucket.key),
      upstream: upstreamAt(bucket.key),
    })),
    top: question.fields.map((field) => {
      const { values = [], others = 0 } = tops[topFields.indexOf(field)] ?? {}
      return { field, values, others }
    }),
    partial: partials.find((reason) => reason !== null) ?? null,
  }
}

/** Where the equal range before begins. */
const beforeMs = ({ fromMs, toMs }: TopQuestion): number => Math.max(0, fromMs - (toMs - fromMs))

const bucketsOf = ({ aggregations }: SearchAnswer): ReturnType<typeof timeBuckets> =>
  timeBuckets(aggregations?.['time'] ?? { buckets: [] })

/** How percentiles of a field are asked for in a range. */
export async function findForm(
  search: Search,
  field: string,
  server: Pick<Server, 'distribution'>,
  fromMs: number,
  toMs: number,
): Promise<PercentileForm> {
  return percentileForm(field, server, await areAllDurations(search, field, fromMs, toMs))
}

/** Found out in an instant, as numbers are indexed. */
async function areAllDurations(search: Search, field: string, fromMs: number, toMs: number): Promise<boolean> {
  const query = { bool: { filter: [timeClause(fromMs, toMs), noDuration(field)] } }
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
