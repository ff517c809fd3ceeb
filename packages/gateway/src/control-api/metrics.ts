import type { FastifyInstance } from 'fastify'
import { writeWhole } from '../errors/respond.ts'
import { EXPOSITION_TYPE, exposition } from '../metrics/exposition.ts'
import { metricFamilies, type GatewayFigures } from '../metrics/gateway-figures.ts'
import { send, statusAnswer } from './answer.ts'

export const METRICS_PATH = '/metrics'

export interface MetricsDeps {
  readonly version: string
  figures(): Promise<GatewayFigures>
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/** Figures for Prometheus, without the secret like the health routes. */
export function registerMetrics(fastify: FastifyInstance, deps: MetricsDeps): void {
  fastify.route({
    method: [...METHODS],
    url: METRICS_PATH,
    async handler(request, reply) {
      if (request.method !== 'GET') {
        send(reply, statusAnswer(405, 'Method Not Allowed'))
        return
      }
      const text = exposition(metricFamilies(await deps.figures(), deps.version))
      reply.hijack()
      writeWhole(reply.raw, 200, ['Content-Type', EXPOSITION_TYPE], text)
    },
  })
}
