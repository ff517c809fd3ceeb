import type { FastifyInstance } from 'fastify'
import { send, statusAnswer, type ControlAnswer } from './answer.ts'

export interface HealthDeps {
  /** Path names without slash. */
  readonly healthName: string
  readonly readinessName: string
  readonly version: string
  /** The last check of Redis; null before the first. */
  readonly redisCheck: () => RedisCheck | null
  readonly redisIsUp: () => boolean
  readonly shuttingDown: () => boolean
  readonly reloadedOnce: () => boolean
}

export interface RedisCheck {
  readonly up: boolean
  readonly output: string
  /** RFC 3339 with the local offset. */
  readonly time: string
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/** `/hello`: alive, whatever the parts say. `/ready`: may receive requests. Both without the secret. */
export function registerHealth(fastify: FastifyInstance, deps: HealthDeps): void {
  const route = (name: string, answer: () => ControlAnswer): void => {
    fastify.route({
      method: [...METHODS],
      url: `/${name}`,
      handler: (request, reply) =>
        send(reply, request.method === 'GET' ? answer() : statusAnswer(405, 'Method Not Allowed')),
    })
  }
  route(deps.healthName, () => ({ status: 200, json: healthOf(deps, 'Tyk GW') }))
  route(deps.readinessName, () => {
    if (deps.shuttingDown()) return statusAnswer(503, 'Gateway is shutting down')
    if (deps.redisCheck()?.up === false || !deps.redisIsUp()) return statusAnswer(503, 'Redis connection not available')
    if (!deps.reloadedOnce()) return statusAnswer(503, 'A successful API reload did not happen')
    return { status: 200, json: healthOf(deps, 'Tyk GW Ready') }
  })
}

function healthOf(deps: HealthDeps, description: string): unknown {
  const check = deps.redisCheck()
  const status = check?.up === false ? 'fail' : 'pass'
  if (check === null) return { status, version: deps.version, description }
  const output = check.up ? {} : { output: check.output }
  const redis = { status, ...output, componentType: 'datastore', time: check.time }
  return { status, version: deps.version, description, details: { redis } }
}
