import type { SinkBatching } from '../sinks/types.ts'

/** Times and bounds of delivery. Tests shorten the times. */
export interface DeliverySettings {
  readonly firstBackoffMs: number
  readonly mostBackoffMs: number
  /** Between attempts while a sink refuses everything. */
  readonly heldRetryMs: number
  /** Between attempts to reach Redis. */
  readonly redisRetryMs: number
  /** Of one attempt to write, for sinks without a `timeout`. */
  readonly attemptTimeoutMs: number
  /** How often the same trouble is logged. */
  readonly logEveryMs: number
}

export const DEFAULT_SETTINGS: DeliverySettings = {
  firstBackoffMs: 500,
  mostBackoffMs: 10_000,
  heldRetryMs: 15_000,
  redisRetryMs: 500,
  attemptTimeoutMs: 120_000,
  logEveryMs: 30_000,
}

const MIB = 1024 * 1024

/** What a sink may hold in memory: enough for its batches in flight, the next one, and one that is being read. */
export function windowBounds(batching: SinkBatching): { readonly bytes: number; readonly records: number } {
  const batches = batching.inFlight + 2
  const bytes = Math.min(Math.max(batching.maxBytes * batches, MIB), 8 * MIB)
  const records = Math.min(Math.max(batching.maxRecords * batches, 1000), 10_000)
  return { bytes, records }
}
