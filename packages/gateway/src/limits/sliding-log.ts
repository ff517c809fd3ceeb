// Hot path.
import type { CountedLog } from '../auth/counted-log.ts'
import type { RedisClient, RedisStores } from '../redis/stores.ts'
import { wholeRate, windowMs, type Limiter, type OnMove, type RateBucket, type Taken } from './limiter.ts'
import { defineScript } from './script.ts'
import { moveAllowance } from './smoothing.ts'

/**
 * Writes one request into a log of instants: a sorted set whose scores and members are nanoseconds since 1970.
 *
 * KEYS[1]: the log. ARGV[1]: now. ARGV[2]: the youngest instant outside the window. ARGV[3]: milliseconds of the window.
 * ARGV[4]: the limit.
 * Returns the requests in the window before this one, and the score of the entry that has to leave it before another
 * request is allowed (empty: one is).
 *
 * Refused requests are logged as well, so that a client that goes on stays refused. Two requests of one nanosecond get
 * two entries: the end of the member is counted up until it is free.
 */
const LOG_REQUEST = `
local log = KEYS[1]
redis.call('ZREMRANGEBYSCORE', log, '-inf', ARGV[2])
local before = redis.call('ZCARD', log)
local limit = tonumber(ARGV[4])
local leaves = ''
if before >= limit then
  leaves = redis.call('ZREVRANGE', log, limit - 1, limit - 1, 'WITHSCORES')[2]
end
local member = ARGV[1]
while redis.call('ZADD', log, 'NX', ARGV[1], member) == 0 do
  member = string.sub(member, 1, -7) .. string.format('%06d', (tonumber(string.sub(member, -6)) + 1) % 1000000)
end
redis.call('PEXPIRE', log, ARGV[3])
return { before, leaves }
`

type LogArguments = [log: string, now: string, cutoff: string, windowMs: number, limit: number]

const logRequest = defineScript<LogArguments, [before: number, leaves: string]>('tekLogRequest', 1, LOG_REQUEST)

export interface RedisLimiterDeps {
  readonly redis: Pick<RedisStores, 'main' | 'isUp'>
  readonly now: () => number
  readonly problems: CountedLog
  /** Limits move with the load where they say how. */
  readonly smooths: boolean
}

/** What a request found in the log. */
export interface Logged {
  /** Requests in the window before this one. */
  readonly before: number
  readonly limit: number
  readonly resetAtMs: number
}

/** Logs one request. Rejects when Redis cannot be asked. */
export async function writeLog(
  redis: RedisClient,
  { key, rate, perSeconds, smoothing }: RateBucket,
  nowMs: number,
  smooths: boolean,
  onMove?: OnMove,
): Promise<Logged> {
  const window = windowMs(perSeconds)
  const whole = wholeRate(rate)
  const cutoff = nanoseconds(nowMs - window)
  const [before, leaves] = await logRequest(redis, key, nanoseconds(nowMs, nextFraction()), cutoff, window, whole)
  const resetAtMs = leaves === '' ? nowMs : Number(leaves) / 1e6 + window
  if (!smooths || smoothing === null) return { before, limit: whole, resetAtMs }
  const { limit, moved } = await moveAllowance(redis, key, smoothing, { before, rate: whole, nowMs })
  if (moved !== null) onMove?.(moved)
  // Below the whole rate nobody knows when the moving limit lets the next one pass; after a window it surely does.
  return { before, limit, resetAtMs: before >= limit && leaves === '' ? nowMs + window : resetAtMs }
}

const nanoseconds = (ms: number, fraction = '000000'): string => `${ms}${fraction}`

/** Six digits below the millisecond, other ones for each request of this process. */
let fraction = 0
function nextFraction(): string {
  fraction = (fraction + 1) % 1_000_000
  return String(fraction).padStart(6, '0')
}

/** Exact over all gateways: never more requests in any window than the rate. Without Redis every request is refused. */
export function createSlidingLog({ redis, now, problems, smooths }: RedisLimiterDeps): Limiter {
  const refused = (): Taken => ({ allowed: false, remaining: 0, resetAtMs: now() })
  return {
    async take(bucket, onMove) {
      if (!redis.isUp) return refused()
      try {
        const { before, limit, resetAtMs } = await writeLog(redis.main, bucket, now(), smooths, onMove)
        return { allowed: before < limit, remaining: Math.max(0, limit - before - 1), resetAtMs }
      } catch (err) {
        problems.note('rate could not be counted, request refused', () => ({ err }))
        return refused()
      }
    },
    async hasRoom({ key, rate, perSeconds }) {
      if (!redis.isUp) return false
      const after = `(${nanoseconds(now() - windowMs(perSeconds))}`
      return (await redis.main.zcount(key, after, '+inf').catch(() => Infinity)) < wholeRate(rate)
    },
  }
}
