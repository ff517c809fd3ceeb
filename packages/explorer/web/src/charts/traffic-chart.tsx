import { useMemo } from 'preact/hooks'
import type { Range, Reload, TrafficBucket } from '../api/types.ts'
import { STATUS_CLASSES } from '../components/status.tsx'
import { compact, count } from '../format/number.ts'
import { alignTo, bucketTimes, usedClasses } from './buckets.ts'
import { reloadMarks } from './reload-marks.ts'
import { TimeChart, type TimeChartData } from './time-chart.tsx'

/** Requests over time, stacked by status class. */
export function TrafficChart({
  range,
  traffic,
  reloads,
  size,
  group,
}: {
  readonly range: Range
  readonly traffic: readonly TrafficBucket[]
  readonly reloads: readonly Reload[]
  readonly size: 'large' | 'small'
  readonly group: string
}) {
  const data = useMemo((): TimeChartData => {
    const times = bucketTimes(
      range,
      traffic.map(({ time }) => time),
    )
    return {
      title: 'Requests by status',
      unit: 'requests',
      fromMs: Date.parse(range.from),
      toMs: Date.parse(range.to),
      bucketMs: range.bucketMs,
      times,
      marks: reloadMarks(reloads),
      kind: 'stacked-bars',
      format: count,
      formatAxis: (value) => (Number.isInteger(value) ? compact(value) : ''),
      series: usedClasses(traffic, STATUS_CLASSES).map((name) => ({
        name,
        colour: `--s-${name}`,
        status: name,
        values: alignTo(times, traffic, ({ counts }) => counts[name]),
      })),
    }
  }, [range, traffic, reloads])
  return <TimeChart data={data} size={size} group={group} />
}
