import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ApiContext } from './context.ts'
import { readView, type ViewQuery, ViewParameters } from './view.ts'

export function countriesRoute(app: FastifyInstance, context: ApiContext): void {
  const schema = {
    summary: 'Requests by country of the client',
    querystring: Type.Object(ViewParameters),
    response: { 200: { $ref: 'Countries#' } },
  }
  app.get<{ Querystring: ViewQuery }>('/countries', { schema }, async (request, reply) => {
    const { question, range } = readView(request.query, context.now())
    const answer = await context.askView(request.url, reply, (signal) => context.store.countries(question, signal))
    return { range, ...answer }
  })
}
