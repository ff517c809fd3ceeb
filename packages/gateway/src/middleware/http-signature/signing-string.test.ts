import { describe, expect, test } from 'vitest'
import { HeaderList } from '../../chain/headers.ts'
import { signingString } from './signing-string.ts'

const headers = new HeaderList(['Date', 'D', 'X-Test', ' abc ', 'X-Two', '1', 'X-Two', '2', 'X-High', '\xc3\xa9'])
const sign = (names: string[], list = headers): string | null =>
  signingString({ method: 'POST', headers: list }, names, '/app/x%20y')

describe('signingString', () => {
  test.each<[string, string[], string]>([
    ['the target without the query', ['(request-target)'], '(request-target): post /app/x%20y'],
    ['headers in the order of their names', ['x-test', 'date'], 'x-test: abc\ndate: D'],
    ['names in any letter case', ['X-TEST', '(Request-Target)'], 'x-test: abc\n(request-target): post /app/x%20y'],
    ['a header that is not there as empty', ['x-none', 'date'], 'x-none: \ndate: D'],
    ['the host as empty', ['host'], 'host: '],
    ['bytes as they are', ['x-high'], 'x-high: \xc3\xa9'],
    ['one header as often as it is named', ['date', 'date'], 'date: D\ndate: D'],
  ])('holds %s', (_, names, text) => {
    expect(sign(names)).toBe(text)
  })

  test('names the date after the header it came in', () => {
    expect(sign(['date'], new HeaderList(['Date', 'D', 'X-Aux-Date', 'A']))).toBe('x-aux-date: A')
    expect(sign(['date'], new HeaderList([]))).toBe(': ')
  })

  test('is none when a signed header has several lines', () => {
    expect(sign(['date', 'x-two'])).toBeNull()
    expect(sign(['date'], new HeaderList(['Date', 'D', 'Date', 'E']))).toBeNull()
    expect(sign(['date'], new HeaderList(['Date', 'D', 'X-Aux-Date', '1', 'X-Aux-Date', '2']))).toBeNull()
  })
})
