import { describe, expect, test } from 'vitest'
import { change, difference, median, ratio, spreadOf, spreadOfPairs } from './statistics.ts'

describe('statistics', () => {
  test.each([
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[10, 9], 9.5],
    [[7], 7],
  ])('finds the median of %j', (values, expected) => expect(median(values)).toBe(expected))

  test('has no median of nothing', () => expect(median([])).toBeNaN())

  test('leaves the values in their order', () => {
    const values = [3, 1, 2]
    spreadOf(values)
    expect(values).toEqual([3, 1, 2])
  })

  test('takes the ratio of each round before the median', () => {
    // The ratio of the medians would be 1.
    expect(spreadOfPairs([10, 20, 90], [20, 10, 30], ratio)).toMatchObject({ median: 2, min: 0.5, max: 3 })
  })

  // From tables of the sign test, at most one error in ten; of less than five, all there is.
  test.each([
    [1, 1, 1],
    [5, 1, 5],
    [7, 1, 7],
    [8, 2, 7],
    [9, 2, 8],
    [15, 4, 12],
    [25, 8, 18],
  ])('of %d rounds, the median lies between the %d. and the %d.', (count, low, high) => {
    const values = Array.from({ length: count }, (_, i) => count - i)
    expect(spreadOf(values)).toMatchObject({ low, high })
  })

  test('reckons with starts rather than rounds where rounds share a start', () => {
    const ofThreeStarts = [1, 2, 3, 7, 7, 7, 5, 4, 9]
    expect(spreadOf(ofThreeStarts, 3)).toEqual({ median: 5, min: 1, max: 9, low: 2, high: 7 })
    expect(spreadOfPairs(ofThreeStarts, Array(9).fill(1), ratio, 3)).toMatchObject({ low: 2, high: 7 })
  })

  test('takes what is left for a start too', () => {
    expect(spreadOf([1, 1, 1, 5], 3)).toMatchObject({ low: 1, high: 5 })
  })

  test('compares by difference and by change in percent', () => {
    expect(spreadOfPairs([5], [3], difference).median).toBe(2)
    expect(spreadOfPairs([80], [100], change).median).toBeCloseTo(-20)
  })

  test('refuses rounds that have no partner', () => {
    expect(() => spreadOfPairs([1, 2], [1], ratio)).toThrow('2 rounds cannot be paired with 1')
  })
})
