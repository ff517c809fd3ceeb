// Hot path.
import { toByteString } from '../../byte-string.ts'
import { canonicalHeaderName, type HeaderList } from '../../chain/headers.ts'
import { dateOf } from './date.ts'

export interface SignedRequest {
  readonly method: string
  readonly headers: HeaderList
}

/**
 * The text that was signed, as a byte string: one line per name. Null when a signed header has several lines: an
 * upstream might read another one than the signature covers.
 *
 * @param path - without query, listen path included.
 */
export function signingString(
  { method, headers }: SignedRequest,
  names: readonly string[],
  path: string,
): string | null {
  const lines: string[] = []
  for (const each of names) {
    const name = toByteString(each).toLowerCase()
    if (name === '(request-target)') {
      lines.push(`(request-target): ${method.toLowerCase()} ${path}`)
      continue
    }
    if (hasSeveral(headers, name)) return null
    lines.push(
      name === 'date' ? dateLine(headers) : `${name}: ${(headers.get(canonicalHeaderName(name)) ?? '').trim()}`,
    )
  }
  return lines.join('\n')
}

/** The line is named after the header the date came in; without one nothing but the separator is signed. */
function dateLine(headers: HeaderList): string {
  const value = dateOf(headers)
  if (value === '') return ': '
  return headers.get('X-Aux-Date') ? `x-aux-date: ${value}` : `date: ${value}`
}

function hasSeveral(headers: HeaderList, name: string): boolean {
  if (headers.getAll(canonicalHeaderName(name)).length > 1) return true
  return name === 'date' && headers.getAll('X-Aux-Date').length > 1
}
