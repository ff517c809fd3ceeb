// Hot path.
import type { Limiter, RateBucket, Taken } from './limiter.ts'
import { createLocalBuckets } from './local-buckets.ts'

/** Windows that begin with their first request, counted here or by another process; see `LocalBuckets`. */
export interface Buckets {
  take(name: string, rate: number, perSeconds: number, gateways: number): Taken | Promise<Taken>
  hasRoom(name: string, gateways: number): boolean | Promise<boolean>
}

export interface DistributedDeps {
  readonly now: () => number
  /** Gateways that share the limits, this one among them. */
  readonly gateways: () => number
  /** Requests per second and gateway below which a limit is not divided but counted in Redis. */
  readonly threshold: number
  /** Counts those. */
  readonly exact: Limiter
  /** Left out: counts in this process. */
  readonly buckets?: Buckets
}

/**
 * Limits counted in this process: each of several gateways allows its equal part. Limits too small to be divided are
 * counted in Redis. Keys go on being counted over a reload.
 */
export function createDistributedLimiter({
  now,
  gateways,
  threshold,
  exact,
  buckets = createLocalBuckets(now),
}: DistributedDeps): Limiter {
  const isLocal = ({ rate, perSeconds }: RateBucket, count: number): boolean =>
    count <= 1 || count * threshold < rate / perSeconds
  return {
    take(bucket, onMove) {
      const count = gateways()
      if (!isLocal(bucket, count)) return exact.take(bucket, onMove)
      return buckets.take(bucket.localName, bucket.rate, bucket.perSeconds, count)
    },
    hasRoom(bucket) {
      const count = gateways()
      return isLocal(bucket, count) ? buckets.hasRoom(bucket.localName, count) : exact.hasRoom(bucket)
    },
  }
}
