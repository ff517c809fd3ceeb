import { buildUrlNormaliser } from './analytics/normalise-url.ts'
import { openGeoDatabase } from './analytics/geo/index.ts'
import { RecordClock } from './analytics/clock.ts'
import { createRecorder } from './analytics/recorder.ts'
import { AnalyticsWriter } from './analytics/writer.ts'
import { withAccessLog } from './access-log/index.ts'
import type { CompileDeps } from './api-definition/compile.ts'
import { loadDefinitions } from './api-definition/load.ts'
import { createCertificateLibrary } from './auth/certificate-library.ts'
import { createCertificateStore } from './auth/certificate-store.ts'
import { announceInvalidJwks } from './auth/announce-invalid-jwks.ts'
import { invalidateJwks, jwksUsers } from './auth/jwks.ts'
import { createPasswords } from './auth/passwords.ts'
import type { GatewayConfig } from './config/schema.ts'
import { createClientGuard, hasOwnPort } from './control-api/client-guard.ts'
import { registerHealth, type HealthDeps } from './control-api/health.ts'
import { registerMetrics } from './control-api/metrics.ts'
import { openPaths } from './control-api/open-paths.ts'
import { registerControlApi } from './control-api/routes.ts'
import { createDuties, type Duties } from './duties.ts'
import type { ErrorRow } from './errors/catalogue.ts'
import { loadErrorTemplates } from './errors/templates.ts'
import { limitPolling } from './event-loop/stay-awake.ts'
import { createEvents } from './events/index.ts'
import { createExternalServices } from './external-services/index.ts'
import { Gate, type GateOptions } from './gate.ts'
import type { Log } from './log/log.ts'
import { createRepeatedLog } from './log/repeated.ts'
import { NO_FIGURES, type ProcessFigures } from './metrics/process-figures.ts'
import { createProcessMetrics } from './metrics/process-metrics.ts'
import { withRequestCounts } from './metrics/request-counts.ts'
import { createUpstreamTransport } from './proxy/create-transport.ts'
import type { ForwardOptions } from './proxy/forward.ts'
import { proxyFromEnvironment } from './proxy/forward-proxy.ts'
import { SharedPools } from './proxy/http1/shared-pools.ts'
import { createLane } from './proxy/lanes/index.ts'
import { createListStore } from './analytics/list-store.ts'
import { createRedisStores } from './redis/stores.ts'
import { buildApiSet, emptyApiSet, type ApiSet } from './reload/api-set.ts'
import { adoptSet, parsePolicies, shareSet, type SharedSet } from './reload/shared-set.ts'
import { ApiPorts } from './server/api-ports.ts'
import { loadServerTls, ServerCertificates } from './server/certificates.ts'
import { createListener, type Listener } from './server/listener.ts'
import { createSecretStores } from './secrets/create-stores.ts'
import { createSecretValues } from './secrets/secret-values.ts'
import type { StoredPlace } from './secrets/store.ts'
import { placesOfVariables } from './secrets/variables.ts'
import { createOrganisations } from './session/organisations.ts'
import { createPolicyStore, loadPolicies, type Policy } from './session/policies.ts'
import { createSessionStore } from './session/store.ts'
import { createLimiter } from './limits/create-limiter.ts'
import { rateLimitHeaders } from './limits/request-quota.ts'
import { VERSION } from './version.ts'
import type { Notice, Part } from './workers/part.ts'
import { soleProcess } from './workers/sole-process.ts'

export interface GatewayOptions {
  readonly config: GatewayConfig
  readonly log: Log
  readonly env: NodeJS.ProcessEnv
  /** Left out: this process is the gateway. */
  readonly part?: Part
}

export interface Gateway {
  /** Resolves when the listeners are open and the first load is over. */
  start(): Promise<void>
  /** Answers what is in flight, flushes records, closes everything. */
  close(): Promise<void>
  /** Rejects when the gateway cannot go on; absent where that would end this process anyway. */
  readonly failed?: Promise<never>
}

/** A gateway in this process. One of several is started step by step, as the parent says. */
export interface GatewayProcess extends Gateway {
  readonly redisIsUp: boolean
  /** Reads definitions and policies, takes them into force and tells what changed. */
  load(): Promise<SharedSet>
  /** Takes into force what another process has loaded. */
  adopt(shared: SharedSet): Promise<void>
  listen(): Promise<void>
  takeNotice(notice: Notice): Promise<void>
  /** What this process has counted; zeros unless metrics are on. */
  figures(): ProcessFigures
}

