// Hot path.
import type { RedisClient } from '../redis/stores.ts'
import { windowMs, type Limiter, type OnMove, type RateBucket } from './limiter.ts'
import { writeLog, type RedisLimiterDeps } from './sliding-log.ts'

const blockedKey = (key: string): string => `${key}.BLOCKED`

/**
 * A request looks for a mark only; the log that sets it is written beside the request. Requests that arrive together
 * may pass before the mark stands. Without Redis every request is allowed.
 */
export function createSentinel({ redis, now, problems, smooths }: RedisLimiterDeps): Limiter {
  const failed = (err: unknown): void => problems.note('rate could not be counted, request allowed', () => ({ err }))

  async function markedForMs(key: string): Promise<number> {
    if (!redis.isUp) return 0
    try {
      return Math.max(0, await redis.main.pttl(blockedKey(key)))
    } catch (err) {
      failed(err)
      return 0
    }
  }

  /** The last request that fits sets the mark, so that the next one finds it. */
  async function log(client: RedisClient, bucket: RateBucket, onMove?: OnMove): Promise<void> {
    const { before, limit } = await writeLog(client, bucket, now(), smooths, onMove)
    if (before < limit - 1) return
    await client.set(blockedKey(bucket.key), '1', 'PX', windowMs(bucket.perSeconds), 'NX')
  }

  return {
    async take(bucket, onMove) {
      const marked = markedForMs(bucket.key)
      if (redis.isUp) log(redis.main, bucket, onMove).catch(failed)
      const leftMs = await marked
      return { allowed: leftMs === 0, remaining: 0, resetAtMs: now() + leftMs }
    },
    async hasRoom({ key }) {
      return (await markedForMs(key)) === 0
    },
  }
}
