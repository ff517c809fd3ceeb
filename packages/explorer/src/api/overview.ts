import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ApiContext } from './context.ts'
import { readView, type ViewQuery, ViewParameters } from './view.ts'

const TOP_FIELDS = ['api_name', 'api_version', 'request_uri', 'alias', 'tags', 'user_agent']
const TOP_SIZE = 10

export function overviewRoute(app: FastifyInstance, context: ApiContext): void {
  const schema = {
    summary: 'Numbers, charts and tops of a range, and the numbers of the equal range before',
    querystring: Type.Object(ViewParameters),
    response: { 200: { $ref: 'Overview#' } },
  }
  app.get<{ Querystring: ViewQuery }>('/overview', { schema }, async (request, reply) => {
    const { question, range } = readView(request.query, context.now())
    const [answer, reloads] = await Promise.all([
      context.askView(request.url, reply, (signal) =>
        context.store.overview({ ...question, fields: TOP_FIELDS, size: TOP_SIZE }, signal),
      ),
      context.pipeline.reloads(question, context.clientSignal(reply)),
    ])
    return { range, reloads, ...answer }
  })
}
