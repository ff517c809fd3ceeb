import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { ProblemError } from '../errors.ts'
import { MOST_CURSOR_CHARACTERS } from '../store/types.ts'
import type { ApiContext } from './context.ts'
import { ColumnParameters, readColumns, readSort, readView, ViewParameters } from './view.ts'

const MOST_ROWS = 500

const Parameters = Type.Object({
  ...ViewParameters,
  ...ColumnParameters,
  size: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_ROWS, default: 100 })),
  after: Type.Optional(Type.String({ maxLength: MOST_CURSOR_CHARACTERS, description: '`next` of the page before' })),
})

export function requestRoutes(app: FastifyInstance, context: ApiContext): void {
  const list = {
    summary: 'A page of requests, and their number over time',
    querystring: Parameters,
    response: { 200: { $ref: 'Requests#' } },
  }
  app.get<{ Querystring: Static<typeof Parameters> }>('/requests', { schema: list }, async (request, reply) => {
    const { size = 100, after, sort, order = 'desc', columns } = request.query
    const { question, range } = readView(request.query, context.now())
    const page = { size, sort: readSort(sort), order, columns: readColumns(columns), ...(after && { after }) }
    const answer = await context.askView(request.url, reply, (signal) =>
      context.store.requests({ ...question, ...page }, signal),
    )
    return { range, ...answer }
  })

  const one = {
    summary: 'All fields of one request, and its raw texts decoded',
    params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 512 }) }),
    response: { 200: { $ref: 'RequestDetail#' } },
  }
  app.get<{ Params: { id: string } }>('/requests/:id', { schema: one }, async (request, reply) => {
    const { id } = request.params
    const detail = await context.ask(request.url, reply, (signal) => context.store.request(id, signal))
    if (detail === null) {
      throw new ProblemError(
        404,
        'not_found',
        'there is no such request',
        'it may have been deleted with its index or by age',
      )
    }
    return detail
  })
}
