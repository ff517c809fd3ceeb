import { expect, test } from 'vitest'
import { restartDelayMs } from './backoff.ts'
import { workerCount } from './count.ts'

test.each([
  [0, 0],
  [1, 100],
  [2, 200],
  [7, 6400],
  [8, 10_000],
  [1000, 10_000],
])('after %i failures in a row another process is started in %i ms', (failures, ms) => {
  expect(restartDelayMs(failures)).toBe(ms)
})

test.each([
  [1, 8, 1],
  [3, 8, 3],
  [0, 8, 8],
  [0, 1, 1],
])('workers: %i on %i cores are %i processes', (configured, cores, count) => {
  expect(workerCount(configured, cores)).toBe(count)
})
