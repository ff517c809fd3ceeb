import { type Finding, format, type Measure, MEASURES, type Verdict, verdictOf } from '../measures.ts'
import { COLOURS, line, rect, text, whisker } from './svg.ts'

const ROW = 40
const LABEL_WIDTH = 440
const TRACK_WIDTH = 300
const BAR = 14

const COLOUR: Readonly<Record<Verdict, string>> = {
  'goal met': COLOURS.good,
  'floor met': COLOURS.fair,
  'in doubt': COLOURS.doubt,
  'not met': COLOURS.bad,
  reported: COLOURS.peer,
}

/** One line for each promised measure, on a scale of its own: a bar to the median, a stroke at the floor and one at the goal. */
export function bullets(
  findings: ReadonlyMap<string, Finding>,
  x: number,
  top: number,
): { svg: string[]; height: number } {
  const rows = MEASURES.filter(({ floor }) => floor !== null)
  const svg = [
    text(x, top, 'Promised and measured', { size: 17, bold: true }),
    text(
      x,
      top + 20,
      'Each line has a scale of its own. Thin stroke: floor. Thick stroke: goal. Bracket: lowest to highest round. Where a limit has ≤, less is better.',
      {
        colour: COLOURS.faint,
        size: 12,
      },
    ),
    ...rows.flatMap((measure, i) => bulletRow(measure, findings.get(measure.id), x, top + 52 + i * ROW)),
  ]
  return { svg, height: 52 + rows.length * ROW }
}

function bulletRow(measure: Measure, finding: Finding | undefined, x: number, y: number): string[] {
  const { floor, goal } = measure
  if (floor === null || goal === null) return []
  const left = x + LABEL_WIDTH
  const size = (value: number): number => Math.max(0, floor < 0 ? -value : value)
  const seen = finding ? [finding.value.max, finding.value.median, finding.value.min] : []
  const longest = Math.max(...[floor, goal, ...seen].map(size)) * 1.08
  const at = (value: number): number => left + (size(value) / longest) * TRACK_WIDTH
  const stroke = (value: number, width: number): string =>
    line([at(value), y - BAR / 2 - 5], [at(value), y + BAR / 2 + 5], COLOURS.ink, width)
  const sign = measure.better === 'higher' ? '≥' : '≤'
  const limits = `floor ${sign} ${format(measure, floor)}, goal ${sign} ${format(measure, goal)}`
  return [
    text(left - 14, y - 1, measure.label, { anchor: 'end', size: 12 }),
    text(left - 14, y + 13, limits, { anchor: 'end', size: 11, colour: COLOURS.faint }),
    rect(left, y - BAR / 2, TRACK_WIDTH, BAR, COLOURS.track),
    ...valueOf(measure, finding, y, left, at),
    stroke(floor, 1.5),
    stroke(goal, 4),
  ]
}

function valueOf(
  measure: Measure,
  finding: Finding | undefined,
  y: number,
  left: number,
  at: (value: number) => number,
): string[] {
  const right = left + TRACK_WIDTH + 14
  if (finding === undefined) return [text(right, y + 4, 'not measured', { colour: COLOURS.faint, size: 12 })]
  const { median, min, max } = finding.value
  const verdict = verdictOf(measure, finding.value)
  return [
    rect(left, y - BAR / 2, at(median) - left, BAR, COLOUR[verdict]),
    whisker(at(min), at(max), y),
    text(right, y - 1, `${format(measure, median)}  ${verdict}`, { bold: true, colour: COLOUR[verdict] }),
    text(right, y + 13, `${format(measure, min)} to ${format(measure, max)}`, { size: 11, colour: COLOURS.faint }),
  ]
}
