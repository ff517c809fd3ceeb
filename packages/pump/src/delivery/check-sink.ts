import { setTimeout as delay } from 'node:timers/promises'
import { SinkRefusedError } from '../errors.ts'
import type { Sink } from '../sinks/types.ts'
import type { SinkState } from './sink-state.ts'

/** Asks the target until it answers once, or until a batch was written. Shows trouble before the first record comes. */
export async function checkUntilOk(sink: Sink, state: SinkState, timeoutMs: number, stop: AbortSignal): Promise<void> {
  while (!stop.aborted && state.status !== 'ok') {
    try {
      await sink.check(AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]))
      state.succeeded()
    } catch (error) {
      if (stop.aborted) return
      if (error instanceof SinkRefusedError) state.refused(error)
      else state.failed(error instanceof Error ? error : new Error(String(error)), null, false)
      const waitMs = Math.max(0, state.pausedUntil - Date.now())
      await delay(waitMs, undefined, { ref: false, signal: stop }).catch(() => undefined)
    }
  }
}
