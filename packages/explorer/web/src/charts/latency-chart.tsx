import { useMemo } from 'preact/hooks'
import type { LatencyBucket, Range, Reload } from '../api/types.ts'
import { duration } from '../format/number.ts'
import { alignTo, bucketTimes } from './buckets.ts'
import { reloadMarks } from './reload-marks.ts'
import { TimeChart, type TimeChartData } from './time-chart.tsx'

type Part = 'total' | 'gateway' | 'upstream'

const TITLES: Readonly<Record<Part, string>> = {
  total: 'Latency, total',
  gateway: 'In the gateway',
  upstream: 'In the upstream',
}

const PERCENTILES = [
  { key: 'p50', colour: '--p50', dash: [] },
  { key: 'p95', colour: '--p95', dash: [6, 3] },
  { key: 'p99', colour: '--p99', dash: [2, 3] },
] as const

/** Percentiles over time, each computed by the store from the requests of its bucket. */
export function LatencyChart({
  range,
  latency,
  reloads,
  part,
  group,
}: {
  readonly range: Range
  readonly latency: readonly LatencyBucket[]
  readonly reloads: readonly Reload[]
  readonly part: Part
  readonly group: string
}) {
  const data = useMemo((): TimeChartData => {
    const times = bucketTimes(
      range,
      latency.map(({ time }) => time),
    )
    return {
      title: TITLES[part],
      unit: 'percentiles',
      fromMs: Date.parse(range.from),
      toMs: Date.parse(range.to),
      bucketMs: range.bucketMs,
      times,
      marks: reloadMarks(reloads),
      kind: 'lines',
      format: duration,
      formatAxis: duration,
      series: PERCENTILES.map(({ key, colour, dash }) => ({
        name: key,
        colour,
        dash,
        values: alignTo(times, latency, (bucket) => bucket[part]?.[key] ?? null),
      })),
    }
  }, [range, latency, reloads, part])
  return <TimeChart data={data} size="small" group={group} />
}
