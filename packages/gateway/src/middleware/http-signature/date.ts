// Hot path.
import type { HeaderList } from '../../chain/headers.ts'

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DATE =
  /^(?:mon|tue|wed|thu|fri|sat|sun), (\d\d) ([a-z]{3}) (\d{4}) (\d{1,2}):(\d\d):(\d\d)(?:[.,]\d+)? (?:[a-z]{3,5}|(?:gmt)?([+-]\d{1,2}))$/i

/**
 * The instant of a date such as `Mon, 02 Jan 2006 15:04:05 GMT` or `… -07`, in milliseconds since 1970; null when it is
 * none. As in Go, the abbreviation of a zone that is not known counts as UTC, and the day of the week is not compared.
 */
export function parseDate(text: string): number | null {
  const parts = DATE.exec(text)
  if (parts === null) return null
  const month = MONTHS.indexOf((parts[2] as string).toLowerCase())
  const [day, year, hour, minute, second] = [1, 3, 4, 5, 6].map((i) => Number(parts[i])) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const offsetHours = Number(parts[7] ?? 0)
  if (month === -1 || hour > 23 || minute > 59 || second > 59 || Math.abs(offsetHours) > 23) return null
  const date = new Date(Date.UTC(year, month, day, hour, minute, second))
  date.setUTCFullYear(year)
  if (date.getUTCDate() !== day) return null
  return date.getTime() - offsetHours * 3_600_000
}

/** The date of a request: programs in browsers cannot set `Date`. */
export const dateOf = (headers: HeaderList): string => headers.get('X-Aux-Date') || (headers.get('Date') ?? '')

/** @param maxSkewMs - how far a clock may be off; not positive: any date will do, as long as it is one. */
export function isTimely(headers: HeaderList, maxSkewMs: number, nowMs: number): boolean {
  const atMs = parseDate(dateOf(headers))
  return atMs !== null && (maxSkewMs <= 0 || Math.abs(nowMs - atMs) <= maxSkewMs)
}
