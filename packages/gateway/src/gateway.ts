import { buildUrlNormaliser } from './analytics/normalise-url.ts'
import { openGeoDatabase } from './analytics/geo/index.ts'
import { createRecorder } from './analytics/recorder.ts'
import { AnalyticsWriter } from './analytics/writer.ts'
import { withAccessLog } from './access-log/index.ts'
import type { CompileDeps } from './api-definition/compile.ts'
import { loadDefinitions } from './api-definition/load.ts'
import { invalidateJwks } from './auth/jwks.ts'
import type { GatewayConfig } from './config/schema.ts'
import { registerHealth, type HealthDeps } from './control-api/health.ts'
import { registerControlApi } from './control-api/routes.ts'
import type { ErrorRow } from './errors/catalogue.ts'
import { loadErrorTemplates } from './errors/templates.ts'
import { Gate, type GateOptions } from './gate.ts'
import type { Log } from './log/log.ts'
import { createRepeatedLog } from './log/repeated.ts'
import { createUpstreamTransport } from './proxy/create-transport.ts'
import type { ForwardOptions } from './proxy/forward.ts'
import { proxyFromEnvironment } from './proxy/forward-proxy.ts'
import { createLane } from './proxy/lanes/index.ts'
import { HealthChecker } from './redis/health-checker.ts'
import { createListStore } from './redis/list-store.ts'
import { ClusterChannel } from './redis/cluster-channel.ts'
import { createRedisStores } from './redis/stores.ts'
import { buildApiSet, emptyApiSet } from './reload/api-set.ts'
import { Reloader } from './reload/reloader.ts'
import { ApiPorts } from './server/api-ports.ts'
import { loadServerTls, ServerCertificates } from './server/certificates.ts'
import { createListener, type Listener } from './server/listener.ts'
import { createPolicyStore, loadPolicies } from './session/policies.ts'
import { createSessionStore } from './session/store.ts'
import { rateLimitHeaders } from './limits/request-quota.ts'
import { trustSystemRoots } from './tls/roots.ts'
import { VERSION } from './version.ts'

export interface GatewayOptions {
  readonly config: GatewayConfig
  readonly log: Log
  readonly env: NodeJS.ProcessEnv
}

export interface Gateway {
  /** Resolves when the listeners are open and the first load is over. */
  start(): Promise<void>
  /** Answers what is in flight, flushes records, closes everything. */
  close(): Promise<void>
}

