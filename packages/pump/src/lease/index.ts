/**
 * Leases: how records leave the source lists without ever being only in memory.
 *
 * A source list is renamed, whole and atomically, into a lease without TTL. A lease is a stretch of log: each sink has
 * its own committed offset in it, and it is trimmed as the slowest one passes. It belongs to one pump, which shows that
 * it lives by a deadline in `{source}:owners`; when that passes, another pump takes the lease over and each sink goes on
 * at its own offset. Every change checks the owner, so a pump that slept through its deadline cannot touch what it lost.
 *
 * `scripts/` holds the Redis side. What to do with records is left to `delivery/`.
 */
export { LeaseEngine } from './lease-engine.ts'
export { ChunkCache } from './chunk-cache.ts'
export type { SegmentDeps } from './segment.ts'
export { LeaseStore } from './store.ts'
export { deadLetterKeys } from './keys.ts'
