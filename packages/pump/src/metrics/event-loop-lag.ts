import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 20
/** So that each of several scrapers sees the last while, and not only what happened since the other one. */
const WINDOW_MS = 30_000

/** How late timers were: seconds at the 99th percentile, and at most, over the last half to one minute. */
export interface Lag {
  readonly p99: number
  readonly max: number
}

export interface LagMonitor {
  read(): Lag
  close(): void
}

export function monitorLag(): LagMonitor {
  // Two overlapping windows: the older one is read, and begins anew when it is two windows old.
  const start = () => {
    const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    delays.enable()
    return delays
  }
  let [older, newer] = [start(), start()]
  let turnAt = performance.now() + WINDOW_MS
  return {
    read: () => {
      const now = performance.now()
      if (now >= turnAt) {
        ;[older, newer] = [newer, older]
        newer.reset()
        // After a long while without a reader both hold more than they should.
        if (now >= turnAt + WINDOW_MS) older.reset()
        turnAt = now + WINDOW_MS
      }
      return older.count === 0 ? { p99: 0, max: 0 } : { p99: seconds(older.percentile(99)), max: seconds(older.max) }
    },
    close: () => {
      older.disable()
      newer.disable()
    },
  }
}

/** What is measured is the time between two runs of a timer. */
function seconds(nanos: number): number {
  return Math.max(0, nanos / 1e9 - RESOLUTION_MS / 1000)
}
