/** A little traffic through the gateway, so that a page without records has something to show. */
import { nextRequest } from './mix.ts'

export interface SampleTraffic {
  readonly running: boolean
  /** Begins, or begins the ten minutes anew. */
  start(): void
  stop(): void
  close(): void
}

export interface TrafficOptions {
  readonly gatewayUrl: string
  /** Empty: the requests that need it go without. */
  readonly token: string
  readonly random?: () => number
  readonly lastsMs?: number
}

const LASTS_MS = 10 * 60_000
/** From one request to the next, on the average; single ones come in bursts. */
const MEAN_GAP_MS = 250
/** A gateway that does not answer gets no more of them. */
const MOST_IN_FLIGHT = 10
const TIMEOUT_MS = 15_000

export function createSampleTraffic({
  gatewayUrl,
  token,
  random = Math.random,
  lastsMs = LASTS_MS,
}: TrafficOptions): SampleTraffic {
  let timer: NodeJS.Timeout | null = null
  let untilMs = 0
  let controller = new AbortController()
  let inFlight = 0

  const send = async (signal: AbortSignal): Promise<void> => {
    const { path, headers } = nextRequest(random, token)
    inFlight += 1
    try {
      const both = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
      const answer = await fetch(gatewayUrl + path, { headers, signal: both, redirect: 'manual' })
      await answer.body?.cancel()
    } catch {
      // Whether the gateway answers is seen on the page, in its records.
    } finally {
      inFlight -= 1
    }
  }

  const stop = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    controller.abort()
    controller = new AbortController()
  }

  const tick = (): void => {
    if (Date.now() >= untilMs) return stop()
    if (inFlight < MOST_IN_FLIGHT) void send(controller.signal)
    // Exponential gaps, as independent clients make them.
    timer = setTimeout(tick, Math.min(4 * MEAN_GAP_MS, -Math.log(1 - random()) * MEAN_GAP_MS)).unref()
  }

  return {
    get running() {
      return timer !== null
    },
    start() {
      untilMs = Date.now() + lastsMs
      if (timer === null) tick()
    },
    stop,
    close: stop,
  }
}
