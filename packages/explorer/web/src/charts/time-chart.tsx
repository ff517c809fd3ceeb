import { signal, useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { axisTime, dateTime } from '../format/time.ts'
import { narrowBy, setRange } from '../state/location.ts'
import { narrowNow } from '../state/screen.ts'
import { darkNow } from '../state/theme.ts'
import { absolute, lengthLabel } from '../state/time.ts'
import { NumberHeads } from '../components/count-table.tsx'
import { Icon } from '../components/icons.tsx'
import { STATUS_TERMS, type StatusClass, StatusShape } from '../components/status.tsx'
import { niceMax, segmentAt, stack } from './buckets.ts'
import { lonePoints } from './lone-points.ts'
import { cssColour } from './palette.ts'

export interface ChartSeries {
  readonly name: string
  /** Custom property of the style sheet that has the colour. */
  readonly colour: string
  readonly values: readonly (number | null)[]
  /** Of a line: lengths of strokes and gaps in pixels; none is solid. */
  readonly dash?: readonly number[]
  readonly status?: StatusClass
}

/** A moment to be seen across the chart. */
export interface ChartMark {
  readonly ms: number
  readonly colour: string
}

export interface TimeChartData {
  readonly title: string
  /** Unit or explanation beside the title. */
  readonly unit: string
  readonly fromMs: number
  readonly toMs: number
  readonly bucketMs: number
  readonly times: readonly number[]
  /** From the bottom of the stack to its top. */
  readonly series: readonly ChartSeries[]
  readonly marks: readonly ChartMark[]
  readonly kind: 'stacked-bars' | 'lines'
  readonly format: (value: number) => string
  readonly formatAxis: (value: number) => string
}

const BRUSH_MIN_PX = 5
/** Half of the longest label of the time axis, whose last one may stand at the very end. */
const LABEL_HALF_PX = 24

/**
 * A chart over time with legend, tooltip, brush to zoom, and the same numbers as a table for those who cannot see or
 * point at it. `group` shares the crosshair.
 */
export function TimeChart({
  data,
  size,
  group,
}: {
  readonly data: TimeChartData
  readonly size: 'large' | 'small'
  readonly group: string
}) {
  const [asTable, setAsTable] = useState(false)
  const hidden = useSignal<ReadonlySet<string>>(new Set())
  const hover = useMemo(() => signal<Hover | null>(null), [])
  const { title, unit, bucketMs } = data
  return (
    <section class={`card chart ${size}`}>
      <header>
        <h2>{title}</h2>
        <span class="unit">
          {unit} per {lengthLabel(bucketMs).replace(/^1 /, '')}
        </span>
        <button
          type="button"
          class="icon-button"
          aria-pressed={asTable}
          aria-label={`${title} as a table`}
          title="Show as a table"
          onClick={() => setAsTable(!asTable)}
        >
          <Icon name="table" />
        </button>
      </header>
      <Legend data={data} hidden={hidden} hover={hover} />
      {asTable ? <ChartTable data={data} /> : <Canvas data={data} group={group} hidden={hidden.value} hover={hover} />}
    </section>
  )
}

interface Hover {
  readonly index: number
  readonly left: number
  readonly width: number
  /** The pointer is over this chart, not over one that shares its crosshair. */
  readonly here: boolean
}

type HoverSignal = { value: Hover | null }

function Legend({
  data,
  hidden,
  hover,
}: {
  readonly data: TimeChartData
  readonly hidden: { value: ReadonlySet<string> }
  readonly hover: HoverSignal
}) {
  const at = hover.value
  return (
    <ul class="legend" aria-label={`Series of ${data.title}`}>
      {data.series.map((series) => {
        const shown = !hidden.value.has(series.name)
        const value = at === null ? null : (series.values[at.index] ?? null)
        return (
          <li key={series.name}>
            <button
              type="button"
              aria-pressed={shown}
              title={shown ? 'Click to hide' : 'Click to show'}
              onClick={() => {
                const next = new Set(hidden.value)
                if (shown) next.add(series.name)
                else next.delete(series.name)
                hidden.value = next
              }}
            >
              <Mark series={series} />
              <span>{series.name}</span>
            </button>
            <span class="legend-value" aria-hidden="true">
              {value === null ? '' : data.format(value)}
            </span>
          </li>
        )
      })}
    </ul>
  )
}

function Mark({ series }: { readonly series: ChartSeries }) {
  if (series.status !== undefined) return <StatusShape of={series.status} />
  return (
    <svg class="line-mark" viewBox="0 0 20 8" width="20" height="8" aria-hidden="true" focusable="false">
      <path d="M0 4h20" stroke={`var(${series.colour})`} stroke-width="2.5" stroke-dasharray={series.dash?.join(' ')} />
    </svg>
  )
}

function Canvas({
  data,
  group,
  hidden,
  hover,
}: {
  readonly data: TimeChartData
  readonly group: string
  readonly hidden: ReadonlySet<string>
  readonly hover: HoverSignal
}) {
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const latest = useRef({ data, hidden })
  latest.current = { data, hidden }
  const dark = darkNow.value
  const shape = data.series.map(({ name }) => name).join()

  useEffect(() => {
    const element = box.current
    if (element === null) return undefined
    const made = new uPlot(optionsOf(latest, element, group, hover), alignedData(data, hidden), element)
    chart.current = made
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: element.clientHeight }),
    )
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      chart.current = null
      hover.value = null
    }
  }, [dark, shape, group, narrowNow.value])

  useEffect(() => {
    chart.current?.setData(alignedData(data, hidden))
  }, [data, hidden])

  const summary = `${data.title}, ${data.unit}, from ${dateTime(new Date(data.fromMs))} to ${dateTime(new Date(data.toMs))}. The button before this chart shows it as a table.`
  return (
    <div class="plot">
      <div class="canvas" ref={box} role="img" aria-label={summary} />
      <Tooltip data={data} hidden={hidden} hover={hover} />
    </div>
  )
}

