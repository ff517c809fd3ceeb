// Hot path.

/** What a limiter says about one request. */
export interface Taken {
  readonly allowed: boolean
  /** Requests left in the window. */
  readonly remaining: number
  /** Milliseconds since 1970 at which the window ends. */
  readonly resetAtMs: number
}

/**
 * Rate limits counted in this process: a window that begins with the first request and is filled anew as a whole when
 * it has passed.
 */
export interface LocalBuckets {
  /** Takes one request out of the bucket of a name; creates it on first use. */
  take(name: string, rate: number, perSeconds: number): Taken
  /** Whether `take` would allow a request now. */
  hasRoom(name: string): boolean
  readonly size: number
}

interface Bucket {
  readonly capacity: number
  left: number
  windowEndMs: number
  usedAtMs: number
}

/** A request costs this much, so that rates keep two decimals. */
const COST = 100
const FORGET_AFTER_MS = 600_000
const SWEEP_EVERY_MS = 60_000
/** Names hold key hashes, so their number follows the number of keys in use. */
const MAX_BUCKETS = 500_000

export function createLocalBuckets(now: () => number): LocalBuckets {
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
    take(name, rate, perSeconds) {
      const at = now()
      let bucket = buckets.get(name)
      if (bucket === undefined) {
        makeRoom(at)
        const capacity = Math.max(Math.floor(rate * COST), COST)
        bucket = { capacity, left: capacity, windowEndMs: at + perSeconds * 1000, usedAtMs: at }
        buckets.set(name, bucket)
      }
      bucket.usedAtMs = at
      if (at >= bucket.windowEndMs) {
        bucket.left = bucket.capacity
        bucket.windowEndMs = at + perSeconds * 1000
      }
      const allowed = bucket.left >= COST
      if (allowed) bucket.left -= COST
      return { allowed, remaining: Math.floor(bucket.left / COST), resetAtMs: bucket.windowEndMs }
    },
    hasRoom(name) {
      const bucket = buckets.get(name)
      return bucket === undefined || bucket.left >= COST || now() >= bucket.windowEndMs
    },
    get size() {
      return buckets.size
    },
  }
}

const shared = new WeakMap<object, LocalBuckets>()

/**
 * The buckets of one gateway: keys are counted over all its APIs, and go on being counted over a reload.
 *
 * @param owner - what lives as long as the gateway, such as the dependencies of its chains.
 */
export function localBucketsOf(owner: { readonly now: () => number }): LocalBuckets {
  let buckets = shared.get(owner)
  if (buckets === undefined) {
    buckets = createLocalBuckets(owner.now)
    shared.set(owner, buckets)
  }
  return buckets
}
