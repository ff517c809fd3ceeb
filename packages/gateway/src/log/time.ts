const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** RFC 3339 with seconds, in the local zone: `2026-01-31T09:15:02Z`, `2026-01-31T10:15:02+01:00`. */
export function rfc3339(timeMs: number): string {
  const date = new Date(timeMs)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day}T${clock(date)}${offset(-date.getTimezoneOffset())}`
}

/** `Jan 31 09:15:02`, in the local zone. */
export function stamp(timeMs: number): string {
  const date = new Date(timeMs)
  return `${MONTHS[date.getMonth()]} ${two(date.getDate())} ${clock(date)}`
}

function clock(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

function offset(minutes: number): string {
  if (minutes === 0) return 'Z'
  const absolute = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(absolute / 60))}:${two(absolute % 60)}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
