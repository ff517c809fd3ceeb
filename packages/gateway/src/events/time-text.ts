const two = (value: number): string => String(value).padStart(2, '0')

/**
 * A time as Go prints it: `2026-08-21 15:39:47.123 +0300 +0300`. The zone is `UTC`, or its distance from that once more,
 * as Go writes zones that have no name.
 */
export function goTimeText(atMs: number): string {
  const at = new Date(atMs)
  const minutes = -at.getTimezoneOffset()
  const zone = `${minutes < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  const fraction = String(at.getMilliseconds()).padStart(3, '0').replace(/0+$/, '')
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return `${day} ${clock}${fraction === '' ? '' : `.${fraction}`} ${zone} ${minutes === 0 ? 'UTC' : zone}`
}
