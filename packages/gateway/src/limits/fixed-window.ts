// Hot path.
import { LimiterUnavailableError, wholeRate, windowMs, type Limiter } from './limiter.ts'
import { defineScript } from './script.ts'
import type { RedisLimiterDeps } from './sliding-log.ts'

/**
 * KEYS[1]: the counter of a window. ARGV[1]: milliseconds until nobody counts in it any more.
 * Returns the requests of the window with this one.
 */
const COUNT_IN_WINDOW = `
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
`

const countInWindow = defineScript<[key: string, ttlMs: number], number>('tekCountInWindow', 1, COUNT_IN_WINDOW)

/** How late a request of a window may reach Redis: a counter that is gone by then would begin again at 1 and let it pass. */
const LATE_MS = 10_000

/** Milliseconds from year 1, where Go's windows begin, to 1970. */
const YEAR_1_MS = 62_135_596_800_000

/** The window an instant falls into: first millisecond, and how long it lasts from now. */
export function windowAt(nowMs: number, perSeconds: number): { readonly startMs: number; readonly leftMs: number } {
  const length = windowMs(perSeconds)
  const startMs = nowMs - ((nowMs + YEAR_1_MS) % length)
  return { startMs, leftMs: startMs + length - nowMs }
}

/** Name of the counter of one window. */
export const windowCounter = (key: string, startMs: number): string => `${key}/${startMs}000000`

/**
 * Exact within each window of the calendar; around a window's end twice the rate may pass within one length.
 * Without Redis nothing can be said.
 */
export function createFixedWindow({ redis, now }: Omit<RedisLimiterDeps, 'smooths'>): Limiter {
  return {
    async take({ key, rate, perSeconds }) {
      if (!redis.isUp) throw new LimiterUnavailableError('Redis is away')
      const nowMs = now()
      const { startMs, leftMs } = windowAt(nowMs, perSeconds)
      let count
      try {
        count = await countInWindow(redis.main, windowCounter(key, startMs), leftMs + LATE_MS)
      } catch (err) {
        throw new LimiterUnavailableError('the window could not be counted', { cause: err })
      }
      const allowed = count <= wholeRate(rate)
      return { allowed, remaining: 0, resetAtMs: allowed ? nowMs : nowMs + leftMs }
    },
    async hasRoom({ key, rate, perSeconds }) {
      if (!redis.isUp) throw new LimiterUnavailableError('Redis is away')
      const { startMs } = windowAt(now(), perSeconds)
      const count = await redis.main.get(windowCounter(key, startMs)).catch(() => null)
      return Number(count ?? 0) < wholeRate(rate)
    },
  }
}
