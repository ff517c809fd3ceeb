import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { ApiContext } from './context.ts'
import { toProblem } from './problems.ts'
import type { Pipeline } from './schema.ts'
import { readView, TimeParameters } from './view.ts'

const Parameters = Type.Object(TimeParameters)

export function pipelineRoute(app: FastifyInstance, context: ApiContext): void {
  const schema = {
    summary: 'What pump and Redis say: sinks, lists, the ledger of the range',
    querystring: Parameters,
    response: { 200: { $ref: 'Pipeline#' } },
  }
  app.get<{ Querystring: Static<typeof Parameters> }>(
    '/pipeline',
    { schema },
    async (request, reply): Promise<Pipeline> => {
      const { question, range } = readView(request.query, context.now())
      const problems: Pipeline['problems'] = []
      const newest = async (): Promise<string | null> => {
        try {
          const { newestMs } = await context.ask('extent', reply, (signal) => context.store.extent(signal))
          return newestMs === null ? null : new Date(newestMs).toISOString()
        } catch (error) {
          // Nobody is told anything then.
          if (reply.raw.destroyed) throw error
          const { message, cure } = toProblem(error, context.log)
          problems.push({ part: 'store', message, cure })
          return null
        }
      }
      const signal = AbortSignal.any([context.clientSignal(reply), AbortSignal.timeout(context.timeoutMs)])
      const [newestRecord, report] = await Promise.all([newest(), context.pipeline.read(question, signal)])
      return { range, newestRecord, ...report, problems: [...problems, ...report.problems] }
    },
  )
}
