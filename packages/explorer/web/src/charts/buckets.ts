import type { TrafficBucket } from '../api/types.ts'
import type { StatusClass } from '../components/status.tsx'

const BUCKETS_MAX = 5000

/** Starts of all buckets of a range, also of those that the answer leaves out because they are empty. */
export function bucketTimes(
  range: { readonly from: string; readonly to: string; readonly bucketMs: number },
  known: readonly string[],
): number[] {
  const { bucketMs } = range
  const [first] = known
  // The store lays its buckets on a grid of its own; one known bucket tells where that is.
  const offset = first === undefined ? 0 : Date.parse(first) % bucketMs
  const fromMs = Date.parse(range.from)
  const toMs = Date.parse(range.to)
  const times: number[] = []
  const start = Math.floor((fromMs - offset) / bucketMs) * bucketMs + offset
  for (let time = start; time < toMs && times.length < BUCKETS_MAX; time += bucketMs) times.push(time)
  return times
}

/** One number per bucket of `times`; null where the answer has no such bucket. */
export function alignTo<T extends { readonly time: string }>(
  times: readonly number[],
  buckets: readonly T[],
  value: (bucket: T) => number | null,
): (number | null)[] {
  const byTime = new Map(buckets.map((bucket) => [Date.parse(bucket.time), bucket]))
  return times.map((time) => {
    const bucket = byTime.get(time)
    return bucket === undefined ? null : value(bucket)
  })
}

/** Classes that occur, in the order of `order`. */
export function usedClasses(traffic: readonly TrafficBucket[], order: readonly StatusClass[]): StatusClass[] {
  const always: ReadonlySet<StatusClass> = new Set(['2xx', '4xx', '5xx'])
  return order.filter((name) => always.has(name) || traffic.some(({ counts }) => counts[name] > 0))
}

/** Sums from the first series up: what a stack is drawn from. Hidden series add nothing. */
export function stack(
  series: readonly (readonly (number | null)[])[],
  hidden: (index: number) => boolean,
): (number | null)[][] {
  const sums: (number | null)[] = Array.from({ length: series[0]?.length ?? 0 }, () => null)
  return series.map((values, index) => {
    if (!hidden(index)) {
      values.forEach((value, at) => {
        if (value !== null) sums[at] = (sums[at] ?? 0) + value
      })
    }
    return hidden(index) ? values.map(() => null) : [...sums]
  })
}

/** Which series of a stack has the height `y` at one bucket, or -1 above all. `sums` are those of `stack`. */
export function segmentAt(sums: readonly (readonly (number | null)[])[], bucket: number, y: number): number {
  return y < 0 ? -1 : sums.findIndex((series) => (series[bucket] ?? 0) > y)
}

/** The next round number, for the top of an axis. */
export function niceMax(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value) ?? 10
  return step * power
}
