import type { GatewayConfig } from './config/schema.ts'
import type { RedisCheck } from './control-api/health.ts'
import { dividesLimits } from './limits/create-limiter.ts'
import { createGatewayCount } from './limits/gateway-count.ts'
import type { Log } from './log/log.ts'
import { ClusterChannel } from './redis/cluster-channel.ts'
import { HealthChecker } from './redis/health-checker.ts'
import type { RedisStores } from './redis/stores.ts'
import { createReloadJournal } from './reload/journal.ts'
import { Reloader } from './reload/reloader.ts'
import { VERSION } from './version.ts'
import type { Notice } from './workers/part.ts'

export interface DutiesOptions {
  readonly config: GatewayConfig
  readonly log: Log
  readonly redis: RedisStores
  /** Reloads the whole gateway. */
  reload(): Promise<void>
  /** Another gateway has changed something. */
  onNotice(notice: Notice): void
}

/** What is done once for a gateway, by its only process or by the parent of several. */
export interface Duties {
  readonly reloader: Reloader
  /** The last check of Redis; null before the first. */
  readonly redisCheck: RedisCheck | null
  /** Gateways that share limits, this one among them. */
  readonly gateways: number
  /** Tells every gateway on this Redis, this one included. */
  publish(command: string): Promise<void>
  /** Gives Redis a moment to come up and leaves the version there. */
  begin(): Promise<void>
  /** The listeners are open: says so, listens to other gateways, checks Redis. */
  start(): void
  /** Goes on serving for the configured delay, then ends what `start` began. */
  close(): Promise<void>
}

const REDIS_WAIT_MS = 1000

export function createDuties({ config, log, redis, reload, onNotice }: DutiesOptions): Duties {
  const main = log.child({ prefix: 'main' })
  const journal = config.enable_analytics && config.analytics_ledger ? createReloadJournal(redis, log, Date.now) : null
  const reloader = new Reloader(reload, config.reload_interval * 1000, log, journal)
  const { node_is_segmented: segmented, tags } = config.db_app_conf_options
  const announces = dividesLimits(config) && !config.management_node
  const gateways = createGatewayCount({
    now: Date.now,
    announceEveryMs: announces ? config.drl_notification_frequency * 1000 : 0,
    tagHash: segmented ? tags.join('') : '',
    processes: 1,
    publish: async (command, payload) => {
      if (redis.isUp) await channel.publish(command, payload)
    },
  })
  const channel = new ClusterChannel({
    redis,
    config,
    log,
    onReload: () => void reloader.request(),
    onSessionsChanged: (keys) => onNotice({ kind: 'sessions-changed', keys }),
    onGatewayAnnounced: (payload) => gateways.hear(payload),
    onJwksInvalidated: (apiId) => onNotice({ kind: 'jwks-invalidated', apiId }),
  })
  const checker = new HealthChecker(redis, config.liveness_check.check_duration)

  return {
    reloader,
    get redisCheck() {
      return checker.last
    },
    get gateways() {
      return gateways.current
    },
    publish: (command) => channel.publish(command),
    async begin() {
      if (!(await redis.waitUntilUp(REDIS_WAIT_MS))) main.error('storage: timeout connecting')
      if (!redis.isUp) return
      await redis.main.set('version-check-gateway', VERSION).catch((err: unknown) => {
        main.warn({ err }, 'Could not store the version in Redis')
      })
    },
    start() {
      main.info(`Tyk Gateway started (${VERSION})`)
      main.info(`--> Listening on address: ${config.listen_address || '(open interface)'}`)
      main.info(`--> Listening on port: ${config.listen_port}`)
      main.info(`--> PID: ${process.pid}`)
      if (!config.suppress_redis_signal_reload) channel.start()
      if (dividesLimits(config)) gateways.start()
      redis.onRecovery(() => void reloader.request())
      checker.start()
    },
    async close() {
      const delayS = config.graceful_shutdown_delay_seconds
      if (delayS > 0) {
        main.info(`Delaying graceful shutdown for ${delayS} seconds`)
        await new Promise((resolve) => setTimeout(resolve, delayS * 1000))
      }
      main.info('Waiting for in-flight requests to complete...')
      checker.close()
      gateways.close()
      await reloader.close()
      await channel.close()
    },
  }
}
