import { setTimeout as delay } from 'node:timers/promises'

export interface Repeated extends AsyncDisposable {
  /** Once more, and no more after that. @throws What a run has thrown. */
  stop(): Promise<void>
}

/** Runs something again and again, with a pause between. */
export function repeat(pauseMs: number, run: () => void | Promise<void>): Repeated {
  const stopping = new AbortController()
  const { signal } = stopping
  const loop = (async () => {
    while (!signal.aborted) {
      await run()
      await delay(pauseMs, undefined, { signal }).catch(() => {})
    }
    await run()
  })()
  // Reported by `stop`.
  loop.catch(() => {})
  const stop = (): Promise<void> => {
    stopping.abort()
    return loop
  }
  return { stop, [Symbol.asyncDispose]: () => stop().catch(() => {}) }
}
