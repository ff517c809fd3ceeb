import { ANALYTICS_KEY_PREFIX, sourceLists } from '@tek/analytics-record'
import type { PumpConfig } from './config/load.ts'
import { type Parts, assemble } from './assemble.ts'
import { firstAttempt, greetRedis, noteInLedger } from './connect.ts'
import { type CreatedSink, createSinks } from './create-sinks.ts'
import { watchSink } from './delivery/index.ts'
import { ConfigError } from './errors.ts'
import { type MetricsInput, formatMetrics } from './health/metrics.ts'
import { startHealthServer } from './health/server.ts'
import { type PumpStatus, isReady, reportSink } from './health/status.ts'
import { deadLetterKeys } from './lease/index.ts'
import type { Log } from './log/log.ts'
import { type Lag, monitorLag } from './metrics/event-loop-lag.ts'
import { createInstrumentation } from './metrics/statsd.ts'
import type { RedisConnection } from './redis/connection.ts'
import { buildTarget, keyPrefixOf } from './redis/options.ts'
import { WriteProbe } from './redis/write-probe.ts'
import { DISK, type SpillFiles, openSpillFolder } from './spill/index.ts'
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
  /** In place of the file system, for spilled records. */
  readonly spillFiles?: SpillFiles
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
 * @throws ConfigError when no sink is configured, a sink cannot work with its options, or spill_dir cannot be written.
 * @throws HealthPortError when the health check's port is taken.
 */
export async function createPump(options: PumpOptions): Promise<Pump> {
  const { config, log, env } = options
  const { core } = config
  const timings = { ...DEFAULT_TIMINGS, ...options.timings }
  if (config.sinks.length === 0) throw new ConfigError('No pumps configured')
  const sinks = createSinks(config.sinks, options.workingDirectory, log)
  const spillFolder = await openSpillFolder(core.lease_cap, options.workingDirectory, options.spillFiles ?? DISK)
  const target = buildTarget(core.analytics_storage_config)

  const lag = monitorLag()
  let parts: Parts | null = null
  let probe: WriteProbe | null = null
  let status = (): PumpStatus => STARTING
  /** Redis is asked first: what is read after that is of one instant. */
  const statusNow = async (): Promise<PumpStatus> => {
    await Promise.all([parts?.deadLetters.count(), probe?.ask()])
    return status()
  }
  const health = await startHealthServer({
    name: core.health_check_endpoint_name,
    address: core.health_check_endpoint_address,
    port: options.healthPort ?? core.health_check_endpoint_port,
    status: statusNow,
    metrics: async () => {
      const now = await statusNow()
      return formatMetrics(metricsInput(now, parts, lag.read()))
    },
  })
  const healthUrl = `http://${hostOf(core.health_check_endpoint_address)}:${health.port}/${core.health_check_endpoint_name}`
  log.child({ prefix: 'server' }).info(`Serving health check endpoint at ${healthUrl} ...`)

  // Loaded after the health check listens, which an orchestrator looks at early: the client needs 100 ms.
  const { openRedis } = await import('./redis/connection.ts')
  const redis = openRedis(target)
  const metrics = createInstrumentation(core.statsd_connection_string, core.statsd_prefix, env, log)
  const { workingDirectory } = options
  const assembled = assemble({ config, sinks, redis, metrics, timings, workingDirectory, spillFolder, log })
  parts = assembled
  const prefix = keyPrefixOf(core.analytics_storage_config, ANALYTICS_KEY_PREFIX)
  const writes = new WriteProbe(redis, [...sourceLists(prefix).map(({ key }) => key), deadLetterKeys(prefix).list])
  probe = writes
  status = () => statusOf(redis, writes, assembled, sinks)
  const stopping = new AbortController()
  start(assembled, sinks, redis, log, stopping.signal)
  if (core.ledger) {
    const names = sinks.map(({ configured }) => configured.name)
    noteInLedger(redis, prefix, names, log)
  }
  if (!core.dont_purge_uptime_data) log.warn('uptime data is left alone: this version has no uptime pump')
  log.info(`Starting purge loop @${core.purge_delay}, chunk size ${core.purge_chunk}`)

  const close = async (): Promise<void> => {
    stopping.abort()
    await stopInOrder({ ...assembled, sinks, log, stopMs: timings.stopMs })
    metrics.close()
    lag.close()
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
    const delivery = deliveries[index]
    if (delivery !== undefined) void watchSink(sink, delivery, CHECK_TIMEOUT_MS, stopping)
  }
  greetRedis(redis, log)
  void firstAttempt(redis, stopping).then(() => {
    if (!stopping.aborted) engine.start()
  })
}

function metricsInput(status: PumpStatus, parts: Parts | null, lag: Lag): MetricsInput {
  return {
    status,
    deliveries: parts?.deliveries ?? [],
    deadLettersEvicted: parts?.deadLetters.evicted ?? 0,
    leasedBytes: status.lease_cap?.leased_bytes ?? null,
    lag,
    now: Date.now(),
  }
}

function statusOf(
  redis: RedisConnection,
  { refusal }: WriteProbe,
  { engine, deliveries, deadLetters }: Parts,
  sinks: readonly CreatedSink[],
): PumpStatus {
  const reports = deliveries.map((delivery, index) => {
    return [delivery.name, reportSink(delivery, sinks[index]?.configured.definition.type ?? '')] as const
  })
  const up = redis.isUp() && refusal === null
  const cap = engine.capReport()
  const ready = isReady(
    up,
    reports.map(([, report]) => report),
  )
  return {
    ready,
    redis: { status: up ? 'up' : 'down', last_error: refusal ?? redis.lastError() },
    leases: engine.size,
    dead_letters: deadLetters.waiting,
    waiting_for_sinks_not_configured: Object.fromEntries(engine.waiting()),
    ...(cap && { lease_cap: cap }),
    sinks: Object.fromEntries(reports),
  }
}
