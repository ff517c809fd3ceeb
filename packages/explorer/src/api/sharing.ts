/** Questions that are being answered, so that who asks the same waits for the same answer. */
export interface Sharing {
  /**
   * Runs `work`, or waits for the same work that is under way. The work's signal is aborted when everybody who waits for
   * it has gone, which is what lets a newer question of a page end the older one.
   */
  run<T>(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>
}

interface Flight {
  readonly answer: Promise<unknown>
  readonly controller: AbortController
  waiting: number
}

export function createSharing(): Sharing {
  const flights = new Map<string, Flight>()

  const start = (key: string, work: (signal: AbortSignal) => Promise<unknown>): Flight => {
    const controller = new AbortController()
    const answer = work(controller.signal).finally(() => {
      if (flights.get(key)?.controller === controller) flights.delete(key)
    })
    // Everybody may have gone before it fails.
    answer.catch(() => undefined)
    const flight = { answer, controller, waiting: 0 }
    flights.set(key, flight)
    return flight
  }

  return {
    async run<T>(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
      signal.throwIfAborted()
      const flight = flights.get(key) ?? start(key, work)
      flight.waiting += 1
      const left = Promise.withResolvers<never>()
      const leave = (): void => left.reject(signal.reason as Error)
      signal.addEventListener('abort', leave, { once: true })
      try {
        // The key has everything the work depends on, so that what is under way has this type.
        return (await Promise.race([flight.answer, left.promise])) as T
      } finally {
        signal.removeEventListener('abort', leave)
        flight.waiting -= 1
        if (flight.waiting === 0) {
          if (flights.get(key) === flight) flights.delete(key)
          flight.controller.abort(new DOMException('nobody waits for it any more', 'AbortError'))
        }
      }
    },
  }
}
