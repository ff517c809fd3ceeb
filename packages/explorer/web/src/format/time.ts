export const two = (value: number): string => String(value).padStart(2, '0')
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const
const monthOf = (time: Date): string => MONTHS[time.getMonth()] ?? ''

/** Name of the viewer's zone, e.g. `CET` or `GMT+5:30`. */
export function zoneName(at: Date = new Date()): string {
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(at)
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'local time'
}

/** `29 Nov`, with the year when it is another one. */
export function day(time: Date, now: Date): string {
  const year = time.getFullYear() === now.getFullYear() ? '' : ` ${time.getFullYear()}`
  return `${time.getDate()} ${monthOf(time)}${year}`
}

/** `29 Nov 14:03:22`, with the year when it is another one. */
export function dateTime(time: Date, now: Date = new Date()): string {
  return `${day(time, now)} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
}

/** `29 Nov 14:03:22.120`. */
export function exactTime(time: Date, now: Date = new Date()): string {
  return `${dateTime(time, now)}.${String(time.getMilliseconds()).padStart(3, '0')}`
}

/** `2026-11-29 13:03:22.120 UTC`. */
export function utcTime(time: Date): string {
  const iso = time.toISOString()
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)} UTC`
}

/** `just now`, `12 s ago`, `3 min ago`, `2 h ago`, `5 days ago`. */
export function ago(thenMs: number, nowMs: number): string {
  const seconds = Math.floor((nowMs - thenMs) / 1000)
  if (seconds < 2) return 'just now'
  if (seconds < 100) return `${seconds} s ago`
  const minutes = Math.round(seconds / 60)
  if (minutes < 100) return `${minutes} min ago`
  const hours = Math.round(minutes / 60)
  if (hours < 48) return `${hours} h ago`
  return `${Math.round(hours / 24)} days ago`
}

/** The label of a time axis: as short as the distance between two labels allows. */
export function axisTime(time: Date, stepSeconds: number, first: boolean): string {
  const midnight = time.getHours() === 0 && time.getMinutes() === 0 && time.getSeconds() === 0
  const date = `${time.getDate()} ${monthOf(time)}`
  if (stepSeconds >= 86_400) return date
  const minutes = `${two(time.getHours())}:${two(time.getMinutes())}`
  const clock = stepSeconds < 60 ? `${minutes}:${two(time.getSeconds())}` : minutes
  return midnight && !first ? date : clock
}
