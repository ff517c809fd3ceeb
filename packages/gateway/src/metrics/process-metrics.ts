import { createLoopDelayMonitor } from './loop-delay.ts'
import type { ProcessFigures, RecordFigures } from './process-figures.ts'
import { RequestCounts } from './request-counts.ts'

export interface ProcessMetricsOptions {
  records(): RecordFigures
  isServed(apiId: string): boolean
}

/** What one process measures, when metrics are on. */
export interface ProcessMetrics {
  readonly requests: RequestCounts
  read(): ProcessFigures
  close(): void
}

export function createProcessMetrics({ records, isServed }: ProcessMetricsOptions): ProcessMetrics {
  const requests = new RequestCounts()
  const loopDelay = createLoopDelayMonitor()
  return {
    requests,
    read: () => ({
      records: records(),
      requests: requests.read(isServed),
      residentBytes: process.memoryUsage.rss(),
      loopDelay: loopDelay.read(),
    }),
    close: () => loopDelay.close(),
  }
}
