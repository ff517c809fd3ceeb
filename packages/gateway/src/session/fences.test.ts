import { expect, test } from 'vitest'
import { createFences } from './fences.ts'

test('a fence stands from the beginning of a replacement to its end, and then for what began before', () => {
  const clock = { ms: 1000 }
  const fences = createFences(() => clock.ms)
  const isUp = (beganAtMs: number): boolean => fences.raisedSince('k', beganAtMs)
  expect(isUp(1000)).toBe(false)
  fences.raise('k', 'begun')
  clock.ms = 1010
  expect([isUp(990), isUp(1005)]).toEqual([true, true])
  fences.raise('k', 'done')
  clock.ms = 1020
  expect([isUp(990), isUp(1005), isUp(1010), isUp(1011)]).toEqual([true, true, true, false])
  expect(fences.raisedSince('other', 0)).toBe(false)
})

test('a replacement whose end is not told is over after a while', () => {
  const clock = { ms: 1000 }
  const fences = createFences(() => clock.ms)
  fences.raise('k', 'begun')
  clock.ms = 5999
  expect(fences.raisedSince('k', 5000)).toBe(true)
  clock.ms = 6000
  expect(fences.raisedSince('k', 5000)).toBe(false)
})

test('a fence is forgotten after a minute', () => {
  const clock = { ms: 1000 }
  const fences = createFences(() => clock.ms)
  fences.raise('old', 'done')
  clock.ms = 61_000
  fences.raise('new', 'done')
  expect(fences.raisedSince('old', 0)).toBe(false)
})
