const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

/** `1,234,567`. */
export function count(value: number): string {
  return grouped.format(value)
}

/** `1.2M`, for axes and narrow places. */
export function compact(value: number): string {
  return Math.abs(value) < 10_000 ? grouped.format(value) : short.format(value)
}

/** A share from 0 to 1 as `12 %`, `0.4 %`, `< 0.1 %`. Never rounds something to nothing or almost all to all. */
export function percent(part: number): string {
  const value = part * 100
  if (value === 0 || value === 100) return `${value} %`
  if (value < 0.1) return '< 0.1 %'
  if (value > 99.9) return '> 99.9 %'
  return `${value < 10 || value > 99 ? value.toFixed(1) : value.toFixed(0)} %`
}

/** `12 ms`, `1.3 s`, `2 min 5 s`; an en dash when no record says it. */
export function duration(ms: number | null): string {
  if (ms === null) return '–'
  if (ms < 1 && ms > 0) return `${ms.toFixed(1)} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
  if (ms < 59_500) return `${Math.round(ms / 1000)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const hours = Math.floor(seconds / 3600)
  if (hours < 48) return `${hours} h ${Math.round((seconds % 3600) / 60)} min`
  return `${Math.round(hours / 24)} days`
}

/** Decimal units, as the request's own Content-Length is read: `512 B`, `1.2 MB`. */
export function bytes(size: number): string {
  let value = size
  for (const unit of ['B', 'kB', 'MB', 'GB', 'TB']) {
    if (value < 999.5 || unit === 'TB')
      return `${value < 10 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`
    value /= 1000
  }
  return `${size} B`
}

export interface Change {
  readonly direction: 'up' | 'down' | 'same'
  readonly text: string
}

/** Against the range before: relative for amounts, in points for shares. Null when there is nothing to compare with. */
export function change(now: number | null, before: number | null, kind: 'amount' | 'share'): Change | null {
  if (now === null || before === null) return null
  if (kind === 'amount' && before === 0) return now === 0 ? { direction: 'same', text: 'no change' } : null
  const difference = kind === 'share' ? (now - before) * 100 : ((now - before) / before) * 100
  const size = Math.abs(difference)
  if (size < 0.05) return { direction: 'same', text: 'no change' }
  const amount = size < 10 ? size.toFixed(1) : grouped.format(size)
  return { direction: difference > 0 ? 'up' : 'down', text: `${amount} ${kind === 'share' ? 'points' : '%'}` }
}

export function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
