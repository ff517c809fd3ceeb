import { expect, test } from 'vitest'
import { RecordClock } from './clock.ts'

test('never gives one instant twice, and stays with the wall clock', () => {
  const clock = new RecordClock()
  let last = clock.now()
  for (let i = 0; i < 100_000; i++) {
    const next = clock.now()
    expect(next.seconds > last.seconds || (next.seconds === last.seconds && next.nanos > last.nanos)).toBe(true)
    last = next
  }
  expect(Math.abs(last.seconds - Date.now() / 1000)).toBeLessThan(5)
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
