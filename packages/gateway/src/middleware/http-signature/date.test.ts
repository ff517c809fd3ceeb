import { describe, expect, test } from 'vitest'
import { HeaderList } from '../../chain/headers.ts'
import { isTimely, parseDate } from './date.ts'

const NOON = Date.UTC(2023, 0, 2, 15, 4, 5)

describe('parseDate', () => {
  test.each([
    ['Mon, 02 Jan 2023 15:04:05 GMT', NOON],
    ['mon, 02 jan 2023 15:04:05 gmt', NOON],
    ['Tue, 02 Jan 2023 15:04:05 UTC', NOON],
    ['Mon, 02 Jan 2023 15:04:05 +01', NOON - 3_600_000],
    ['Mon, 02 Jan 2023 15:04:05 -07', NOON + 7 * 3_600_000],
    ['Mon, 02 Jan 2023 15:04:05 GMT+2', NOON - 2 * 3_600_000],
    ['Mon, 02 Jan 2023 5:04:05 GMT', NOON - 10 * 3_600_000],
    ['Wed, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['Mon, 02 Jan 0023 15:04:05 GMT', new Date(NOON).setUTCFullYear(23)],
  ])('reads %s', (text, ms) => {
    expect(parseDate(text)).toBe(ms)
  })

  test.each([
    '',
    '1672671845',
    '2023-01-02T15:04:05Z',
    'Mon, 2 Jan 2023 15:04:05 GMT',
    'Mon, 02 Jan 23 15:04:05 GMT',
    'Mon, 02 Jan 2023 15:04:05',
    'Mon, 02 Jan 2023 15:04:05 +0100',
    'Mon, 02 Jan 2023 24:04:05 GMT',
    'Mon, 02 Jan 2023 15:60:05 GMT',
    'Mon, 31 Feb 2023 15:04:05 GMT',
    'Mon, 00 Jan 2023 15:04:05 GMT',
    'Mon, 02 Foo 2023 15:04:05 GMT',
    'Xyz, 02 Jan 2023 15:04:05 GMT',
    'Mon, 02 Jan 2023 15:04:05 GMT x',
    'Mon, 02 Jan 2023 15:04:05 GMT+99',
  ])('refuses %j', (text) => {
    expect(parseDate(text)).toBeNull()
  })
})

describe('isTimely', () => {
  const dated = (...pairs: string[]) => new HeaderList(pairs)
  const date = 'Mon, 02 Jan 2023 15:04:05 GMT'

  test.each([
    ['within the skew', dated('Date', date), 1000, NOON + 1000, true],
    ['within the skew, ahead', dated('Date', date), 1000, NOON - 1000, true],
    ['beyond the skew', dated('Date', date), 1000, NOON + 1001, false],
    ['beyond the skew, ahead', dated('Date', date), 1000, NOON - 1001, false],
    ['years ago, with the skew off', dated('Date', date), 0, NOON + 1e12, true],
    ['years ago, with a negative skew', dated('Date', date), -1, NOON + 1e12, true],
    ['malformed, with the skew off', dated('Date', 'yesterday'), 0, NOON, false],
    ['missing', dated(), 0, NOON, false],
    ['in the other header', dated('X-Aux-Date', date), 1000, NOON, true],
    ['in both headers, the other one wrong', dated('Date', date, 'X-Aux-Date', 'x'), 1000, NOON, false],
    ['in both headers, the other one empty', dated('Date', date, 'X-Aux-Date', ''), 1000, NOON, true],
  ])('judges a date %s', (_, headers, skew, now, timely) => {
    expect(isTimely(headers, skew, now)).toBe(timely)
  })
})
