import { monitorEventLoopDelay, type Histogram } from 'node:perf_hooks'

/** How late timers were, in seconds, over the last ten seconds. */
export interface LoopDelay {
  readonly median: number
  readonly p99: number
  readonly max: number
}

export interface LoopDelayMonitor {
  read(): LoopDelay
  close(): void
}

const SAMPLE_MS = 20
/** Fixed, and not from one scrape to the next: several may scrape. */
const WINDOW_MS = 10_000

/** Measures how long the event loop lets work wait. A sample costs a few microseconds. */
export function createLoopDelayMonitor(): LoopDelayMonitor {
  const histogram = monitorEventLoopDelay({ resolution: SAMPLE_MS })
  let last: LoopDelay | null = null
  const turn = (): void => {
    last = summary(histogram)
    histogram.reset()
  }
  histogram.enable()
  const timer = setInterval(turn, WINDOW_MS).unref()
  return {
    read: () => last ?? summary(histogram),
    close() {
      clearInterval(timer)
      histogram.disable()
    },
  }
}

/** The histogram holds the time from one sample to the next. */
function summary(histogram: Histogram): LoopDelay {
  if (histogram.count === 0) return { median: 0, p99: 0, max: 0 }
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - SAMPLE_MS / 1000)
  return {
    median: late(histogram.percentile(50)),
    p99: late(histogram.percentile(99)),
    max: late(histogram.max),
  }
}
