import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { awaited, limitPolling, stayAwake, type Awaited } from './stay-awake.ts'

const WINDOW_MS = 0.1

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setImmediate', 'performance'] })
  limitPolling(WINDOW_MS * 1000)
})
afterEach(() => {
  sleep()
  vi.useRealTimers()
  limitPolling(0)
})

/** Lets the window pass, and a turn of the event loop. */
function sleep(): void {
  vi.advanceTimersByTime(1)
  vi.runAllTimers()
}

const isAwake = (): boolean => vi.getTimerCount() > 0

/** Writes so many times, each one long after the last, and tells behind which the event loop stayed awake. */
function writeAlone(whose: Awaited, times: number): number[] {
  const tries: number[] = []
  for (let i = 1; i <= times; i++) {
    stayAwake(whose)
    if (isAwake()) tries.push(i)
    sleep()
  }
  return tries
}

test('those who never answer within the window are tried with one write in 64', () => {
  expect(writeAlone(awaited(), 200)).toEqual([64, 128, 192])
})

test('those who did are waited for, until they have not as often', () => {
  const near = awaited()
  for (let i = 0; i < 64; i++) stayAwake(near)
  for (let i = 0; i < 3; i++) stayAwake(near)
  sleep()
  expect(near.luck).toBe(2)
  expect(writeAlone(near, 5)).toEqual([1, 2])
})

test('a write to others that are not worth waiting for ends it', () => {
  const near = awaited()
  for (let i = 0; i < 64 + 3; i++) stayAwake(near)
  stayAwake(awaited())
  vi.runAllTicks()
  vi.advanceTimersToNextTimer()
  expect(isAwake()).toBe(false)
})

test('switched off, nobody is waited for', () => {
  limitPolling(0)
  expect(writeAlone(awaited(), 200)).toEqual([])
})
