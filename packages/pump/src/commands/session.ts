import type { PumpConfig } from '../config/load.ts'
import { firstAttempt } from '../connect.ts'
import type { Log } from '../log/log.ts'
import { type RedisConnection, openRedis } from '../redis/connection.ts'
import { addressesOf, buildTarget } from '../redis/options.ts'
import type { ProgressOutput } from './progress.ts'

/** What every command works with. */
export interface CommandDeps {
  readonly config: PumpConfig
  readonly log: Log
  /** Standard output: what was asked for. */
  readonly print: (text: string) => void
  /** Standard error: how far a long work is. */
  readonly progress: ProgressOutput
  readonly workingDirectory: string
}

const REDIS_MS = 10_000

/**
 * Runs a job with a connection to Redis and returns its exit code. A job that cannot ask Redis ends with 1 and a line that
 * says why.
 */
export async function withRedis(
  { config, log }: CommandDeps,
  job: (redis: RedisConnection) => Promise<number>,
): Promise<number> {
  const redis = openRedis(buildTarget(config.core.analytics_storage_config))
  try {
    await firstAttempt(redis, AbortSignal.timeout(REDIS_MS))
    return await job(redis)
  } catch (error) {
    const servers = addressesOf(config.core.analytics_storage_config).map(({ host, port }) => `${host}:${port}`)
    log.error({ servers: servers.join(',') }, `Redis cannot be asked: ${redis.explain(error)}`)
    return 1
  } finally {
    redis.close()
  }
}
