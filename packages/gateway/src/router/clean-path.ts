// Hot path.

/**
 * The path as Go's `path.Clean` leaves it, with a trailing slash kept: `//` collapsed, `.` and `..` resolved.
 *
 * Returns the argument itself when it is clean already, so that callers can compare by identity.
 */
export function cleanPath(path: string): string {
  if (path === '') return '/'
  if (isClean(path)) return path
  const cleaned: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') cleaned.pop()
    else cleaned.push(segment)
  }
  const result = `/${cleaned.join('/')}`
  return path.endsWith('/') && result !== '/' ? `${result}/` : result
}

const SLASH = 0x2f
const DOT = 0x2e

function isClean(path: string): boolean {
  if (path.charCodeAt(0) !== SLASH) return false
  const last = path.length - 1
  for (let i = 0; i < last; i++) {
    if (path.charCodeAt(i) !== SLASH) continue
    const next = path.charCodeAt(i + 1)
    if (next === SLASH) return false
    if (next === DOT && isDotSegment(path, i + 1)) return false
  }
  return true
}

function isDotSegment(path: string, start: number): boolean {
  const after = path.charCodeAt(start + 1)
  if (after === SLASH || Number.isNaN(after)) return true
  if (after !== DOT) return false
  const third = path.charCodeAt(start + 2)
  return third === SLASH || Number.isNaN(third)
}
