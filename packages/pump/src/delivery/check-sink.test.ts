import { expect, test, vi } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { SinkUnavailableError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { Sink } from '../sinks/types.ts'
import { watchSink } from './check-sink.ts'
import { SinkState } from './sink-state.ts'

const log = { info: () => {}, error: () => {} } as unknown as Log

test.each([
  ['nothing waits', 0, 'ok'],
  ['records wait, whose writing will tell', 5, 'failing'],
])('a target in trouble is asked again where %s', async (_, waiting, status) => {
  const state = new SinkState({
    displayName: 'sink',
    log,
    backoff: { firstMs: 100, mostMs: 1000 },
    heldRetryMs: 1000,
    logEveryMs: 1000,
    random: () => 0.5,
  })
  const check = vi.fn<() => Promise<void>>(async () => {})
  const stop = new AbortController()
  const unsettled = vi.fn<() => number>(() => waiting)
  const watching = watchSink({ check } as unknown as Sink, { state, unsettled }, 1000, stop.signal, 1)
  await eventually(() => expect(state.status).toBe('ok'))
  check.mockClear()
  state.failed(new SinkUnavailableError('away'), null, false)
  const looks = waiting === 0 ? 1 : 3
  await eventually(() => expect(unsettled.mock.calls.length).toBeGreaterThanOrEqual(looks))
  await eventually(() => expect(state.status).toBe(status))
  expect([state.status, check.mock.calls.length > 0]).toEqual([status, status === 'ok'])
  stop.abort()
  await watching
})
