/**
 * Leases: how records leave the source lists without ever being only in memory.
 *
 * A source list is renamed, whole and atomically, into a lease without TTL. A lease is a stretch of log: each sink has
 * its own committed offset in it, and it is trimmed as the slowest one passes.
 *
 * A lease names the sinks it is for, and each sink's part belongs to one pump, which shows that it lives by a deadline in
 * `{source}:owners`; when that passes, another pump that has the sink takes the part over at the sink's offset. A pump
 * without the sink leaves the offset alone: what it stands for waits, visibly, until a pump has the sink or a person gives
 * it up. Every change checks the token of the hold, so a pump that slept through its deadline cannot touch what it lost.
 * Whoever ends a lease that has changed hands leaves a note in `{source}:finished:<id>` for some hours: the one who slept
 * can tell by it that the records were not lost with the lease.
 *
 * `scripts/` holds the Redis side. What to do with records is left to `delivery/`.
 */
export { type CapHooks, LeaseEngine } from './lease-engine.ts'
export { BLOCK, type CapPolicy, LeaseCap, type LeaseCapReport, RELIEF_MS } from './lease-cap.ts'
export { DropOldest, excess } from './drop-oldest.ts'
export { LeasedSize } from './leased-size.ts'
export { ChunkCache } from './chunk-cache.ts'
export { readElements } from './element.ts'
export type { Segment, SegmentDeps } from './segment.ts'
export type { SpillReport } from './spill-report.ts'
export { type Backlog, type ClaimedLease, type Lease, LeaseStore, type Size } from './store.ts'
export type { Withdrawal } from './withdrawal.ts'
export { RecordReturn } from './put-back.ts'
export { LeaseInspector, type ReportLeases, type SinkBacklog } from './inspector.ts'
export { type LeaseKeys, deadLetterKeys, leaseKeys, ledgerSinksKey } from './keys.ts'
