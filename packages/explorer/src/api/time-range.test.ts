import { describe, expect, it } from 'vitest'
import { ProblemError } from '../errors.ts'
import { bucketSizeOf, MOST_BUCKETS, parseRange } from './time-range.ts'

const NOW = Date.parse('2026-11-28T15:00:00.500Z')
const MINUTE = 60_000
const DAY = 86_400_000

describe('parseRange', () => {
  it('takes the last 15 minutes when nothing is asked for', () => {
    expect(parseRange(undefined, undefined, NOW)).toEqual({ fromMs: NOW - 15 * MINUTE, toMs: NOW })
  })

  it.each([
    ['now-30s', NOW - 30_000],
    ['now-15m', NOW - 15 * MINUTE],
    ['now-2h', NOW - 120 * MINUTE],
    ['now-7d', NOW - 7 * DAY],
    ['now-1w', NOW - 7 * DAY],
    ['2026-11-28', Date.parse('2026-11-28T00:00:00Z')],
    ['2026-11-28T14:00Z', Date.parse('2026-11-28T14:00:00Z')],
    ['2026-11-28T14:00', Date.parse('2026-11-28T14:00:00Z')],
    ['2026-11-28T14:00:01.123456789Z', Date.parse('2026-11-28T14:00:01.123Z')],
    ['2026-11-28T14:00:00+02:00', Date.parse('2026-11-28T12:00:00Z')],
    ['2026-11-28 14:00', Date.parse('2026-11-28T14:00:00Z')],
    ['now-999999999d', 0],
  ])('reads %s', (text, fromMs) => {
    expect(parseRange(text, 'now', NOW).fromMs).toBe(fromMs)
  })

  it('reads what is to come', () => {
    expect(parseRange('now', 'now+1h', NOW).toMs).toBe(NOW + 60 * MINUTE)
  })

  it.each([
    '',
    '2026-02-31T00:00Z',
    '2026-02-31',
    '1969-12-31',
    'now+999999999d',
    'now-15',
    'now-7d/d',
    'yesterday',
    '2026-13-01',
    '28.11.2026',
    'now-15m ',
    '<b>',
  ])('refuses %j', (text) => {
    expect(() => parseRange(text, 'now', NOW)).toThrow(ProblemError)
  })

  it.each([
    ['now', 'now-1h'],
    ['now', 'now'],
  ])('refuses a range from %s to %s', (from, to) => {
    expect(() => parseRange(from, to, NOW)).toThrow('from is not before to')
  })
})

describe('bucketSizeOf', () => {
  it.each([
    [1, 1],
    [15 * MINUTE, 5000],
    [60 * MINUTE, 15_000],
    [DAY, 5 * MINUTE],
    [7 * DAY, 60 * MINUTE],
    [365 * DAY, 2 * DAY],
  ])('a range of %d ms has buckets of %d ms', (length, size) => {
    expect(bucketSizeOf({ fromMs: NOW - length, toMs: NOW })).toBe(size)
  })

  it.each([1, 299, 300, 301, 1234, 86_399_999, 9 * DAY, 3000 * DAY, 2_932_896 * DAY])(
    'never more than 300 buckets, for a range of %d ms',
    (length) => {
      const fromMs = 777
      const size = bucketSizeOf({ fromMs, toMs: fromMs + length })
      const count = Math.floor((fromMs + length - 1) / size) - Math.floor(fromMs / size) + 1
      expect(count).toBeLessThanOrEqual(MOST_BUCKETS)
    },
  )
})
