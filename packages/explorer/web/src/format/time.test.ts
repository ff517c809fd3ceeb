import { describe, expect, it } from 'vitest'
import { ago, axisTime, exactTime, utcTime } from './time.ts'

describe('times', () => {
  const time = new Date(2026, 10, 29, 9, 5, 3, 7)

  it('are written in the viewer’s zone, with the year only when it is another', () => {
    expect(exactTime(time, time)).toBe('29 Nov 09:05:03.007')
    expect(exactTime(time, new Date(2027, 1, 1))).toBe('29 Nov 2026 09:05:03.007')
  })

  it('are written in UTC on demand', () => {
    expect(utcTime(new Date(Date.UTC(2026, 10, 29, 9, 5, 3, 7)))).toBe('2026-11-29 09:05:03.007 UTC')
  })

  it.each([
    [-500, 'just now'],
    [1_000, 'just now'],
    [12_000, '12 s ago'],
    [200_000, '3 min ago'],
    [7_300_000, '2 h ago'],
    [432_000_000, '5 days ago'],
  ])('%i ms ago are %s', (ms, text) => {
    expect(ago(1_000_000_000_000, 1_000_000_000_000 + ms)).toBe(text)
  })

  it('are as short on an axis as their distance allows', () => {
    expect(axisTime(time, 10, false)).toBe('09:05:03')
    expect(axisTime(time, 600, false)).toBe('09:05')
    expect(axisTime(time, 86_400, false)).toBe('29 Nov')
    expect(axisTime(new Date(2026, 10, 29), 3600, false)).toBe('29 Nov')
  })
})
