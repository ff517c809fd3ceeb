import type { RedisClient } from '../redis/stores.ts'
import { defineScript } from './script.ts'

/**
 * Counts one request, and begins a new period where there is none.
 *
 * KEYS[1]: the counter. ARGV[1]: seconds of a period; 0 or less: the quota never renews.
 * Returns the count with this request, and the milliseconds until the period ends (negative: it does not).
 *
 * One script, so that no lock is needed: a period begins with its first request, whichever gateway sees it.
 */
const COUNT_QUOTA = `
local left = redis.call('PTTL', KEYS[1])
local period = tonumber(ARGV[1])
if left < 0 and period > 0 then
  redis.call('SET', KEYS[1], 0, 'EX', period)
  left = period * 1000
end
return { redis.call('INCR', KEYS[1]), left }
`

export interface QuotaCount {
  readonly count: number
  /** Negative: the period does not end. */
  readonly leftMs: number
}

const count = defineScript<[key: string, periodSeconds: number], [count: number, leftMs: number]>(
  'tekCountQuota',
  1,
  COUNT_QUOTA,
)

/** Rejects when Redis cannot be asked or holds something else under the name. */
export async function countQuota(redis: RedisClient, key: string, periodSeconds: number): Promise<QuotaCount> {
  const [counted, leftMs] = await count(redis, key, Math.floor(periodSeconds))
  return { count: counted, leftMs }
}
