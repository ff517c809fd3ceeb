import { array, assert, integer, nat, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Histogram } from './histogram.ts'

describe('a histogram of durations', () => {
  test('is exact for short ones', () => {
    const histogram = new Histogram()
    for (let micros = 1; micros <= 100; micros++) histogram.record(micros)
    expect([50, 99, 100].map((percent) => histogram.percentileMs(percent))).toEqual([0.05, 0.099, 0.1])
    expect(histogram.total).toBe(100)
  })

  test('knows nothing before the first', () => expect(new Histogram().percentileMs(50)).toBeNaN())

  test('keeps the longest as it was', () => {
    const histogram = new Histogram()
    histogram.record(1_234_567)
    expect([histogram.maxMs, histogram.percentileMs(99.9)]).toEqual([1234.567, 1234.567])
  })

  test('is right within one percent for any', () => {
    assert(
      property(array(integer({ min: 0, max: 100_000_000 }), { minLength: 1 }), nat(100), (all, percent) => {
        const histogram = new Histogram()
        for (const micros of all) histogram.record(micros)
        const sorted = all.toSorted((a, b) => a - b)
        const exact = (sorted[Math.max(0, Math.ceil((percent / 100) * all.length) - 1)] as number) / 1000
        const found = histogram.percentileMs(percent)
        expect(found).toBeGreaterThanOrEqual(percent === 0 ? 0 : exact)
        expect(found).toBeLessThanOrEqual(exact * 1.01 + 0.001)
      }),
    )
  })
})