/** Bytes of encoded records kept while Redis is away, all processes together. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024
const FLUSH_DEADLINE_MS = 5000
const DEFAULT_UPSTREAM_TIMEOUT_S = 30

/** Puts the parts together. Everything created here is closed here, in reverse. */
export async function createGateway({ config, log, env, part: given }: GatewayOptions): Promise<GatewayProcess> {
  const main = log.child({ prefix: 'main' })
  const crew = given?.crew ?? null
  const shared = crew === null ? main : crew.sharedLog.child({ prefix: 'main' })
  const redis = createRedisStores(config, crew === null ? main : crew.mutedLog)
  let reloadedOnce = false
  let shuttingDown = false
  const { part, duties } = given === undefined ? alone() : { part: given, duties: null }
  const policies = createPolicyStore()
  limitPolling(config.busy_poll_microseconds)
  const sessions = createSessionStore({
    redis,
    config,
    log,
    now: Date.now,
    discardElsewhere: (key, replacement) => part.share({ kind: 'session-replaced', key, replacement }),
  })
  const organisations = createOrganisations({
    redis,
    config,
    log,
    now: Date.now,
    discardElsewhere: (key, replacement) => part.share({ kind: 'session-replaced', key, replacement }),
  })
  const passwords = createPasswords({ hashFunction: config.basic_auth_hash_key_function, env })
  const certificateStore = createCertificateStore({ redis, log, now: Date.now })
  const externalServices = createExternalServices({ config, env, certificateStore, log })
  const { webhooks } = externalServices
  const events = createEvents({ config, redis, log, sharedLog: shared, webhooks, now: Date.now })
  const failures = createRepeatedLog(log)
  let uncounted = 0
  const listStore = createListStore(redis.analytics, (err, count) => {
    uncounted += count
    failures.write('error', 'ledger', { err, records: count }, 'Analytics records are written, but not in the ledger')
  })
  const writer = createWriter(config, log, listStore, MAX_BUFFERED_BYTES / part.count)
  const metrics = config.enable_metrics
    ? createProcessMetrics({
        records: () => ({ ...writer.counters(), bufferedBytes: writer.bufferedBytes, uncounted }),
        isServed: (apiId) => gate.apis.byId.has(apiId),
      })
    : null
  const { enable_geo_ip: geoEnabled, geo_ip_db_path: path } = config.analytics_config
  const geo = config.enable_analytics && geoEnabled ? await openGeoDatabase({ path, log: shared }) : null
  const records = createRecorder({
    enabled: config.enable_analytics,
    hashKeys: config.hash_keys,
    ignoredIps: new Set(config.analytics_config.ignored_ips),
    nodeTags: config.db_app_conf_options.node_is_segmented ? config.db_app_conf_options.tags : [],
    normalisePath: buildUrlNormaliser(config.analytics_config.normalise_urls, log),
    geo,
    maxRecordedBodyBytes: config.analytics_config.max_recorded_body_bytes,
    clock: new RecordClock(part.index, part.count),
    push: (record) => writer.push(record),
  })
  const recorder = withRequestCounts(withAccessLog(records, config, log), metrics?.requests ?? null)
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
  const apiPorts = new ApiPorts({ config, log: shared, tls, createGate })
  const separateControl = hasOwnPort(config)
  const guard = createClientGuard({ config, certificateStore, log, now: Date.now })
  const forControl = { settings: tls, log: main, alwaysAsks: guard !== null }
  const hasTls = config.http_server_options.use_ssl
  const forMain = separateControl ? { settings: tls, log: main } : forControl
  const certificates = hasTls ? new ServerCertificates(forMain) : null
  const controlCertificates = hasTls && separateControl ? new ServerCertificates(forControl) : null
  const limiter = createLimiter({
    config,
    redis,
    log,
    now: Date.now,
    gateways: duties === null ? () => part.state().gateways : () => duties.gateways,
    ...(crew === null ? {} : { buckets: crew.buckets }),
  })
  const secretValues = createSecretValues({
    stores: createSecretStores(config.kv, process.cwd(), env),
    env,
    secrets: config.secrets,
    log: shared,
    onArrival() {
      main.info('A secret that an API definition refers to can be read now')
      void part.requestReload().catch((err: unknown) => main.error({ err }, 'The reload did not work'))
    },
  })
  const definitionSources = {
    env,
    secrets: config.secrets,
    basePath: config.kv.file.base_path,
    cwd: process.cwd(),
    values: secretValues,
  }
  const transportDeps = {
    config,
    log,
    proxyFromEnvironment: proxyFromEnvironment(env),
    pools: new SharedPools(),
  }
  const compileDeps: CompileDeps = {
    config,
    log,
    redis,
    policies,
    sessions,
    organisations,
    events,
    passwords,
    certificateStore,
    externalServices,
    limiter,
    env,
    secretValues,
    now: Date.now,
    createTransport: (definition) => createUpstreamTransport(definition, transportDeps),
  }
  const refreshCertificates = (): void => {
    certificateStore.refresh()
    externalServices.refresh()
  }
  const reload = async (): Promise<void> => {
    refreshCertificates()
    const nextPolicies = await loadPolicies(config, main, !reloadedOnce)
    const loaded = await loadDefinitions(config.app_path, definitionSources, log)
    const previous = gate.apis
    if (loaded.definitions.length === 0 && previous.apis.length === 0) {
      main.warn('No API Definitions found, not reloading')
      // A file may be of no use only because a store of secrets is away.
      secretValues.retain([], loaded.places)
      policies.replace(nextPolicies)
      reloadedOnce = true
      return
    }
    const next = await buildApiSet(loaded, previous, compileDeps)
    secretValues.retain(variablesOf(next), loaded.places)
    await swap(next, nextPolicies, atOnce)
    reloadedOnce = true
    main.info('Initialised API Definitions')
    main.info('API reload complete')
  }
  /** Together, and only when both are whole. */
  const swap = async (next: ApiSet, nextPolicies: readonly Policy[], run: typeof atOnce): Promise<void> => {
    const previous = gate.apis
    policies.replace(nextPolicies)
    gate.replace(next)
    try {
      run(() => certificates?.follow(next))
      run(() => controlCertificates?.follow({ certificates: [], asksClients: false }))
      await apiPorts.apply(next)
    } finally {
      // Nobody else knows them any more.
      const kept = new Set(next.apis.map((api) => api.transport))
      for (const { transport } of previous.apis) if (!kept.has(transport)) await transport.close()
    }
  }
  const health: HealthDeps = {
    healthName: config.health_check_endpoint_name,
    readinessName: config.readiness_check_endpoint_name,
    version: VERSION,
    redisCheck: () => part.state().redisCheck,
    redisIsUp: () => part.state().redisIsUp,
    shuttingDown: () => part.state().shuttingDown,
    reloadedOnce: () => part.state().loadedOnce,
  }
  const listeners: Listener[] = []
  const routes = (fastify: Parameters<typeof registerHealth>[0]): void => {
    registerHealth(fastify, health)
    if (metrics !== null) registerMetrics(fastify, { version: VERSION, figures: () => part.figures() })
    registerControlApi(
      fastify,
      {
        log,
        config,
        secret: config.secret,
        guard,
        requestReload: () => part.requestReload(),
        notifyGroup: () => part.notifyGroup(),
        appPath: config.app_path,
        apis: () => gate.apis,
        policies,
        certificates: createCertificateLibrary(redis, (id) => {
          certificateStore.forget(id)
          return part.share({ kind: 'certificate-changed', id })
        }),
        async invalidateJwks(apiId) {
          invalidateJwks(sessions, apiId)
          await part.share({ kind: 'jwks-invalidated', apiId })
          const apiIds = apiId === null ? jwksUsers(sessions) : [apiId]
          await announceInvalidJwks(apiIds, { redis, config, log })
        },
        keys: {
          redis,
          config,
          log,
          sessions,
          policies,
          passwords,
          certificateStore,
          events,
          now: Date.now,
          api: (id) => gate.apis.byId.get(id)?.definition,
        },
        organisations: {
          organisations,
          redis,
          config,
          log,
          now: Date.now,
          isActive: (orgId) => gate.apis.apis.some((api) => api.orgId === orgId),
        },
      },
      openPaths(config),
    )
  }

  let policiesText = ''
  const takeNotice = async (notice: Notice): Promise<void> => {
    switch (notice.kind) {
      case 'sessions-changed':
        for (const key of notice.keys) {
          sessions.forget(key)
          organisations.forget(key)
        }
        break
      case 'session-replaced':
        await sessions.discard(notice.key, notice.replacement)
        await organisations.discard(notice.key, notice.replacement)
        break
      case 'certificate-changed':
        certificateStore.forget(notice.id)
        break
      case 'jwks-invalidated':
        invalidateJwks(sessions, notice.apiId)
        break
    }
  }

  return {
    get redisIsUp() {
      return redis.isUp
    },
    takeNotice,
    figures: () => metrics?.read() ?? NO_FIGURES,
    async start() {
      await duties?.begin()
      // Before the listeners open: a client that finds the port never meets a gateway without its APIs.
      await firstLoad()
      await listen()
      duties?.start()
    },
    async load() {
      const previous = gate.apis
      await reload()
      const text = JSON.stringify(policies.all())
      const changed = text === policiesText ? null : text
      policiesText = text
      return shareSet(gate.apis, previous, changed, reloadedOnce, secretValues.known())
    },
    async adopt(from) {
      refreshCertificates()
      const quietly = crew === null ? atOnce : crew.quietly
      secretValues.adopt(from.secrets)
      const next = await adoptSet(from, gate.apis, compileDeps, quietly)
      secretValues.retain(variablesOf(next), [])
      policiesText = from.policies ?? policiesText
      await swap(next, from.policies === null ? policies.all() : parsePolicies(from.policies), quietly)
      reloadedOnce = from.loadedOnce
    },
    listen,
    async close() {
      shuttingDown = true
      await duties?.close()
      const drainMs = config.graceful_shutdown_timeout_duration * 1000
      await Promise.all([...listeners, apiPorts].map((each) => each.close(drainMs)))
      await lane.close()
      failures.close()
      await Promise.all(gate.apis.apis.map((api) => api.transport.close()))
      await secretValues.close()
      await events.close()
      await externalServices.close()
      await sessions.close()
      await organisations.close()
      geo?.close()
      await recorder.drain()
      await writer.close(FLUSH_DEADLINE_MS)
      metrics?.close()
      await redis.close()
      if (duties !== null) main.info('All services gracefully shut down')
    },
  }

  function alone(): { part: Part; duties: Duties } {
    const own = createDuties({
      config,
      log,
      redis,
      reload: () => reload(),
      onNotice: (notice) => void takeNotice(notice),
    })
    const state = () => ({ redisIsUp: redis.isUp, loadedOnce: reloadedOnce, shuttingDown })
    const figures = () => metrics?.read() ?? NO_FIGURES
    const apisLoaded = () => gate.apis.apis.length
    return { part: soleProcess({ duties: own, own: state, figures, apisLoaded }), duties: own }
  }

  async function firstLoad(): Promise<void> {
    try {
      await reload()
    } catch (err) {
      main.error({ err }, 'First load failed: no API is served until a reload works')
    }
  }

  async function listen(): Promise<void> {
    const apis = await createListener({
      config,
      log: main,
      gate,
      routes: separateControl ? null : routes,
      certificates,
    })
    listeners.push(apis)
    await apis.listen(config.listen_port, config.listen_address)
    if (!separateControl) return
    const control = await createListener({ config, log: main, gate: null, routes, certificates: controlCertificates })
    listeners.push(control)
    await control.listen(config.control_api_port, config.listen_address)
  }
}

const variablesOf = ({ apis }: ApiSet): StoredPlace[] => apis.flatMap(({ definition }) => placesOfVariables(definition))

const atOnce = <T>(work: () => T): T => work()

function createWriter(
  config: GatewayConfig,
  log: Log,
  store: ReturnType<typeof createListStore>,
  maxBufferedBytes: number,
): AnalyticsWriter {
  const { analytics_config: options } = config
  const ttl = options.storage_expiration_time
  return new AnalyticsWriter({
    store,
    log,
    serialisation: options.serializer_type === 'protobuf' ? 'protobuf' : 'msgpack',
    numberedLists: options.enable_multiple_analytics_keys,
    ttlSeconds: ttl === -1 ? null : ttl || 60,
    maxBufferedBytes,
    ledger: config.analytics_ledger,
  })
}

function overrideMessage(row: ErrorRow, config: GatewayConfig): ErrorRow {
  if (row.id === null) return row
  const override = config.override_messages[row.id]
  if (override === undefined) return row
  return { id: row.id, status: override.code || row.status, message: override.message || row.message }
}