/** uPlot draws the later series over the earlier ones, so a stack is given from its full height down. */
function alignedData(data: TimeChartData, hidden: ReadonlySet<string>): uPlot.AlignedData {
  const seconds = data.times.map((time) => time / 1000)
  const { series } = data
  if (data.kind === 'lines') {
    return [seconds, ...series.map(({ name, values }) => values.map((value) => (hidden.has(name) ? null : value)))]
  }
  return [seconds, ...sumsOf(data, hidden).toReversed()]
}

function sumsOf({ series }: TimeChartData, hidden: ReadonlySet<string>): (number | null)[][] {
  return stack(
    series.map(({ values }) => values),
    (index) => hidden.has(series[index]?.name ?? ''),
  )
}

interface Drawn {
  readonly data: TimeChartData
  readonly hidden: ReadonlySet<string>
}

function optionsOf(
  latest: { readonly current: Drawn },
  element: HTMLElement,
  group: string,
  hover: HoverSignal,
): uPlot.Options {
  const { kind, series } = latest.current.data
  const text = cssColour('--text-muted')
  const grid = { stroke: cssColour('--line'), width: 1 }
  const font = '11px system-ui, sans-serif'
  const bars = kind === 'stacked-bars' ? uPlot.paths.bars?.({ size: [0.86, 48], align: 1 }) : undefined
  const lonePointsOf: uPlot.Series.Points.Filter = (chart, at, isShown) => {
    const lone = isShown ? [] : lonePoints([...(chart.data[at] ?? [])])
    return lone.length === 0 ? null : lone
  }
  const drawn = kind === 'stacked-bars' ? series.toReversed() : series
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [8, LABEL_HALF_PX, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: kind === 'lines' ? { size: 7 } : { show: false },
      drag: { x: true, y: false, setScale: false },
      sync: {
        key: group,
        setSeries: false,
        // Only the crosshair is shared: a selection in one chart would otherwise be made in each of them.
        filters: { pub: isMove, sub: isMove },
      },
    },
    scales: {
      x: { time: true, range: () => [latest.current.data.fromMs / 1000, latest.current.data.toMs / 1000] },
      y: { range: (_chart, _min, max) => [0, niceMax(max ?? 0)] },
    },
    series: [
      {},
      ...drawn.map(({ colour, dash = [] }): uPlot.Series => {
        const stroke = cssColour(colour)
        if (bars !== undefined) return { fill: stroke, width: 0, paths: bars, points: { show: false } }
        return { stroke, width: 1.75, spanGaps: false, dash: dash.slice(), points: { size: 4, filter: lonePointsOf } }
      }),
    ],
    axes: [
      {
        stroke: text,
        font,
        grid: { show: false },
        ticks: { ...grid, size: 4 },
        gap: 4,
        size: 28,
        space: 72,
        values: (_chart, splits) => {
          const step = (splits[1] ?? 0) - (splits[0] ?? 0)
          return splits.map((second, index) => axisTime(new Date(second * 1000), step, index === 0))
        },
      },
      {
        stroke: text,
        font,
        grid,
        ticks: { show: false },
        gap: 6,
        size: 52,
        space: 34,
        values: (_chart, splits) => splits.map((value) => latest.current.data.formatAxis(value)),
      },
    ],
    hooks: {
      draw: [(chart) => drawMarks(chart, latest.current.data.marks)],
      init: [(chart) => chart.over.addEventListener('click', (event) => narrowToSegment(chart, event, latest.current))],
      setCursor: [
        (chart) => {
          const { idx, left } = chart.cursor
          hover.value =
            idx == null || left === undefined || left < 0
              ? null
              : {
                  index: idx,
                  left: left + chart.over.offsetLeft,
                  width: element.clientWidth,
                  here: chart.over.matches(':hover'),
                }
        },
      ],
      setSelect: [
        (chart) => {
          const { left, width } = chart.select
          if (width < BRUSH_MIN_PX) return
          const fromMs = Math.round(chart.posToVal(left, 'x') * 1000)
          const toMs = Math.round(chart.posToVal(left + width, 'x') * 1000)
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          if (toMs - fromMs >= 10) setRange(absolute({ fromMs, toMs }))
        },
      ],
    },
  }
}

