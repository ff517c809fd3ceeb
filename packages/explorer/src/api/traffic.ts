import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { ProblemError } from '../errors.ts'
import { refuseOtherOrigins } from '../http/same-origin.ts'
import type { ApiContext } from './context.ts'
import { About } from './schema.ts'

export function trafficRoute(app: FastifyInstance, context: ApiContext): void {
  const schema = {
    summary: 'Starts or stops sample traffic through the gateway',
    body: Type.Object({ running: Type.Boolean() }),
    response: { 200: About.properties.traffic },
  }
  app.post<{ Body: { running: boolean } }>('/traffic', { schema, onRequest: refuseOtherOrigins }, (request) => {
    const { traffic } = context
    if (traffic === null) {
      const cure = 'set traffic (TEK_EXPLORER_TRAFFIC) and gateway_url (TEK_EXPLORER_GATEWAY_URL)'
      throw new ProblemError(404, 'not_found', 'sample traffic is not switched on', cure)
    }
    if (request.body.running) traffic.start()
    else traffic.stop()
    return { available: true, running: traffic.running }
  })
}
