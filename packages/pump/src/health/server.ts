import { type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { HealthPortError } from '../errors.ts'
import type { PumpStatus } from './status.ts'

export interface HealthServerOptions {
  /** Path of the health check, without slash. */
  readonly name: string
  readonly port: number
  readonly status: () => PumpStatus
}

export interface HealthServer {
  readonly port: number
  close(): Promise<void>
}

/** Tyk's literal; it has a space after the colon. */
const OK = Buffer.from('{"status": "ok"}')

/**
 * Serves the health check (this process lives) and `/ready` (records reach their sinks).
 *
 * @throws HealthPortError when the port is taken.
 */
export async function startHealthServer({ name, port, status }: HealthServerOptions): Promise<HealthServer> {
  const app = fastify({ logger: false, exposeHeadRoutes: false, forceCloseConnections: true })
  const healthPath = `/${name}`
  app.get(healthPath, (_, reply) => reply.header('content-type', 'application/json').send(OK))
  if (healthPath !== '/ready') {
    app.get('/ready', (_, reply) => {
      const now = status()
      return reply.code(now.ready ? 200 : 503).send(now)
    })
  }
  app.setNotFoundHandler((request, reply) => answerOthers(request, reply, healthPath))
  try {
    await app.listen({ port, host: '::' }).catch((error: NodeJS.ErrnoException) => {
      // A machine without IPv6.
      if (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL') return app.listen({ port, host: '0.0.0.0' })
      throw error
    })
  } catch (error) {
    const cure = 'choose another with health_check_endpoint_port (TYK_PMP_HEALTHCHECKENDPOINTPORT)'
    throw new HealthPortError(
      `Error serving health check endpoint on port ${port}: ${(error as Error).message}; ${cure}`,
      {
        cause: error,
      },
    )
  }
  const address = app.server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => app.close(),
  }
}

/** Go's mux: 405 without body for other methods of a known path, a plain text 404 for other paths. */
function answerOthers(request: FastifyRequest, reply: FastifyReply, healthPath: string): FastifyReply {
  const [path] = request.url.split('?')
  if (path === healthPath || path === '/ready') return reply.code(405).header('content-length', '0').send()
  return reply.code(404).type('text/plain; charset=utf-8').send('404 page not found\n')
}
