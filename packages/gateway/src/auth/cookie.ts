import type { HeaderList } from '../chain/headers.ts'

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\u0021\u0023-\u002b\u002d-\u003a\u003c-\u005b\u005d-\u007e ,]*$/

/**
 * The value of the first cookie of a name, empty when there is none. By Go's rules: quotes around a value are dropped,
 * a cookie with a malformed name or value does not count.
 */
export function cookieValue(headers: HeaderList, name: string): string {
  for (const line of headers.getAll('Cookie')) {
    for (const item of line.split(';')) {
      const cookie = item.trim()
      const equals = cookie.indexOf('=')
      const given = equals === -1 ? cookie : cookie.slice(0, equals).trim()
      if (given !== name || !NAME.test(given)) continue
      const value = unquote(equals === -1 ? '' : cookie.slice(equals + 1))
      if (VALUE.test(value)) return value
    }
  }
  return ''
}

const unquote = (value: string): string =>
  value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
