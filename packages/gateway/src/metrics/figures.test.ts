import { expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { createLoopDelayMonitor } from './loop-delay.ts'
import { addFigures, NO_FIGURES, withoutProcess, type ProcessFigures } from './process-figures.ts'
import { RequestCounts } from './request-counts.ts'

const some: ProcessFigures = {
  records: { pushed: 10, written: 6, dropped: 1, buffered: 3, bufferedBytes: 900, uncounted: 2 },
  requests: [
    ['app', [0, 0, 7, 0, 3, 0]],
    ['other', [0, 0, 1, 0, 0, 0]],
  ],
  residentBytes: 1000,
  loopDelay: { median: 0.1, p99: 0.2, max: 0.3 },
}

test('several processes are summed up, with the longest delays', () => {
  const more: ProcessFigures = {
    ...some,
    requests: [['app', [0, 1, 1, 0, 0, 0]]],
    loopDelay: { median: 0.05, p99: 0.5, max: 0.6 },
  }
  expect(addFigures(some, more)).toEqual({
    records: { pushed: 20, written: 12, dropped: 2, buffered: 6, bufferedBytes: 1800, uncounted: 4 },
    requests: [
      ['app', [0, 1, 8, 0, 3, 0]],
      ['other', [0, 0, 1, 0, 0, 0]],
    ],
    residentBytes: 2000,
    loopDelay: { median: 0.1, p99: 0.5, max: 0.6 },
  })
  expect(addFigures(NO_FIGURES, some)).toEqual(some)
})

test('of a process that has ended the counts stay, and what it held is dropped', () => {
  expect(withoutProcess(some)).toEqual({
    ...some,
    records: { pushed: 10, written: 6, dropped: 4, buffered: 0, bufferedBytes: 0, uncounted: 2 },
    residentBytes: 0,
    loopDelay: NO_FIGURES.loopDelay,
  })
})

test('requests are counted by the class of their status, for the APIs that are served', () => {
  const counts = new RequestCounts()
  for (const status of [101, 200, 204, 302, 404, 499, 503, 0, 999]) counts.add('app', status)
  counts.add('gone', 200)
  expect(counts.read((apiId) => apiId === 'app')).toEqual([['app', [2, 1, 2, 1, 2, 1]]])
  expect(counts.read(() => true)).toEqual([['app', [2, 1, 2, 1, 2, 1]]])
})

test('a busy event loop shows in its delay', async () => {
  const monitor = createLoopDelayMonitor()
  await eventually(() => {
    const until = performance.now() + 150
    while (performance.now() < until);
    expect(monitor.read().max).toBeGreaterThan(0.1)
  })
  expect(monitor.read().max).toBeLessThan(5)
  monitor.close()
})
