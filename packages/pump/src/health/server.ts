import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { HealthPortError } from '../errors.ts'
import { EXPOSITION_TYPE } from '../metrics/exposition.ts'
import type { PumpStatus } from './status.ts'

export interface HealthServerOptions {
  /** Path of the health check, without slash. */
  readonly name: string
  /** Empty: all interfaces. */
  readonly address: string
  readonly port: number
  readonly status: () => Promise<PumpStatus>
  /** In Prometheus text form. */
  readonly metrics: () => Promise<string>
}

export interface HealthServer {
  readonly port: number
  close(): Promise<void>
}

const METRICS_PATH = '/metrics'

/** Tyk's literal; it has a space after the colon. */
const OK = Buffer.from('{"status": "ok"}')

/**
 * Serves the health check (this process lives), `/ready` (records reach their sinks) and `/metrics`.
 *
 * @throws HealthPortError when the port is taken or the address is not this machine's.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { name, address, port, status, metrics } = options
  const app = fastify({ logger: false, exposeHeadRoutes: false, forceCloseConnections: true })
  const healthPath = `/${name}`
  app.get(healthPath, (_, reply) => reply.header('content-type', 'application/json').send(OK))
  if (healthPath !== '/ready') {
    app.get('/ready', async (_, reply) => {
      const now = await status()
      return reply.code(now.ready ? 200 : 503).send(now)
    })
  }
  if (healthPath !== METRICS_PATH) {
    app.get(METRICS_PATH, async (_, reply) => reply.header('content-type', EXPOSITION_TYPE).send(await metrics()))
  }
  app.setNotFoundHandler((request, reply) => answerOthers(request, reply, healthPath))
  try {
    if (address === '') await listenEverywhere(app, port)
    else await app.listen({ port, host: address })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const key = code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' ? 'address' : 'port'
    const cure = `choose another with health_check_endpoint_${key} (TYK_PMP_HEALTHCHECKENDPOINT${key.toUpperCase()})`
    throw new HealthPortError(`Error serving health check endpoint on port ${port}: ${message}; ${cure}`, {
      cause: error,
    })
  }
  const bound = app.server.address()
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    close: () => app.close(),
  }
}

async function listenEverywhere(app: FastifyInstance, port: number): Promise<void> {
  try {
    await app.listen({ port, host: '::' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // A machine without IPv6.
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error
    await app.listen({ port, host: '0.0.0.0' })
  }
}

/** Go's mux: 405 without body for other methods of a known path, a plain text 404 for other paths. */
function answerOthers(request: FastifyRequest, reply: FastifyReply, healthPath: string): FastifyReply {
  const [path] = request.url.split('?')
  if (path === healthPath || path === '/ready' || path === METRICS_PATH)
    return reply.code(405).header('content-length', '0').send()
  return reply.code(404).type('text/plain; charset=utf-8').send('404 page not found\n')
}
