import type { Instant } from './record.ts'

const NANOS_PER_SECOND = 1_000_000_000
const ISO_TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/

/** Puts surplus or negative nanoseconds into the seconds, as Go's `time.Unix` does. */
export function carryNanos(seconds: number, nanos: number): Instant {
  if (nanos >= 0 && nanos < NANOS_PER_SECOND) return { seconds, nanos }
  const carried = Math.floor(nanos / NANOS_PER_SECOND)
  return { seconds: seconds + carried, nanos: nanos - carried * NANOS_PER_SECOND }
}

/** Reads an RFC 3339 text with up to nine fraction digits; null when it is none. */
export function parseInstant(text: string): Instant | null {
  const parts = ISO_TIME.exec(text)
  if (parts === null) return null
  const [, date, time, fraction = '', zone] = parts
  const ms = Date.parse(`${date}T${time}${zone}`)
  return Number.isNaN(ms) ? null : { seconds: ms / 1000, nanos: Number(fraction.padEnd(9, '0')) }
}