/** Bytes of encoded records kept while Redis is away. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024
const REDIS_WAIT_MS = 1000
const FLUSH_DEADLINE_MS = 5000
const DEFAULT_UPSTREAM_TIMEOUT_S = 30

/** Puts the parts together. Everything created here is closed here, in reverse. */
export async function createGateway({ config, log, env }: GatewayOptions): Promise<Gateway> {
  const main = log.child({ prefix: 'main' })
  const redis = createRedisStores(config, main)
  const policies = createPolicyStore()
  const sessions = createSessionStore({ redis, config, log, now: Date.now })
  const writer = createWriter(config, log, createListStore(redis.analytics))
  const { enable_geo_ip: geoEnabled, geo_ip_db_path: path } = config.analytics_config
  const geo = config.enable_analytics && geoEnabled ? await openGeoDatabase({ path, log: main }) : null
  const records = createRecorder({
    enabled: config.enable_analytics,
    hashKeys: config.hash_keys,
    ignoredIps: new Set(config.analytics_config.ignored_ips),
    nodeTags: config.db_app_conf_options.node_is_segmented ? config.db_app_conf_options.tags : [],
    normalisePath: buildUrlNormaliser(config.analytics_config.normalise_urls, log),
    geo,
    maxRecordedBodyBytes: config.analytics_config.max_recorded_body_bytes,
    push: (record) => writer.push(record),
  })
  const recorder = withAccessLog(records, config, log)
  const failures = createRepeatedLog(log)
  const forwarding: ForwardOptions = {
    failures,
    recorder,
    errors: {
      templates: loadErrorTemplates(config.template_path, main),
      hideGeneratorHeader: config.hide_generator_header,
      closeConnections: config.close_connections,
      override: (row) => overrideMessage(row, config),
    },
    userAgent: `Tyk/${VERSION}`,
    timeoutMs: (config.proxy_default_timeout > 0 ? config.proxy_default_timeout : DEFAULT_UPSTREAM_TIMEOUT_S) * 1000,
    closeConnections: config.close_connections,
    rateLimitHeaders: config.rate_limit_response_headers === 'rate_limits' ? () => null : rateLimitHeaders,
  }
  const lane = await createLane(config.upstream_transport)
  const gateOptions: GateOptions = {
    log,
    recorder,
    forwarding,
    forward: lane.forward,
    xffDepth: config.http_server_options.xff_depth,
    skipUrlCleaning: config.http_server_options.skip_url_cleaning,
    maxRequestBodyBytes: config.http_server_options.max_request_body_size,
    track404: config.track_404_logs,
    websockets: config.http_server_options.enable_websockets,
  }
  const gate = new Gate(emptyApiSet(), gateOptions)
  const tls = loadServerTls(config, main)
  const createGate = (port: number): Gate => new Gate(emptyApiSet(), gateOptions, port)
  const apiPorts = new ApiPorts({ config, log: main, tls, createGate })
  const certificates = config.http_server_options.use_ssl ? new ServerCertificates(tls, main) : null
  trustSystemRoots()
  const transportDeps = { config, log, proxyFromEnvironment: proxyFromEnvironment(env) }
  const compileDeps: CompileDeps = {
    config,
    log,
    redis,
    policies,
    sessions,
    env,
    now: Date.now,
    createTransport: (definition) => createUpstreamTransport(definition, transportDeps),
  }
  let reloadedOnce = false
  let shuttingDown = false
  const reload = async (): Promise<void> => {
    const nextPolicies = await loadPolicies(config, main, !reloadedOnce)
    const loaded = loadDefinitions(config.app_path, { env, secrets: config.secrets }, log)
    const previous = gate.apis
    if (loaded.definitions.length === 0 && previous.apis.length === 0) {
      main.warn('No API Definitions found, not reloading')
      policies.replace(nextPolicies)
      reloadedOnce = true
      return
    }
    const next = await buildApiSet(loaded, previous, compileDeps)
    // Together, and only when both are whole.
    policies.replace(nextPolicies)
    gate.replace(next)
    certificates?.replaceApiFiles(next.certificates)
    await apiPorts.apply(next)
    reloadedOnce = true
    const kept = new Set(next.apis.map((api) => api.transport))
    for (const { transport } of previous.apis) if (!kept.has(transport)) await transport.close()
    main.info('Initialised API Definitions')
    main.info('API reload complete')
  }
  const reloader = new Reloader(reload, config.reload_interval * 1000, log)
  const channel = new ClusterChannel({
    redis,
    config,
    log,
    onReload: () => void reloader.request(),
    onSessionsChanged: (keys) => keys.forEach((key) => sessions.forget(key)),
    onJwksInvalidated: (apiId) => invalidateJwks(compileDeps, apiId),
  })
  const checker = new HealthChecker(redis, config.liveness_check.check_duration)
  const health: HealthDeps = {
    healthName: config.health_check_endpoint_name,
    readinessName: config.readiness_check_endpoint_name,
    version: VERSION,
    redisCheck: () => checker.last,
    redisIsUp: () => redis.isUp,
    shuttingDown: () => shuttingDown,
    reloadedOnce: () => reloadedOnce,
  }
  const listeners: Listener[] = []
  const separateControl = config.control_api_port !== 0 && config.control_api_port !== config.listen_port
  const openPaths = new Set([`/${health.healthName}`, `/${health.readinessName}`])
  const routes = (fastify: Parameters<typeof registerHealth>[0]): void => {
    registerHealth(fastify, health)
    registerControlApi(
      fastify,
      {
        log,
        config,
        secret: config.secret,
        reloader,
        notifyGroup: () => channel.publish('GroupReload'),
        appPath: config.app_path,
        apis: () => gate.apis,
        policies,
        invalidateJwks: (apiId) => invalidateJwks(compileDeps, apiId),
        keys: {
          redis,
          config,
          log,
          sessions,
          policies,
          now: Date.now,
          api: (id) => gate.apis.byId.get(id)?.definition,
        },
      },
      openPaths,
    )
  }

  return {
    async start() {
      if (!(await redis.waitUntilUp(REDIS_WAIT_MS))) main.error('storage: timeout connecting')
      await setVersionKey()
      // Before the listeners open: a client that finds the port never meets a gateway without its APIs.
      await firstLoad()
      const apis = await createListener({
        config,
        log: main,
        gate,
        routes: separateControl ? null : routes,
        certificates,
      })
      listeners.push(apis)
      await apis.listen(config.listen_port, config.listen_address)
      if (separateControl) {
        const controlCertificates = certificates === null ? null : new ServerCertificates(tls, main)
        const control = await createListener({
          config,
          log: main,
          gate: null,
          routes,
          certificates: controlCertificates,
        })
        listeners.push(control)
        await control.listen(config.control_api_port, config.listen_address)
      }
      main.info(`Tyk Gateway started (${VERSION})`)
      main.info(`--> Listening on address: ${config.listen_address || '(open interface)'}`)
      main.info(`--> Listening on port: ${config.listen_port}`)
      main.info(`--> PID: ${process.pid}`)
      if (!config.suppress_redis_signal_reload) channel.start()
      redis.onRecovery(() => void reloader.request())
      checker.start()
    },
    async close() {
      shuttingDown = true
      const delayS = config.graceful_shutdown_delay_seconds
      if (delayS > 0) {
        main.info(`Delaying graceful shutdown for ${delayS} seconds`)
        await new Promise((resolve) => setTimeout(resolve, delayS * 1000))
      }
      main.info('Waiting for in-flight requests to complete...')
      checker.close()
      await reloader.close()
      await channel.close()
      const drainMs = config.graceful_shutdown_timeout_duration * 1000
      await Promise.all([...listeners, apiPorts].map((each) => each.close(drainMs)))
      await lane.close()
      failures.close()
      await Promise.all(gate.apis.apis.map((api) => api.transport.close()))
      await sessions.close()
      geo?.close()
      await recorder.drain()
      await writer.close(FLUSH_DEADLINE_MS)
      await redis.close()
      main.info('All services gracefully shut down')
    },
  }

  async function firstLoad(): Promise<void> {
    try {
      await reload()
    } catch (err) {
      main.error({ err }, 'First load failed: no API is served until a reload works')
    }
  }

  async function setVersionKey(): Promise<void> {
    if (!redis.isUp) return
    await redis.main.set('version-check-gateway', VERSION).catch((err: unknown) => {
      main.warn({ err }, 'Could not store the version in Redis')
    })
  }
}

function createWriter(config: GatewayConfig, log: Log, store: ReturnType<typeof createListStore>): AnalyticsWriter {
  const { analytics_config: options } = config
  const ttl = options.storage_expiration_time
  return new AnalyticsWriter({
    store,
    log,
    serialisation: options.serializer_type === 'protobuf' ? 'protobuf' : 'msgpack',
    numberedLists: options.enable_multiple_analytics_keys,
    ttlSeconds: ttl === -1 ? null : ttl || 60,
    maxBufferedBytes: MAX_BUFFERED_BYTES,
  })
}

function overrideMessage(row: ErrorRow, config: GatewayConfig): ErrorRow {
  if (row.id === null) return row
  const override = config.override_messages[row.id]
  if (override === undefined) return row
  return { id: row.id, status: override.code || row.status, message: override.message || row.message }
}
