import { AbortScope } from '../abort-scope.ts'
import { SinkBatchTooLargeError, SinkRefusedError, SinkUnavailableError } from '../errors.ts'
import type { PumpRecord, Sink, Verdict } from '../sinks/types.ts'

/** How one call of a sink's `write` ended. */
export type Outcome =
  | { readonly kind: 'verdicts'; readonly verdicts: readonly Verdict[] }
  | { readonly kind: 'too-large'; readonly error: Error }
  | { readonly kind: 'refused'; readonly error: Error }
  | {
      readonly kind: 'unavailable'
      readonly error: Error
      readonly retryAfterMs: number | null
      readonly timedOut: boolean
    }

/**
 * Calls `write` once, with a deadline. A sink that ignores its signal is not waited for; its records are sent again,
 * which their ids make harmless where the target knows ids.
 */
export async function attemptWrite(
  sink: Sink,
  batch: readonly PumpRecord[],
  timeoutMs: number,
  stop: AbortSignal,
  again: boolean,
): Promise<Outcome> {
  const scope = new AbortScope([stop], timeoutMs)
  const { signal } = scope
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  aborted.catch(() => undefined)
  const giveUp = (): void => reject(new Error(scope.timedOut ? `no answer within ${timeoutMs / 1000} s` : 'stopped'))
  signal.addEventListener('abort', giveUp)
  if (signal.aborted) giveUp()
  try {
    const verdicts = await Promise.race([sink.write(batch, signal, again), aborted])
    if (verdicts.length === batch.length) return { kind: 'verdicts', verdicts }
    throw new Error(`the sink gave ${verdicts.length} verdicts for ${batch.length} records`)
  } catch (error) {
    return classify(error, scope.timedOut)
  } finally {
    signal.removeEventListener('abort', giveUp)
    scope.end()
  }
}

function classify(thrown: unknown, timedOut: boolean): Outcome {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  if (error instanceof SinkBatchTooLargeError) return { kind: 'too-large', error }
  if (error instanceof SinkRefusedError) return { kind: 'refused', error }
  const retryAfterMs = error instanceof SinkUnavailableError ? error.retryAfterMs : null
  return { kind: 'unavailable', error, retryAfterMs, timedOut }
}
