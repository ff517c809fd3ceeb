import { SinkUnavailableError } from '../../errors.ts'

/**
 * Waits for work that goes on whatever the caller does.
 *
 * @throws SinkUnavailableError with the reason when aborted, or what the work throws.
 */
export async function unlessAborted(work: Promise<void>, signal: AbortSignal, reason: string): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const giveUp = (): void => reject(new SinkUnavailableError(reason))
  aborted.catch(() => undefined)
  signal.addEventListener('abort', giveUp)
  if (signal.aborted) giveUp()
  try {
    await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
