import { day, two } from '../format/time.ts'

/**
 * The words of the time range, `now`, `now-15m` or an ISO time, and the arithmetic on them. The same words go to the API,
 * so a link that says `now-15m` stays live.
 */
export interface RangeWords {
  readonly from: string
  readonly to: string
}

export interface RangeMs {
  readonly fromMs: number
  readonly toMs: number
}

export const DEFAULT_RANGE: RangeWords = { from: 'now-15m', to: 'now' }

export const QUICK_RANGES: readonly { readonly words: string; readonly label: string }[] = [
  { words: 'now-5m', label: 'Last 5 minutes' },
  { words: 'now-15m', label: 'Last 15 minutes' },
  { words: 'now-30m', label: 'Last 30 minutes' },
  { words: 'now-1h', label: 'Last hour' },
  { words: 'now-3h', label: 'Last 3 hours' },
  { words: 'now-6h', label: 'Last 6 hours' },
  { words: 'now-12h', label: 'Last 12 hours' },
  { words: 'now-24h', label: 'Last 24 hours' },
  { words: 'now-2d', label: 'Last 2 days' },
  { words: 'now-7d', label: 'Last 7 days' },
  { words: 'now-30d', label: 'Last 30 days' },
  { words: 'now-90d', label: 'Last 90 days' },
]

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
type Unit = keyof typeof UNITS
const UNIT_NAMES: Record<Unit, string> = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week' }

const NOW = /^now(?:-(\d{1,6})([smhdw]))?$/
const ISO = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/

/** Milliseconds since 1970, or null when the word is none. */
export function parseTimeWord(word: string, nowMs: number): number | null {
  const relative = NOW.exec(word)
  if (relative !== null) {
    const [, amount, unit] = relative
    return amount === undefined ? nowMs : nowMs - Number(amount) * UNITS[unit as Unit]
  }
  // A browser takes 31 February for 3 March, and the API refuses it.
  if (!ISO.test(word) || !isDay(word.slice(0, 10))) return null
  const time = Date.parse(word)
  return Number.isNaN(time) ? null : time
}

function isDay(text: string): boolean {
  const time = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
}

/** Null when a word is none or the range is empty or runs backwards. */
export function resolveRange({ from, to }: RangeWords, nowMs: number): RangeMs | null {
  const fromMs = parseTimeWord(from, nowMs)
  const toMs = parseTimeWord(to, nowMs)
  return fromMs === null || toMs === null || fromMs >= toMs ? null : { fromMs, toMs }
}

export function absolute({ fromMs, toMs }: RangeMs): RangeWords {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() }
}

/** Moves by its own length; what would reach into the future ends now. */
export function shiftRange(range: RangeMs, direction: -1 | 1, nowMs: number): RangeWords {
  const length = range.toMs - range.fromMs
  const toMs = range.toMs + direction * length
  if (toMs < nowMs) return absolute({ fromMs: toMs - length, toMs })
  return relativeOf(length) ?? absolute({ fromMs: nowMs - length, toMs: nowMs })
}

/** Twice as long. A range up to now stays one, any other grows on both sides. */
export function zoomOut(words: RangeWords, nowMs: number): RangeWords {
  const range = resolveRange(words, nowMs)
  if (range === null) return DEFAULT_RANGE
  const length = range.toMs - range.fromMs
  const doubled = words.to === 'now' ? relativeOf(length * 2) : null
  if (doubled !== null) return doubled
  const toMs = Math.min(range.toMs + length / 2, Math.max(nowMs, range.toMs))
  return absolute({ fromMs: Math.max(0, toMs - length * 2), toMs })
}

/** `now-30m` … `now` for a length that is a whole number of a unit. */
function relativeOf(lengthMs: number): RangeWords | null {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const amount = lengthMs / UNITS[unit]
    const readable = unit === 'd' || amount < 100
    if (Number.isInteger(amount) && readable) return { from: `now-${amount}${unit}`, to: 'now' }
  }
  return null
}

/** What a button says: `Last 15 minutes`, or both times with what they have in common left out. */
export function rangeLabel(words: RangeWords, nowMs: number): string {
  const relative = NOW.exec(words.from)
  if (words.to === 'now' && relative?.[1] !== undefined) {
    const known = QUICK_RANGES.find((quick) => quick.words === words.from)
    if (known !== undefined) return known.label
    const amount = Number(relative[1])
    return `Last ${amount} ${UNIT_NAMES[relative[2] as Unit]}${amount === 1 ? '' : 's'}`
  }
  const range = resolveRange(words, nowMs)
  if (range === null) return 'Choose a time range'
  const from = new Date(range.fromMs)
  const to = new Date(range.toMs)
  const withSeconds = range.toMs - range.fromMs < 10 * 60_000
  const now = new Date(nowMs)
  const dayAndClock = (time: Date): string => `${day(time, now)} ${clock(time, withSeconds)}`
  const end = words.to === 'now' ? 'now' : sameDay(from, to) ? clock(to, withSeconds) : dayAndClock(to)
  return `${dayAndClock(from)} to ${end}`
}

/** Length in words: `15 minutes`, `2 days`, `1 h 30 min`. */
export function lengthLabel(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const amount = ms / UNITS[unit]
    if (Number.isInteger(amount) && amount >= 1) return `${amount} ${UNIT_NAMES[unit]}${amount === 1 ? '' : 's'}`
  }
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = Math.round(ms / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`
}

const sameDay = (a: Date, b: Date): boolean => a.toDateString() === b.toDateString()
const clock = (time: Date, withSeconds: boolean): string =>
  `${two(time.getHours())}:${two(time.getMinutes())}${withSeconds ? `:${two(time.getSeconds())}` : ''}`

/** The value of a `datetime-local` field, in the viewer's zone. */
export function localInputValue(ms: number): string {
  const time = new Date(ms)
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  return `${date}T${clock(time, true)}`
}
