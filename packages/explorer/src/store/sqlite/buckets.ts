import type { LatencyBucket, Percentiles, StatusCounts, TrafficBucket } from '../../api/schema.ts'
import { TooWideError, type Question } from '../types.ts'
import type { Matches } from './matches.ts'
import { groupedPercentiles } from './percentiles.ts'

const MAX_BUCKETS = 10_000
const CLASSES = ['other', '1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** The buckets of a range: whole multiples of their size since 1970, as Elasticsearch cuts them. */
export class Buckets {
  readonly count: number
  readonly #first: number
  readonly #sizeMs: number

  /** @throws TooWideError */
  constructor({ fromMs, toMs, bucketMs }: Question) {
    this.#sizeMs = bucketMs
    this.#first = Math.floor(fromMs / bucketMs)
    this.count = Math.max(1, Math.ceil(toMs / bucketMs) - this.#first)
    if (this.count > MAX_BUCKETS) throw new TooWideError(`${this.count} buckets are more than ${MAX_BUCKETS}`)
  }

  of(timeMs: number): number {
    return Math.floor(timeMs / this.#sizeMs) - this.#first
  }

  /** The bucket of each row. */
  ofAll(times: Float64Array): Uint32Array {
    const buckets = new Uint32Array(times.length)
    for (let index = 0; index < times.length; index++) buckets[index] = this.of(times[index] as number)
    return buckets
  }

  timeOf(bucket: number): string {
    return new Date((this.#first + bucket) * this.#sizeMs).toISOString()
  }
}

/** 1 to 5, or 0 for a code outside 100 to 599. */
export function statusClass(code: number): number {
  return code >= 100 && code < 600 ? Math.floor(code / 100) : 0
}

export function trafficOf(
  matches: Matches,
  buckets: Buckets,
  bucketOf = buckets.ofAll(matches.times),
): TrafficBucket[] {
  const codes = matches.numbers('response_code')
  const counts = new Uint32Array(buckets.count * CLASSES.length)
  for (let index = 0; index < matches.count; index++) {
    const place =
      (bucketOf[index] as number) * CLASSES.length + (codes === null ? 0 : statusClass(codes[index] as number))
    counts[place] = (counts[place] as number) + 1
  }
  return Array.from({ length: buckets.count }, (_, bucket) => ({
    time: buckets.timeOf(bucket),
    counts: statusCounts(counts.subarray(bucket * CLASSES.length, (bucket + 1) * CLASSES.length)),
  })).filter(({ counts: { other, ...rest } }) => other > 0 || Object.values(rest).some((count) => count > 0))
}

function statusCounts(counts: Uint32Array): StatusCounts {
  return Object.fromEntries(CLASSES.map((name, at) => [name, counts[at] as number])) as StatusCounts
}

const NOTHING = { p50: null, p95: null, p99: null }

export function latencyOf(matches: Matches, buckets: Buckets, bucketOf: Uint32Array): LatencyBucket[] {
  const percentiles = (field: string): Percentiles[] | null => {
    const values = matches.numbers(field)
    return values && groupedPercentiles(values, bucketOf, buckets.count)
  }
  const total = percentiles('request_time_ms')
  const gateway = percentiles('latency_gateway_ms')
  const upstream = percentiles('latency_upstream_ms')
  const isFilled = new Uint8Array(buckets.count)
  for (const bucket of bucketOf) isFilled[bucket] = 1
  return Array.from({ length: buckets.count }, (_, bucket) => bucket)
    .filter((bucket) => isFilled[bucket] === 1)
    .map((bucket) => ({
      time: buckets.timeOf(bucket),
      total: total?.[bucket] ?? NOTHING,
      gateway: gateway?.[bucket] ?? null,
      upstream: upstream?.[bucket] ?? null,
    }))
}
