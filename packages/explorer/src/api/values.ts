import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { ApiContext } from './context.ts'
import { readField, readView, ViewParameters } from './view.ts'

const Parameters = Type.Object({
  ...ViewParameters,
  field: Type.String({ maxLength: 80 }),
  prefix: Type.Optional(Type.String({ maxLength: 256, description: 'what was typed of the value so far' })),
})

export function valuesRoute(app: FastifyInstance, context: ApiContext): void {
  const schema = {
    summary: 'The most frequent values of a field, for completion',
    querystring: Parameters,
    response: { 200: { $ref: 'Values#' } },
  }
  app.get<{ Querystring: Static<typeof Parameters> }>('/values', { schema }, async (request, reply) => {
    const { field: name, prefix = '' } = request.query
    const field = readField(name)
    const { question } = readView(request.query, context.now())
    // Each value of these occurs once or is a page long: nothing to choose from.
    if (field.kind === 'date' || field.kind === 'text') return { field: name, values: [] }
    const { values } = await context.ask(request.url, reply, (signal) =>
      context.store.values(question, field.name, prefix, signal),
    )
    return { field: name, values }
  })
}
