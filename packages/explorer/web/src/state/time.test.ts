import { describe, expect, it } from 'vitest'
import {
  lengthLabel,
  localInputValue,
  parseTimeWord,
  rangeLabel,
  type RangeWords,
  resolveRange,
  shiftRange,
  zoomOut,
} from './time.ts'

const NOW = Date.UTC(2026, 10, 29, 12, 0, 0)
const MINUTE = 60_000
const iso = (ms: number): string => new Date(ms).toISOString()

describe('words of time', () => {
  it.each([
    ['now', NOW],
    ['now-30s', NOW - 30_000],
    ['now-15m', NOW - 15 * MINUTE],
    ['now-2h', NOW - 120 * MINUTE],
    ['now-7d', NOW - 7 * 1440 * MINUTE],
    ['now-1w', NOW - 7 * 1440 * MINUTE],
    ['2026-11-29T12:00:00.000Z', NOW],
    ['2026-11-29T13:00:00+01:00', NOW],
    ['now+1h', null],
    ['yesterday', null],
    ['2026-13-40T00:00:00Z', null],
    ['2026-02-31T00:00:00Z', null],
    ['', null],
  ])('%j is %s', (word, expected) => {
    expect(parseTimeWord(word, NOW)).toBe(expected)
  })

  it('refuses a range that is empty or runs backwards', () => {
    expect(resolveRange({ from: 'now', to: 'now' }, NOW)).toBeNull()
    expect(resolveRange({ from: 'now', to: 'now-1h' }, NOW)).toBeNull()
  })
})

describe('moving a range', () => {
  it('goes back by its own length', () => {
    const back = shiftRange({ fromMs: NOW - 15 * MINUTE, toMs: NOW }, -1, NOW)
    expect(back).toEqual({ from: iso(NOW - 30 * MINUTE), to: iso(NOW - 15 * MINUTE) })
  })

  it('becomes a range up to now where it would reach into the future', () => {
    expect(shiftRange({ fromMs: NOW - 20 * MINUTE, toMs: NOW - 5 * MINUTE }, 1, NOW)).toEqual({
      from: 'now-15m',
      to: 'now',
    })
  })

  it.each<[RangeWords, RangeWords]>([
    [
      { from: 'now-15m', to: 'now' },
      { from: 'now-30m', to: 'now' },
    ],
    [
      { from: 'now-12h', to: 'now' },
      { from: 'now-1d', to: 'now' },
    ],
    [
      { from: iso(NOW - 60 * MINUTE), to: iso(NOW - 40 * MINUTE) },
      { from: iso(NOW - 70 * MINUTE), to: iso(NOW - 30 * MINUTE) },
    ],
    [
      { from: iso(NOW - 20 * MINUTE), to: iso(NOW) },
      { from: iso(NOW - 40 * MINUTE), to: iso(NOW) },
    ],
  ])('is twice as long after zooming out of %j', (before, after) => {
    expect(zoomOut(before, NOW)).toEqual(after)
  })
})

describe('labels of a range', () => {
  it('names quick ranges and others up to now', () => {
    expect(rangeLabel({ from: 'now-15m', to: 'now' }, NOW)).toBe('Last 15 minutes')
    expect(rangeLabel({ from: 'now-45m', to: 'now' }, NOW)).toBe('Last 45 minutes')
    expect(rangeLabel({ from: 'now-1d', to: 'now' }, NOW)).toBe('Last 1 day')
  })

  it('names the day once, and seconds only in a short range', () => {
    const at = (hour: number, minute: number): string => new Date(2026, 10, 29, hour, minute, 5).toISOString()
    expect(rangeLabel({ from: at(9, 0), to: at(10, 30) }, NOW)).toBe('29 Nov 09:00 to 10:30')
    expect(rangeLabel({ from: at(9, 0), to: at(9, 2) }, NOW)).toBe('29 Nov 09:00:05 to 09:02:05')
    expect(rangeLabel({ from: at(9, 0), to: 'now' }, NOW)).toMatch(/ to now$/)
  })

  it.each([
    [900_000, '15 minutes'],
    [60_000, '1 minute'],
    [86_400_000, '1 day'],
    [5_400_000, '90 minutes'],
    [5_431_200, '1 h 30 min'],
    [61_500, '1 min 2 s'],
    [250, '250 ms'],
  ])('%i ms are %s', (ms, label) => {
    expect(lengthLabel(ms)).toBe(label)
  })

  it('fills in a field of local time', () => {
    const time = new Date(2026, 0, 2, 3, 4, 5)
    expect(localInputValue(time.getTime())).toBe('2026-01-02T03:04:05')
  })
})
