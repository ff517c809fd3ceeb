/** What a written time covers: a day when only a day is written. Milliseconds since 1970, `endMs` is not in it. */
export interface Span {
  readonly startMs: number
  readonly endMs: number
}

const DAY_MS = 86_400_000
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS }
const RELATIVE = /^now(?:([+-])(\d{1,9})([smhdw]))?$/
const ABSOLUTE = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/i

/** Reads `now`, `now-15m`, a day, or an ISO time of the zone it names, else UTC. Null for anything else. */
export function parseSpan(text: string, nowMs: number): Span | null {
  const relative = RELATIVE.exec(text)
  if (relative !== null) {
    const [, sign = '+', count = '0', unit = 's'] = relative
    const startMs = nowMs + (sign === '-' ? -1 : 1) * Number(count) * (UNITS[unit] ?? 0)
    return { startMs, endMs: startMs + 1 }
  }
  const absolute = ABSOLUTE.exec(text)
  if (absolute === null) return null
  const [, day = '', hours, minutes, seconds, fraction, zone = 'Z'] = absolute
  const clock = `${hours ?? '00'}:${minutes ?? '00'}:${seconds ?? '00'}.${(fraction ?? '').slice(0, 3).padEnd(3, '0')}`
  const startMs = Date.parse(`${day}T${clock}${zoneOf(zone)}`)
  // Date.parse takes 31 February for a day of March.
  if (Number.isNaN(startMs) || !isDay(day)) return null
  const length = fraction === undefined ? (seconds === undefined ? (hours === undefined ? DAY_MS : 60_000) : 1000) : 1
  return { startMs, endMs: startMs + length }
}

function zoneOf(zone: string): string {
  return /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase()
}

function isDay(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === day
}
