import { fileURLToPath } from 'node:url'
import { type FastifyInstance, fastify } from 'fastify'
import { registerApi } from './api/index.ts'
import { ofValidation, toProblem } from './api/problems.ts'
import { StoreHealth } from './api/store-health.ts'
import { type ExplorerConfig, isLoopback, namesIn } from './config/load.ts'
import { ListenError } from './errors.ts'
import { addAuth } from './http/auth.ts'
import { addPage } from './http/page.ts'
import { addSecurity } from './http/security.ts'
import { sendProblem } from './http/send-problem.ts'
import type { Log } from './log.ts'
import { createPipelineReader } from './pipeline/index.ts'
import type { Store } from './store/types.ts'
import { createSampleTraffic } from './traffic/index.ts'

export interface ExplorerServer {
  readonly port: number
  /** Also closes the store. */
  close(): Promise<void>
}

export interface ServerDeps {
  readonly config: ExplorerConfig
  readonly store: Store
  readonly log: Log
  /** Of the built page; default: the one beside the program. */
  readonly pageFolder?: string
}

/** Where `npm run build` puts the page; the same for `src/` and `dist/`. */
const PAGE_FOLDER = fileURLToPath(new URL('../dist/web', import.meta.url))

/**
 * Serves page and API.
 *
 * @throws ListenError when the port is taken or the address is not this machine's.
 */
export async function startServer(deps: ServerDeps): Promise<ExplorerServer> {
  const { config, store, log } = deps
  const pipeline = createPipelineReader({ pumpUrl: config.pump_url, redisUrl: config.redis_url })
  const traffic = config.traffic
    ? createSampleTraffic({ gatewayUrl: config.gateway_url, token: config.traffic_token })
    : null
  const app = buildApp(deps)
  await registerApi(app, {
    store,
    pipeline,
    traffic,
    log,
    health: new StoreHealth(Date.now),
    gatewayUrl: config.gateway_url === '' ? null : config.gateway_url,
    timeoutMs: config.timeout * 1000,
    now: Date.now,
  })
  app.get('/health', () => ({ status: 'ok' }))
  await addPage(app, deps.pageFolder ?? PAGE_FOLDER)
  const close = async (): Promise<void> => {
    traffic?.close()
    await app.close()
    await Promise.all([pipeline.close(), store.close()])
  }
  try {
    await app.listen({ host: config.listen_address, port: config.listen_port })
  } catch (error) {
    await close()
    const place = `${config.listen_address}:${config.listen_port}`
    const cure =
      'choose another with listen_address (TEK_EXPLORER_LISTENADDRESS) or listen_port (TEK_EXPLORER_LISTENPORT)'
    throw new ListenError(`cannot listen on ${place}: ${(error as Error).message}; ${cure}`, { cause: error })
  }
  const address = app.server.address()
  return { port: typeof address === 'object' && address !== null ? address.port : config.listen_port, close }
}

function buildApp({ config, log }: ServerDeps): FastifyInstance {
  const app = fastify({
    logger: false,
    // A cursor of a page holds ids.
    http: { maxHeaderSize: 131_072 },
    bodyLimit: 16_384,
    requestTimeout: 30_000,
    connectionTimeout: 0,
    keepAliveTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 1024 },
    exposeHeadRoutes: false,
    // A number in a query is a text there, and nothing else is read otherwise than it was sent.
    schemaErrorFormatter: ofValidation,
    ajv: { customOptions: { coerceTypes: true, removeAdditional: false, allErrors: false } },
  })
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((error, _, reply) => {
    if (reply.raw.destroyed) return
    sendProblem(reply, toProblem(error, log))
  })
  const names = namesIn(config.allowed_hosts)
  addSecurity(app, { hosts: isLoopback(config.listen_address) || names.length > 0 ? new Set(names) : null })
  addAuth(app, config)
  app.addHook('onResponse', async (request, reply) => {
    if (!log.isLevelEnabled('debug')) return
    const { method, routeOptions } = request
    // The route, not the address: a query line may hold what nobody wants in a log.
    log.debug(
      { method, route: routeOptions.url ?? '-', status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'answered',
    )
  })
  return app
}
