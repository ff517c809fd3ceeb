import type { RedisClient } from '../redis/stores.ts'
import type { Smoothing } from '../session/limit.ts'
import { defineScript } from './script.ts'

/**
 * Moves a limit one step up or down with the load, at most once per delay.
 *
 * KEYS[1]: the hash with the limit in force: `delay`, `current`, `nextUpdateAt`. ARGV: requests in the window, rate,
 * threshold, trigger, step, delay in seconds, now and the next move as RFC 3339 in UTC.
 * Returns the limit in force, and whether it has moved: 1 up, -1 down, 0 not.
 *
 * The hash is read each time, so that every gateway sees the steps of the others.
 */
const MOVE_ALLOWANCE = `
local before, rate, threshold = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local trigger, step, delay = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local stored = redis.call('HMGET', KEYS[1], 'current', 'nextUpdateAt')
local current = tonumber(stored[1] or '') or threshold
-- Text of this form compares as time does; fractions of a second are of no account.
if stored[2] and string.sub(stored[2], 1, 19) > string.sub(ARGV[7], 1, 19) then return { math.min(rate, current), 0 } end
local was = current
if before >= current - trigger * step then
  current = math.min(rate, current + step)
elseif before <= current - step - trigger * step then
  current = math.max(threshold, current - step)
end
redis.call('HSET', KEYS[1], 'delay', ARGV[6], 'current', string.format('%d', current), 'nextUpdateAt', ARGV[8])
redis.call('EXPIRE', KEYS[1], math.max(1, math.ceil(2 * delay)))
return { math.min(rate, current), current > was and 1 or current < was and -1 or 0 }
`

type MoveArguments = [key: string, ...figures: number[], now: string, next: string]

const move = defineScript<MoveArguments, [limit: number, moved: number]>('tekMoveAllowance', 1, MOVE_ALLOWANCE)

export interface Load {
  /** Requests in the window before this one. */
  readonly before: number
  readonly rate: number
  readonly nowMs: number
}

export interface Allowance {
  /** The limit in force. */
  readonly limit: number
  readonly moved: 'up' | 'down' | null
}

/** The limit in force: the whole rate unless every number of the smoothing is positive. */
export async function moveAllowance(
  redis: RedisClient,
  key: string,
  { threshold, trigger, step, delay }: Smoothing,
  { before, rate, nowMs }: Load,
): Promise<Allowance> {
  if (!(threshold > 0 && trigger > 0 && step > 0 && delay > 0)) return { limit: rate, moved: null }
  const now = new Date(nowMs).toISOString()
  const next = new Date(nowMs + delay * 1000).toISOString()
  const hash = `${key}-allowance`
  const [limit, moved] = await move(redis, hash, before, rate, threshold, trigger, step, delay, now, next)
  return { limit, moved: moved === 0 ? null : moved > 0 ? 'up' : 'down' }
}
