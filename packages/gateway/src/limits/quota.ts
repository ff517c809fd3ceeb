import type { RedisClient } from '../redis/stores.ts'

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

interface QuotaCommands {
  tekCountQuota(key: string, periodSeconds: number): Promise<[count: number, leftMs: number]>
}

export interface QuotaCount {
  readonly count: number
  /** Negative: the period does not end. */
  readonly leftMs: number
}

/** Clients that know the script; it is sent whole once and then by its digest. */
const prepared = new WeakSet<RedisClient>()

/** Rejects when Redis cannot be asked or holds something else under the name. */
export async function countQuota(redis: RedisClient, key: string, periodSeconds: number): Promise<QuotaCount> {
  if (!prepared.has(redis)) {
    redis.defineCommand('tekCountQuota', { numberOfKeys: 1, lua: COUNT_QUOTA })
    prepared.add(redis)
  }
  // ioredis adds the command to the object; its types cannot know.
  const commands = redis as unknown as QuotaCommands
  const [count, leftMs] = await commands.tekCountQuota(key, Math.floor(periodSeconds))
  return { count, leftMs }
}
