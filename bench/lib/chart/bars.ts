import type { Bar } from '../scenario.ts'
import { COLOURS, line, rect, text, whisker } from './svg.ts'

const ROW = 26
const LABEL_WIDTH = 440
const WIDTH = 420
const BAR = 14

export interface BarGroup {
  readonly title: string
  readonly bars: readonly Bar[]
}

/** Throughput of each program beside nginx in the same round, fastest first within each scenario. */
export function barGroups(groups: readonly BarGroup[], x: number, top: number): { svg: string[]; height: number } {
  const longest = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ value }) => value.max)))
  const left = x + LABEL_WIDTH
  const at = (value: number): number => left + (value / longest) * WIDTH
  const svg = [
    text(x, top, 'Throughput on one core, nginx as a proxy = 1', { size: 17, bold: true }),
    text(
      x,
      top + 20,
      'Median of the ratio round by round; bracket: lowest to highest. Blue: this gateway. Grey: others.',
      {
        colour: COLOURS.faint,
        size: 12,
      },
    ),
  ]
  let y = top + 50
  for (const { title, bars } of groups) {
    svg.push(text(x, y, title, { bold: true, size: 12 }))
    const first = y + 20
    const sorted = bars.toSorted((a, b) => b.value.median - a.value.median)
    sorted.forEach((bar, i) => svg.push(...barRow(bar, first + i * ROW, left, at)))
    svg.push(line([left, first - BAR], [left, first + (sorted.length - 1) * ROW + BAR], COLOURS.grid))
    y = first + sorted.length * ROW + 10
  }
  return { svg, height: y - top }
}

function barRow({ label, ours, value }: Bar, y: number, left: number, at: (value: number) => number): string[] {
  const end = Math.max(at(value.max), at(value.median)) + 10
  return [
    text(left - 14, y + 4, label, { anchor: 'end', size: 12 }),
    rect(left, y - BAR / 2, at(value.median) - left, BAR, ours ? COLOURS.ours : COLOURS.peer),
    ...(value.min === value.max ? [] : [whisker(at(value.min), at(value.max), y)]),
    text(end, y + 4, value.median.toFixed(2), { size: 12, bold: true }),
  ]
}
