import { expect, test } from 'vitest'
import { RecordClock } from './clock.ts'

test('never gives one instant twice, and stays with the wall clock', () => {
  const clock = new RecordClock()
  let last = clock.at(performance.now())
  for (let i = 0; i < 100_000; i++) {
    const next = clock.at(performance.now())
    expect(next.seconds > last.seconds || (next.seconds === last.seconds && next.nanos > last.nanos)).toBe(true)
    last = next
  }
  expect(Math.abs(last.seconds - Date.now() / 1000)).toBeLessThan(5)
})

test('gives processes that count together no instant in common', () => {
  const nanosOf = (index: number): Set<number> => {
    const clock = new RecordClock(index, 3)
    let last = clock.at(performance.now())
    const seen = new Set<number>()
    for (let i = 0; i < 50_000; i++) {
      const next = clock.at(performance.now())
      expect(next.seconds > last.seconds || (next.seconds === last.seconds && next.nanos > last.nanos)).toBe(true)
      expect(next.nanos).toBeLessThan(1e9)
      seen.add(next.nanos % 3)
      last = next
    }
    return seen
  }
  expect([nanosOf(0), nanosOf(1), nanosOf(2)]).toEqual([new Set([0]), new Set([1]), new Set([2])])
})

test('gives the local calendar of an instant', () => {
  const clock = new RecordClock()
  for (const seconds of [0, 899, 900, 1_769_594_400, 1_769_594_399, 4_102_444_800]) {
    const date = new Date(seconds * 1000)
    expect(clock.localHour({ seconds, nanos: 0 })).toEqual({
      day: date.getDate(),
      month: date.getMonth() + 1,
      year: date.getFullYear(),
      hour: date.getHours(),
    })
  }
})
