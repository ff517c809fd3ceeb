import { createCountedLog } from '../auth/counted-log.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import type { RedisStores } from '../redis/stores.ts'
import { createDistributedLimiter, type Buckets } from './distributed.ts'
import { createFixedWindow } from './fixed-window.ts'
import type { Limiter } from './limiter.ts'
import { createSentinel } from './sentinel.ts'
import { createSlidingLog } from './sliding-log.ts'

export interface LimiterDeps {
  readonly config: Pick<
    GatewayConfig,
    | 'enable_fixed_window_rate_limiter'
    | 'enable_sentinel_rate_limiter'
    | 'enable_redis_rolling_limiter'
    | 'enable_rate_limit_smoothing'
    | 'drl_threshold'
    | 'drl_enable_sentinel_rate_limiter'
  >
  readonly redis: Pick<RedisStores, 'main' | 'isUp'>
  readonly log: Log
  readonly now: () => number
  /** Gateways that share the limits, this one among them. */
  readonly gateways: () => number
  /** Counts what is not counted in Redis; left out: this process does. */
  readonly buckets?: Buckets
}

/** Whether limits are divided among the gateways that know each other; the other algorithms count in Redis. */
export const dividesLimits = (config: LimiterDeps['config']): boolean =>
  !config.enable_fixed_window_rate_limiter &&
  !config.enable_sentinel_rate_limiter &&
  !config.enable_redis_rolling_limiter

/** The algorithm that the configuration asks for; the first of several wins. */
export function createLimiter({ config, redis, log, now, gateways, buckets }: LimiterDeps): Limiter {
  const problems = createCountedLog(log, 'error', now)
  const deps = { redis, now, problems, smooths: config.enable_rate_limit_smoothing }
  if (config.enable_fixed_window_rate_limiter) return createFixedWindow(deps)
  if (config.enable_sentinel_rate_limiter) return createSentinel(deps)
  if (config.enable_redis_rolling_limiter) return createSlidingLog(deps)
  return createDistributedLimiter({
    now,
    gateways,
    threshold: config.drl_threshold,
    ...(buckets === undefined ? {} : { buckets }),
    exact: config.drl_enable_sentinel_rate_limiter ? createSentinel(deps) : createSlidingLog(deps),
  })
}
