import { setTimeout as delay } from 'node:timers/promises'
import { SinkRefusedError } from '../errors.ts'
import type { Sink } from '../sinks/types.ts'
import type { SinkState } from './sink-state.ts'

/** How often it is looked whether a target in trouble has to be asked. */
const LOOK_EVERY_MS = 1000

export interface Watched {
  readonly state: SinkState
  /** Records that wait to be written, which will show how the target is. */
  unsettled(): number
}

/**
 * Asks the target at the start, and later whenever it is in trouble and there is nothing to write that would show that it
 * answers again: another pump may have taken over what it failed at.
 */
export async function watchSink(
  sink: Sink,
  watched: Watched,
  timeoutMs: number,
  stop: AbortSignal,
  lookEveryMs = LOOK_EVERY_MS,
): Promise<void> {
  await checkUntilOk(sink, watched.state, timeoutMs, stop)
  while (!stop.aborted) {
    await delay(lookEveryMs, undefined, { ref: false, signal: stop }).catch(() => undefined)
    if (watched.state.status !== 'ok' && watched.unsettled() === 0) {
      await checkUntilOk(sink, watched.state, timeoutMs, stop)
    }
  }
}

/** Asks the target until it answers once, or until a batch was written. Shows trouble before the first record comes. */
async function checkUntilOk(sink: Sink, state: SinkState, timeoutMs: number, stop: AbortSignal): Promise<void> {
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
