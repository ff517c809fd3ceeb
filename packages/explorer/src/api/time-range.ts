import { ProblemError } from '../errors.ts'
import { parseSpan } from '../query/dates.ts'

/** Milliseconds since 1970; `toMs` is not in it. */
export interface TimeRange {
  readonly fromMs: number
  readonly toMs: number
}

export const DEFAULT_FROM = 'now-15m'
export const DEFAULT_TO = 'now'

/** What both stores and a date of JavaScript can say: the years 1970 to 9999. */
const LATEST_MS = Date.UTC(9999, 11, 31)

/**
 * Resolves `now`, `now-15m` and ISO times, as the query line reads them.
 *
 * @throws ProblemError with code bad_request.
 */
export function parseRange(from: string | undefined, to: string | undefined, nowMs: number): TimeRange {
  const fromMs = parseMoment('from', from ?? DEFAULT_FROM, nowMs)
  const toMs = parseMoment('to', to ?? DEFAULT_TO, nowMs)
  if (fromMs >= toMs) {
    throw new ProblemError(400, 'bad_request', 'from is not before to', 'exchange the two, or widen the range')
  }
  return { fromMs, toMs }
}

function parseMoment(name: string, text: string, nowMs: number): number {
  const span = parseSpan(text, nowMs)
  // Of any time ago there is nothing older than 1970; a date before it is a mistake.
  const at = span !== null && text.startsWith('now') ? Math.max(0, span.startMs) : span?.startMs
  if (at !== undefined && at >= 0 && at <= LATEST_MS) return at
  const expected = 'expected now, now-15m (also s, h, d, w) or an ISO time such as 2026-11-28T15:00:00Z'
  throw new ProblemError(400, 'bad_request', `${name} is no time that can be asked for`, expected)
}

/** Buckets of a round size that people read easily; more would be thinner than a pixel or two. */
export const MOST_BUCKETS = 300

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Of whole weeks. */
const YEAR = 364 * DAY
const BUCKET_SIZES_MS = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 91, YEAR / DAY].map((days) => days * DAY),
]

/** The smallest round size with which the range, which may begin and end within a bucket, has at most 300 of them. */
export function bucketSizeOf({ fromMs, toMs }: TimeRange): number {
  const fits = (size: number): boolean => bucketCount(fromMs, toMs, size) <= MOST_BUCKETS
  const size = BUCKET_SIZES_MS.find(fits)
  if (size !== undefined) return size
  let years = 2
  while (!fits(years * YEAR)) years *= 2
  return years * YEAR
}

/** Buckets begin at multiples of their size since 1970. */
function bucketCount(fromMs: number, toMs: number, size: number): number {
  return Math.floor((toMs - 1) / size) - Math.floor(fromMs / size) + 1
}