/** A broken line from top to bottom, with a flag at its top. */
function drawMarks({ ctx, bbox, valToPos }: uPlot, marks: readonly ChartMark[]): void {
  const pixel = uPlot.pxRatio
  for (const { ms, colour } of marks) {
    const x = Math.round(valToPos(ms / 1000, 'x', true))
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.save()
    ctx.strokeStyle = ctx.fillStyle = cssColour(colour)
    ctx.lineWidth = pixel
    ctx.setLineDash([3 * pixel, 3 * pixel])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x + 7 * pixel, bbox.top + 3.5 * pixel)
    ctx.lineTo(x, bbox.top + 7 * pixel)
    ctx.fill()
    ctx.restore()
  }
}

/** A click on a part of a bar is as one on the name of its status class. A finger, which cannot aim so well, only reads. */
function narrowToSegment(chart: uPlot, event: MouseEvent, { data, hidden }: Drawn): void {
  const { idx, top } = chart.cursor
  if (data.kind !== 'stacked-bars' || idx == null || top === undefined) return
  if (event instanceof PointerEvent && event.pointerType !== 'mouse') return
  const at = segmentAt(sumsOf(data, hidden), idx, chart.posToVal(top, 'y'))
  const status = data.series[at]?.status
  if (status !== undefined) narrowBy(STATUS_TERMS[status], event.altKey ? 'exclude' : 'only')
}

const isMove = (type: string): boolean => type === 'mousemove' || type === 'mouseleave'

function Tooltip({
  data,
  hidden,
  hover,
}: {
  readonly data: TimeChartData
  readonly hidden: ReadonlySet<string>
  readonly hover: HoverSignal
}) {
  const at = hover.value
  const time = at === null ? undefined : data.times[at.index]
  if (at === null || !at.here || time === undefined) return null
  // In the order of the stack, its top first.
  const rows = data.series.toReversed().filter(({ name }) => !hidden.has(name))
  const right = at.left > at.width / 2
  const style = right ? { right: `${at.width - at.left + 14}px` } : { left: `${at.left + 14}px` }
  return (
    <div class="tooltip" style={style} aria-hidden="true">
      <p>{dateTime(new Date(time))}</p>
      <table>
        <tbody>
          {rows.map((series) => {
            const value = series.values[at.index] ?? null
            return (
              <tr key={series.name}>
                <td>
                  <Mark series={series} /> {series.name}
                </td>
                <td>{value === null ? '–' : data.format(value)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

function ChartTable({ data }: { readonly data: TimeChartData }) {
  const { title, times, series, bucketMs, format } = data
  const rows = times
    .map((time, index) => ({ time, values: series.map(({ values }) => values[index] ?? null) }))
    .filter(({ values }) => values.some((value) => value !== null))
  return (
    <div class="chart-table" tabIndex={0} role="region" aria-label={`${title}, numbers`}>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <NumberHeads names={series.map(({ name }) => name)} />
          </tr>
        </thead>
        <tbody>
          {rows.map(({ time, values }) => (
            <tr key={time}>
              <th scope="row">
                <button
                  type="button"
                  class="link"
                  title="Zoom into this time"
                  onClick={() => setRange(absolute({ fromMs: time, toMs: time + bucketMs }))}
                >
                  {dateTime(new Date(time))}
                </button>
              </th>
              {values.map((value, index) => (
                <td key={series[index]?.name} class="number">
                  {value === null ? '–' : format(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p class="hint">No data in this range.</p>}
    </div>
  )
}
