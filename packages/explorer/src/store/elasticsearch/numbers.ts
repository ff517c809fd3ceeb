/** The aggregations that several views have in common, and how their answers are read. */
import type * as Api from '../../api/schema.ts'
import type { Clause } from './compile.ts'
import type { Server } from './connection.ts'
import type { IndexFields } from './fields.ts'

export type Aggregations = Readonly<Record<string, object>>

/** What comes back for one aggregation; which members there are depends on its kind. */
export interface Found {
  readonly doc_count: number
  readonly [name: string]: unknown
}

/** 115 days. What lies outside is no duration, and HDR histograms fail as a whole over one negative value. */
const DURATIONS = { key: 'valid', from: 0, to: 10_000_000_000 }
/** Where documents have what is no duration. */
export const noDuration = (field: string): Clause => ({
  bool: {
    should: [{ range: { [field]: { lt: DURATIONS.from } } }, { range: { [field]: { gte: DURATIONS.to } } }],
    minimum_should_match: 1,
  },
})

/**
 * A part of the documents by a number, as a `range` aggregation: it looks at the number of each document that comes by, where
 * a `filter` first finds all documents of the index that pass, once for every aggregation that has one.
 */
export const within = (field: string, ranges: readonly object[], aggs?: object): object => ({
  range: { field, ranges, keyed: true },
  ...(aggs && { aggs }),
})

/** Of a keyed `range` aggregation. */
type Parts = Readonly<Record<string, Found>>

/** How percentiles are asked for, and read, of one kind of server. */
export interface PercentileForm {
  aggregation(percents: readonly number[]): object
  read(found: Found, percent: number): number | null
}

/**
 * Percentiles of a time in milliseconds, by rank as `Percentiles` says, within 1 %.
 *
 * HDR histograms, because a t-digest invents values between two that occur. Elasticsearch's rounds the rank to the nearest one,
 * OpenSearch's rounds it up. So of OpenSearch also percents a little lower are asked, one for each power of two of the number
 * of values, of which one is lower by half a rank to a whole one: that is the one to read where the rank must go down.
 *
 * @param areAllDurations - Whether each value is one. To leave out others takes as long as the histograms themselves.
 */
export function percentileForm(
  field: string,
  { distribution }: Pick<Server, 'distribution'>,
  areAllDurations: boolean,
): PercentileForm {
  const roundsUp = distribution === 'opensearch'
  const isPlain = areAllDurations && !roundsUp
  return {
    aggregation(percents) {
      const asked = roundsUp ? percents.flatMap((percent) => [percent, ...lowered(percent)]) : percents
      const values = {
        percentiles: { field, percents: asked.toSorted((a, b) => a - b), keyed: false, hdr: HDR },
      }
      return isPlain ? values : within(field, [DURATIONS], { values })
    },
    read(found, percent) {
      if (isPlain) return readNearest(found, percent)
      const { doc_count: count, values } = partOf(found, DURATIONS.key)
      if (count === 0) return null
      const rank = (percent / 100) * count
      const goesDown = roundsUp && rank > 1 && rank - Math.floor(rank) < 0.5 && rank !== Math.floor(rank)
      const wanted = goesDown ? (lowered(percent)[Math.floor(Math.log2(count))] ?? percent) : percent
      return readNearest(values as object, wanted)
    },
  }
}

/** @param found - A `percentiles` aggregation that is not keyed. */
function readNearest(found: object, percent: number): number | null {
  const { values } = found as { values: readonly { key: number; value: number | null }[] }
  const nearest = values.reduce((best, one) =>
    Math.abs(one.key - percent) < Math.abs(best.key - percent) ? one : best,
  )
  return nearest.value === null ? null : Math.round(nearest.value)
}

/** @param found - A keyed `range` aggregation. */
export const partOf = ({ buckets }: Found, key: string): Found => (buckets as Parts)[key] as Found

/**
 * A third digit makes each histogram eight times as large, about 120 kB: with those of all tops and buckets of one overview
 * a server with 1 GB of heap broke its circuit.
 */
const HDR = { number_of_significant_value_digits: 2 }

