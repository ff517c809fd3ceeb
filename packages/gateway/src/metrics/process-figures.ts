import type { WriterCounters } from '../analytics/writer.ts'
import type { LoopDelay } from './loop-delay.ts'
import type { StatusClassCounts } from './request-counts.ts'

/** What one process of a gateway has counted since its start, and how it is. Crosses from worker to parent as JSON. */
export interface ProcessFigures {
  readonly records: RecordFigures
  readonly requests: readonly ApiRequests[]
  readonly residentBytes: number
  readonly loopDelay: LoopDelay
}

export type ApiRequests = readonly [apiId: string, counts: StatusClassCounts]

export interface RecordFigures extends WriterCounters {
  readonly bufferedBytes: number
  /** Records that were written without being counted in the ledger. */
  readonly uncounted: number
}

export const NO_FIGURES: ProcessFigures = {
  records: { pushed: 0, written: 0, dropped: 0, buffered: 0, bufferedBytes: 0, uncounted: 0 },
  requests: [],
  residentBytes: 0,
  loopDelay: { median: 0, p99: 0, max: 0 },
}

/** Of several processes taken for one: the sums, and the longest delays. */
export function addFigures(a: ProcessFigures, b: ProcessFigures): ProcessFigures {
  return {
    records: {
      pushed: a.records.pushed + b.records.pushed,
      written: a.records.written + b.records.written,
      dropped: a.records.dropped + b.records.dropped,
      buffered: a.records.buffered + b.records.buffered,
      bufferedBytes: a.records.bufferedBytes + b.records.bufferedBytes,
      uncounted: a.records.uncounted + b.records.uncounted,
    },
    requests: addRequests(a.requests, b.requests),
    residentBytes: a.residentBytes + b.residentBytes,
    loopDelay: {
      median: Math.max(a.loopDelay.median, b.loopDelay.median),
      p99: Math.max(a.loopDelay.p99, b.loopDelay.p99),
      max: Math.max(a.loopDelay.max, b.loopDelay.max),
    },
  }
}

/** What stays of a process that has ended: its counts. The records it had not written are lost. */
export function withoutProcess({ records, requests }: ProcessFigures): ProcessFigures {
  const dropped = records.dropped + records.buffered
  return { ...NO_FIGURES, records: { ...records, dropped, buffered: 0, bufferedBytes: 0 }, requests }
}

function addRequests(a: readonly ApiRequests[], b: readonly ApiRequests[]): readonly ApiRequests[] {
  const sums = new Map(a)
  for (const [apiId, counts] of b) {
    const before = sums.get(apiId)
    sums.set(apiId, before === undefined ? counts : counts.map((count, i) => count + (before[i] ?? 0)))
  }
  return [...sums]
}
