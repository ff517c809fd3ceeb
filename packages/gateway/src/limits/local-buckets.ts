// Hot path.

import type { Taken } from './limiter.ts'

/**
 * Rate limits counted in this process: a window that begins with the first request and is filled anew as a whole when
 * it has passed.
 */
export interface LocalBuckets {
  /**
   * Takes one request out of the bucket of a name; creates it on first use.
   *
   * @param gateways - how many count the same limit: each request here costs as much as one at each of them.
   */
  take(name: string, rate: number, perSeconds: number, gateways: number): Taken
  /** Whether `take` would allow a request now. */
  hasRoom(name: string, gateways: number): boolean
  readonly size: number
}

export interface Bucket {
  readonly capacity: number
  left: number
  windowEndMs: number
  usedAtMs: number
}

/** A request costs this much, so that rates keep two decimals. */
export const REQUEST_COST = 100
const FORGET_AFTER_MS = 600_000
const SWEEP_EVERY_MS = 60_000
/** Names hold key hashes, so their number follows the number of keys in use. */
const MAX_BUCKETS = 500_000

/** The buckets by name, of which unused ones are forgotten. */
export interface BucketTable {
  /** The bucket of a name, created on first use and filled anew when its window is over. */
  find(name: string, rate: number, perSeconds: number, cost: number): Bucket
  peek(name: string): Bucket | undefined
  readonly size: number
}

export function createBucketTable(now: () => number): BucketTable {
  const buckets = new Map<string, Bucket>()
  let sweptAtMs = now()

  function sweep(at: number): void {
    sweptAtMs = at
    for (const [name, bucket] of buckets) if (at - bucket.usedAtMs > FORGET_AFTER_MS) buckets.delete(name)
  }

  function makeRoom(at: number): void {
    if (at - sweptAtMs > SWEEP_EVERY_MS) sweep(at)
    if (buckets.size < MAX_BUCKETS) return
    const [oldest] = buckets.keys()
    if (oldest !== undefined) buckets.delete(oldest)
  }

  return {
    find(name, rate, perSeconds, cost) {
      const at = now()
      let bucket = buckets.get(name)
      if (bucket === undefined) {
        makeRoom(at)
        const capacity = Math.max(Math.floor(rate * REQUEST_COST), cost)
        bucket = { capacity, left: capacity, windowEndMs: at + perSeconds * 1000, usedAtMs: at }
        buckets.set(name, bucket)
      }
      bucket.usedAtMs = at
      if (at >= bucket.windowEndMs) {
        bucket.left = bucket.capacity
        bucket.windowEndMs = at + perSeconds * 1000
      }
      return bucket
    },
    peek: (name) => buckets.get(name),
    get size() {
      return buckets.size
    },
  }
}

export function createLocalBuckets(now: () => number): LocalBuckets {
  const table = createBucketTable(now)
  return {
    take(name, rate, perSeconds, gateways) {
      const cost = REQUEST_COST * gateways
      const bucket = table.find(name, rate, perSeconds, cost)
      const allowed = bucket.left >= cost
      if (allowed) bucket.left -= cost
      return { allowed, remaining: Math.floor(bucket.left / cost), resetAtMs: bucket.windowEndMs }
    },
    hasRoom(name, gateways) {
      const bucket = table.peek(name)
      return bucket === undefined || bucket.left >= REQUEST_COST * gateways || now() >= bucket.windowEndMs
    },
    get size() {
      return table.size
    },
  }
}
