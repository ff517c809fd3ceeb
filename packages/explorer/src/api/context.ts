import type { FastifyReply } from 'fastify'
import { isTimeout } from '../errors.ts'
import type { Log } from '../log.ts'
import { type Answer, type Store, StoreUnavailableError } from '../store/types.ts'
import type { PipelineReader } from '../pipeline/index.ts'
import type { SampleTraffic } from '../traffic/index.ts'
import type { Quality } from './schema.ts'
import { TIMED_OUT } from './problems.ts'
import { createSharing } from './sharing.ts'
import type { StoreHealth } from './store-health.ts'

export interface ApiDeps {
  readonly store: Store
  readonly health: StoreHealth
  readonly pipeline: PipelineReader
  /** null: the page may not start any. */
  readonly traffic: SampleTraffic | null
  readonly gatewayUrl: string | null
  /** For one question to the store. */
  readonly timeoutMs: number
  readonly log: Log
  readonly now: () => number
}

/** What the routes ask by. */
export interface ApiContext extends ApiDeps {
  /** Aborted when the client goes away before it has its answer. */
  clientSignal(reply: FastifyReply): AbortSignal
  /** Asks the store within the deadline; the same `key` at the same time is asked once. */
  ask<T>(key: string, reply: FastifyReply, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** As `ask`, for a view: adds what it is worth, and keeps the store's health up to date. */
  askView<T extends object>(
    key: string,
    reply: FastifyReply,
    work: (signal: AbortSignal) => Promise<Answer<T>>,
  ): Promise<T & { quality: Quality }>
}

export function createContext(deps: ApiDeps): ApiContext {
  const sharing = createSharing()

  const withDeadline = async <T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const both = AbortSignal.any([signal, AbortSignal.timeout(deps.timeoutMs)])
    try {
      return await work(both)
    } catch (error) {
      // A store says in its own way that it was cut off; whose doing it was is known here.
      throw both.aborted ? both.reason : error
    }
  }

  const context: ApiContext = {
    ...deps,
    clientSignal(reply) {
      const controller = new AbortController()
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) controller.abort(new DOMException('the client has gone', 'AbortError'))
      })
      return controller.signal
    },
    ask: (key, reply, work) =>
      sharing.run(key, context.clientSignal(reply), async (signal) => {
        try {
          return await withDeadline(signal, work)
        } catch (error) {
          if (!signal.aborted && error instanceof StoreUnavailableError) deps.health.failed(error.message)
          throw error
        }
      }),
    async askView(key, reply, work) {
      const from = performance.now()
      const { partial, ...answer } = await context.ask(key, reply, work).catch((error: unknown) => {
        if (isTimeout(error)) deps.health.answered(TIMED_OUT)
        throw error
      })
      deps.health.answered(partial)
      const quality = { partial, tookMs: Math.round(performance.now() - from) }
      return { ...(answer as unknown as Awaited<ReturnType<typeof work>>), quality }
    },
  }
  return context
}
