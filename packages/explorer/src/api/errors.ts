import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ApiContext } from './context.ts'
import { readView, type ViewQuery, ViewParameters } from './view.ts'

export function errorsRoute(app: FastifyInstance, context: ApiContext): void {
  const schema = {
    summary: 'Failed requests in groups by API, version, path pattern and code',
    querystring: Type.Object(ViewParameters),
    response: { 200: { $ref: 'Errors#' } },
  }
  app.get<{ Querystring: ViewQuery }>('/errors', { schema }, async (request, reply) => {
    const { question, range } = readView(request.query, context.now())
    const answer = await context.askView(request.url, reply, (signal) => context.store.errors(question, signal))
    return { range, ...answer }
  })
}
