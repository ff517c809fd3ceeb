import type { Spread } from './statistics.ts'

/** What the project promises of its speed. Ratios and changes are medians over pairs of rounds that stood side by side. */
export interface Measure {
  readonly id: string
  readonly label: string
  readonly unit: string
  readonly digits: number
  readonly better: 'higher' | 'lower'
  /** The least that must be reached, and what is wished for; null where a figure is only reported. */
  readonly floor: number | null
  readonly goal: number | null
}

const row = (
  id: string,
  label: string,
  [unit, digits]: readonly [string, number],
  better: Measure['better'],
  floor: number | null = null,
  goal: number | null = null,
): Measure => ({ id, label, unit, digits, better, floor, goal })

const TIMES = ['×', 2] as const
const PERCENT = [' %', 1] as const
const MS = [' ms', 0] as const
const MS_EXACT = [' ms', 2] as const
const MB = [' MB', 0] as const

export const MEASURES: readonly Measure[] = [
  row('keyless-stock', 'keyless + analytics against stock @fastify/http-proxy without', TIMES, 'higher', 1.8, 3),
  row('keyless-nginx', 'keyless + analytics against nginx as a proxy', TIMES, 'higher', 0.26, 0.45),
  row('analytics-throughput', 'cost of analytics: throughput', PERCENT, 'higher', -8, -4),
  row('analytics-p99', 'cost of analytics: p99 at a constant rate', PERCENT, 'lower', 30, 15),
  row('jwt', 'JWT + policy + context variables against keyless, both with analytics', TIMES, 'higher', 0.75, 0.85),
  row('apis', '1,000 APIs loaded against 2', TIMES, 'higher', 0.95, 1),
  row('apis-in-turn', '1,000 APIs called in turn against one of 2', TIMES, 'higher', 0.95, 1),
  row(
    'one-connection',
    'one connection, all on one core: p50 over going straight to the upstream',
    MS_EXACT,
    'lower',
    0.2,
    0.12,
  ),
  row('workers', 'two workers on two cores against one on one', TIMES, 'higher', 1.6, 1.9),
  row('pump-rate', 'pump, one core: records a second into a counting Elasticsearch', ['', 0], 'higher', 50_000, 80_000),
  row('pump-waiting', 'pump: memory while 1,000,000 records wait, sink down', MB, 'lower', 200, 150),
  row('gateway-start', 'gateway, 2 APIs: first request through after', MS, 'lower', 750, 500),
  row('pump-start', 'pump: healthy after', MS, 'lower', 750, 500),
  row('one-connection-apart', 'one connection, a core for each side: the same', MS_EXACT, 'lower', 0.2, 0.12),
  row(
    'one-connection-apart-busy',
    'one connection, a core for each side: with busy_poll_microseconds 200',
    MS_EXACT,
    'lower',
  ),
  row('one-connection-apart-nginx', 'one connection, a core for each side: what nginx adds', MS_EXACT, 'lower'),
  row('gateway-start-apis', 'gateway, 1,000 APIs: first request through after', MS, 'lower'),
  row('gateway-memory', 'gateway, 2 APIs: memory after start', MB, 'lower'),
  row('pump-delayed', 'pump, answers after 50 ms: records a second with one bulk in flight', ['', 0], 'higher'),
  row('pump-delayed-four', 'pump, answers after 50 ms: four bulks in flight against one', TIMES, 'higher'),
  row('pump-memory', 'pump: memory after start', MB, 'lower'),
]

/** One measure as a scenario found it. */
export interface Finding {
  readonly id: string
  readonly value: Spread
  /** The same by processor time, which a busy machine disturbs less; null where there is no such figure. */
  readonly byCpu: Spread | null
}

export type Verdict = 'goal met' | 'floor met' | 'in doubt' | 'not met' | 'reported'

/** A floor is in doubt, and a goal not met, as long as more rounds could well move the median across it. */
export function verdictOf({ better, floor, goal }: Measure, { low, high }: Spread): Verdict {
  if (floor === null || goal === null) return 'reported'
  const reaches = (value: number, limit: number): boolean => (better === 'higher' ? value >= limit : value <= limit)
  const [worst, best] = better === 'higher' ? [low, high] : [high, low]
  if (!reaches(best, floor)) return 'not met'
  if (!reaches(worst, floor)) return 'in doubt'
  return reaches(worst, goal) ? 'goal met' : 'floor met'
}

export const format = ({ digits, unit }: Measure, value: number): string =>
  `${value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })}${unit}`