/** Beyond so many values (2 to this power) one rank more or less is nothing. */
const MOST_POWER = 14

/** `percent` less half a rank to a whole one, for 1, 2, 4, … values. */
function lowered(percent: number): number[] {
  return Array.from({ length: MOST_POWER }, (_, power) => Math.max(0, percent - 50 / 2 ** power))
}

/**
 * Distinct aliases or, without one, keys: two aggregations whose counts are added.
 *
 * @param exactUpTo - Consumers; more are told within a few per cent.
 */
export function consumerAggregations(fields: IndexFields, exactUpTo = 40_000): Aggregations {
  const [alias, key] = [fields.exact('alias'), fields.exact('api_key')]
  const named = { bool: { filter: [{ exists: { field: alias } }], must_not: [{ term: { [alias]: '' } }] } }
  const unnamed = { bool: { must_not: [named, { term: { [key]: '' } }] } }
  return {
    aliases: { filter: named, aggs: { distinct: distinct(alias, exactUpTo) } },
    keys: { filter: unnamed, aggs: { distinct: distinct(key, exactUpTo) } },
  }
}

const distinct = (field: string, exactUpTo: number): object => ({
  cardinality: { field, precision_threshold: exactUpTo },
})

export function readConsumers(found: Found): number {
  const of = (name: string): number => (found[name] as { distinct: { value: number } }).distinct.value
  return of('aliases') + of('keys')
}

export function numbersAggregations(fields: IndexFields, percentiles: PercentileForm): Aggregations {
  return { ...tallyAggregations(fields, percentiles), ...consumerAggregations(fields) }
}

export function readNumbers(found: Found, percentiles: PercentileForm): Api.Numbers {
  const { count, ...rest } = readTally(found, percentiles)
  return { requests: count, ...rest, consumers: readConsumers(found) }
}

/** Count, errors and the 95th percentile of a bucket. */
export function tallyAggregations(fields: IndexFields, percentiles: PercentileForm): Aggregations {
  return {
    errors: within(fields.exact('response_code'), [
      { key: 'client', from: 400, to: 500 },
      { key: 'server', from: 500, to: 600 },
    ]),
    duration: percentiles.aggregation([95]),
  }
}

export function readTally(found: Found, percentiles: PercentileForm): Omit<Api.TopValue, 'value'> {
  const errors = found['errors'] as Found
  return {
    count: found.doc_count,
    clientErrors: partOf(errors, 'client').doc_count,
    serverErrors: partOf(errors, 'server').doc_count,
    p95Ms: percentiles.read(found['duration'] as Found, 95),
  }
}

const CLASSES = [1, 2, 3, 4, 5] as const

/** Requests over time; buckets begin at multiples of their size. */
export const overTime = (bucketMs: number, aggs: Aggregations = {}): object => ({
  date_histogram: { field: '@timestamp', fixed_interval: `${bucketMs}ms`, min_doc_count: 1 },
  aggs,
})

/** Requests over time by status class. */
export function trafficAggregation(fields: IndexFields, bucketMs: number, more: Aggregations = {}): object {
  const ranges = CLASSES.map((digit) => ({ key: `${digit}xx`, from: digit * 100, to: digit * 100 + 100 }))
  return overTime(bucketMs, { classes: within(fields.exact('response_code'), ranges), ...more })
}

interface TimeBucket extends Found {
  readonly key: number
  readonly classes: Found
}

export function timeBuckets(found: unknown): readonly TimeBucket[] {
  return (found as { buckets: readonly TimeBucket[] }).buckets
}

export function readTraffic({ key, doc_count: all, classes }: TimeBucket): Api.TrafficBucket {
  const count = (name: string): number => partOf(classes, name).doc_count
  const counts = {
    '1xx': count('1xx'),
    '2xx': count('2xx'),
    '3xx': count('3xx'),
    '4xx': count('4xx'),
    '5xx': count('5xx'),
  }
  const other = all - Object.values(counts).reduce((sum, one) => sum + one, 0)
  return { time: new Date(key).toISOString(), counts: { ...counts, other } }
}
