import type { PumpConfig } from './config/load.ts'
import { type Parts, assemble } from './assemble.ts'
import { firstAttempt, greetRedis } from './connect.ts'
import { type CreatedSink, createSinks } from './create-sinks.ts'
import { checkUntilOk } from './delivery/index.ts'
import { ConfigError } from './errors.ts'
import { startHealthServer } from './health/server.ts'
import { type PumpStatus, isReady, reportSink } from './health/status.ts'
import type { Log } from './log/log.ts'
import { createInstrumentation } from './metrics/statsd.ts'
import { type RedisConnection, openRedis } from './redis/connection.ts'
import { buildTarget } from './redis/options.ts'
import { stopInOrder } from './stop.ts'
import { DEFAULT_TIMINGS, type PumpTimings } from './timings.ts'

export interface PumpOptions {
  readonly config: PumpConfig
  readonly log: Log
  readonly env: NodeJS.ProcessEnv
  readonly workingDirectory: string
  readonly timings?: Partial<PumpTimings>
  /** In place of the configured one; 0: any free port. */
  readonly healthPort?: number
}

export interface Pump {
  readonly healthPort: number
  status(): PumpStatus
  /** Stops taking, sends what can be sent, commits, gives leases back; within the deadline whatever Redis and sinks do. */
  close(): Promise<void>
}

const CHECK_TIMEOUT_MS = 10_000

/**
 * Starts a pump. It waits neither for Redis nor for a sink.
 *
 * @throws ConfigError when no sink is configured or a sink cannot work with its options.
 * @throws HealthPortError when the health check's port is taken.
 */
export async function createPump(options: PumpOptions): Promise<Pump> {
  const { config, log, env } = options
  const { core } = config
  const timings = { ...DEFAULT_TIMINGS, ...options.timings }
  if (config.sinks.length === 0) throw new ConfigError('No pumps configured')
  const sinks = createSinks(config.sinks, options.workingDirectory, log)
  const target = buildTarget(core.analytics_storage_config)

  let status = (): PumpStatus => STARTING
  const health = await startHealthServer({
    name: core.health_check_endpoint_name,
    address: core.health_check_endpoint_address,
    port: options.healthPort ?? core.health_check_endpoint_port,
    status: () => status(),
  })
  const healthUrl = `http://${hostOf(core.health_check_endpoint_address)}:${health.port}/${core.health_check_endpoint_name}`
  log.child({ prefix: 'server' }).info(`Serving health check endpoint at ${healthUrl} ...`)

  const redis = openRedis(target)
  const metrics = createInstrumentation(core.statsd_connection_string, core.statsd_prefix, env, log)
  const parts = assemble({ config, sinks, redis, metrics, timings, log })
  status = () => statusOf(redis, parts, sinks)
  const stopping = new AbortController()
  start(parts, sinks, redis, log, stopping.signal)
  if (!core.dont_purge_uptime_data) log.warn('uptime data is left alone: this version has no uptime pump')
  log.info(`Starting purge loop @${core.purge_delay}, chunk size ${core.purge_chunk}`)

  const close = async (): Promise<void> => {
    stopping.abort()
    await stopInOrder({ ...parts, sinks, log, stopMs: timings.stopMs })
    metrics.close()
    redis.close()
    await health.close()
    log.info('Tyk-pump stopped.')
  }
  return { healthPort: health.port, status, close }
}

/** As it stands in a URL. */
function hostOf(address: string): string {
  if (address === '') return 'localhost'
  return address.includes(':') ? `[${address}]` : address
}

/** Answered between the start of the health server and that of the rest. */
const STARTING: PumpStatus = {
  ready: false,
  redis: { status: 'down', last_error: null },
  leases: 0,
  dead_letters: null,
  waiting_for_sinks_not_configured: {},
  sinks: {},
}

function start(
  { engine, deliveries }: Parts,
  sinks: readonly CreatedSink[],
  redis: RedisConnection,
  log: Log,
  stopping: AbortSignal,
): void {
  for (const [index, { sink }] of sinks.entries()) {
    const state = deliveries[index]?.state
    if (state !== undefined) void checkUntilOk(sink, state, CHECK_TIMEOUT_MS, stopping)
  }
  greetRedis(redis, log)
  void firstAttempt(redis, stopping).then(() => {
    if (!stopping.aborted) engine.start()
  })
}

function statusOf(
  redis: RedisConnection,
  { engine, deliveries, deadLetters }: Parts,
  sinks: readonly CreatedSink[],
): PumpStatus {
  const reports = deliveries.map((delivery, index) => {
    return [delivery.name, reportSink(delivery, sinks[index]?.configured.definition.type ?? '')] as const
  })
  const up = redis.isUp()
  const ready = isReady(
    up,
    reports.map(([, report]) => report),
  )
  return {
    ready,
    redis: { status: up ? 'up' : 'down', last_error: redis.lastError() },
    leases: engine.size,
    dead_letters: deadLetters.size,
    waiting_for_sinks_not_configured: Object.fromEntries(engine.waiting()),
    sinks: Object.fromEntries(reports),
  }
}
