/**
 * The second of a time in UTC, `YYYY-MM-DD HH:MM:SS`. Every form that is read sorts behind the second that it lies in, and
 * before the next one. Beyond the years 0 to 9999 it is their end.
 */
export function secondText(ms: number): string {
  return new Date(Math.min(Math.max(ms, EARLIEST_MS), LATEST_MS)).toISOString().slice(0, 19).replace('T', ' ')
}

export function secondOf(ms: number): number {
  return Math.floor(ms / 1000) * 1000
}

const EARLIEST_MS = Date.parse('0000-01-01T00:00:00Z')
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z')
/** Sorts behind every time. */
export const AFTER_ALL_TIMES = '~'

/**
 * Reads what this pump and Tyk's write: `YYYY-MM-DD HH:MM:SS.SSS`, with more or fewer digits or none, and the zone of UTC or
 * none behind it. NaN for anything else: the file is searched by comparing texts, and other forms sort elsewhere. Not
 * through Date.parse where it can be avoided: a day is read once, the clock digit by digit.
 */
export function createTimeReader(): (text: string) => number {
  let day = ''
  let dayMs = NaN
  return (text) => {
    if (text.length !== 23 || text.charCodeAt(10) !== SPACE || text.charCodeAt(22) > NINE) return readOther(text)
    if (!text.startsWith(day) || day === '') {
      day = text.slice(0, 10)
      dayMs = Date.parse(`${day}T00:00:00Z`)
    }
    const hours = digits(text, 11)
    const minutes = digits(text, 14)
    const seconds = digits(text, 17)
    const millis = digits(text, 20) * 10 + text.charCodeAt(22) - ZERO
    return dayMs + hours * 3_600_000 + minutes * 60_000 + seconds * 1000 + millis
  }
}

const SPACE = 32
const ZERO = 48
const NINE = 57

function digits(text: string, at: number): number {
  return (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO
}

function readOther(text: string): number {
  const [, day = '', clock = ''] =
    /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(?:Z| ?[+-]00:?00)?$/.exec(text) ?? []
  return Date.parse(`${day}T${clock.slice(0, 12)}Z`)
}
