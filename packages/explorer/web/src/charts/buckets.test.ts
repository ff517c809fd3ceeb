import { describe, expect, it } from 'vitest'
import { alignTo, bucketTimes, niceMax, segmentAt, stack } from './buckets.ts'

const iso = (ms: number): string => new Date(ms).toISOString()

describe('buckets', () => {
  it('cover the range on the grid of the known ones', () => {
    const range = { from: iso(10_500), to: iso(14_000), bucketMs: 1000 }
    expect(bucketTimes(range, [])).toEqual([10_000, 11_000, 12_000, 13_000])
    expect(bucketTimes(range, [iso(12_250)])).toEqual([10_250, 11_250, 12_250, 13_250])
  })

  it('have a gap where there is no data', () => {
    expect(alignTo([0, 1000, 2000], [{ time: iso(1000), n: 5 }], ({ n }) => n)).toEqual([null, 5, null])
  })

  it('are stacked without the hidden ones', () => {
    const series = [
      [1, null, 3],
      [10, null, null],
      [100, null, 300],
    ]
    expect(stack(series, () => false)).toEqual([
      [1, null, 3],
      [11, null, 3],
      [111, null, 303],
    ])
    expect(stack(series, (index) => index === 1)[2]).toEqual([101, null, 303])
  })

  it('tell which part of a bar is at a height', () => {
    const sums = stack([[5], [0], [3]], () => false)
    expect([0, 4.9, 5, 7.9, 8, -1].map((y) => segmentAt(sums, 0, y))).toEqual([0, 0, 2, 2, -1, -1])
  })

  it.each([
    [0, 1],
    [1, 1],
    [7, 8],
    [11, 15],
    [230, 250],
    [990, 1000],
  ])('an axis up to %i ends at %i', (value, end) => {
    expect(niceMax(value)).toBeCloseTo(end)
  })
})
