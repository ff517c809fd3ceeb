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
 *
 * `scripts/` holds the Redis side. What to do with records is left to `delivery/`.
 */
export { LeaseEngine } from './lease-engine.ts'
export { ChunkCache } from './chunk-cache.ts'
export type { SegmentDeps } from './segment.ts'
export { type Backlog, LeaseStore } from './store.ts'
export { LeaseInspector, type SinkBacklog } from './inspector.ts'
export { deadLetterKeys } from './keys.ts'
