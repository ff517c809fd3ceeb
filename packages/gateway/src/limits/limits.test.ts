import { describe, expect, test } from 'vitest'
import { createLocalBuckets } from './local-buckets.ts'
import { limiterKey, quotaKey } from './limiter-key.ts'

describe('names of counters', () => {
  test.each<[string[], string]>([
    [['', '707aa6ff06f85a4a'], 'rate-limit-707aa6ff06f85a4a'],
    [['app', '707aa6ff06f85a4a'], 'rate-limit-app-707aa6ff06f85a4a'],
    [['', '707aa6ff06f85a4a', 'd661c6ba'], 'rate-limit-707aa6ff06f85a4a-d661c6ba'],
    [['-a-', '--', 'b-'], 'rate-limit-a-b'],
  ])('limiter of %j', (parts, name) => {
    expect(limiterKey(...parts)).toBe(name)
  })

  test('quota with and without scope', () => {
    expect([quotaKey('', 'h'), quotaKey('p1', 'h')]).toEqual(['quota-h', 'quota-p1-h'])
  })
})

describe('a local bucket', () => {
  const take = (rate: number, per: number, atMs: readonly number[], gateways = 1): boolean[] => {
    const clock = { ms: 0 }
    const buckets = createLocalBuckets(() => clock.ms)
    return atMs.map((ms) => {
      clock.ms = ms
      return buckets.take('b', rate, per, gateways).allowed
    })
  }

  test.each<[string, number, number, number[], boolean[]]>([
    ['allows as many as the rate', 2, 1, [0, 1, 2], [true, true, false]],
    [
      'is filled as a whole when its window is over',
      2,
      1,
      [500, 600, 1499, 1500, 1501, 1502],
      [true, true, false, true, true, false],
    ],
    ['begins a window with the first request after the last', 1, 1, [0, 1700, 2600, 2700], [true, true, false, true]],
    ['allows one request for a rate below one', 0.5, 10, [0, 1, 10_000], [true, false, true]],
    ['keeps parts of a request', 2.5, 10, [0, 1, 2], [true, true, false]],
  ])('%s', (_, rate, per, at, allowed) => {
    expect(take(rate, per, at)).toEqual(allowed)
  })

  test.each<[string, number, number, boolean[]]>([
    ['allows its part of the rate when others count it too', 4, 2, [true, true, false, false]],
    ['allows one request where the rate is less than the gateways', 2, 3, [true, false, false, false]],
  ])('%s', (_, rate, gateways, allowed) => {
    expect(take(rate, 1, [0, 1, 2, 3], gateways)).toEqual(allowed)
  })

  test('tells what is left and when it is filled', () => {
    const buckets = createLocalBuckets(() => 5000)
    expect(buckets.take('b', 2, 60, 1)).toEqual({ allowed: true, remaining: 1, resetAtMs: 65_000 })
    expect(buckets.take('b', 2, 60, 1)).toEqual({ allowed: true, remaining: 0, resetAtMs: 65_000 })
    expect(buckets.hasRoom('b', 1)).toBe(false)
    expect(buckets.take('b', 2, 60, 1)).toEqual({ allowed: false, remaining: 0, resetAtMs: 65_000 })
  })

  test('that nobody used for ten minutes is forgotten', () => {
    const clock = { ms: 0 }
    const buckets = createLocalBuckets(() => clock.ms)
    buckets.take('old', 1, 1, 1)
    clock.ms = 300_000
    buckets.take('younger', 1, 1, 1)
    clock.ms = 660_001
    buckets.take('new', 1, 1, 1)
    expect(buckets.size).toBe(2)
  })
})
