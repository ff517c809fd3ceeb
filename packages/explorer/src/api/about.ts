import type { FastifyInstance, FastifyReply } from 'fastify'
import { FIELDS } from '../fields.ts'
import { version } from '../version.ts'
import type { ApiContext } from './context.ts'
import { toProblem } from './problems.ts'
import type { About } from './schema.ts'

interface Known {
  readonly fields: ReadonlySet<string>
  readonly records: number
  readonly oldestMs: number | null
  readonly newestMs: number | null
}

/** The page asks often, to know whether there is something new; nobody needs it fresher than this. */
const FRESH_MS = 1000
/** A store that takes longer over so little is told about as one that is down, unless it is seen to be at work. */
const MOST_WAIT_MS = 5000
const BUSY = 'busy with another question, or still loading'

export function aboutRoute(app: FastifyInstance, context: ApiContext): void {
  let last: { readonly known: Known; readonly atMs: number } | null = null
  let busySinceMs: number | null = null

  /** Null while the store has not come to it. */
  const look = async (signal: AbortSignal): Promise<Known | null> => {
    const limit = AbortSignal.timeout(MOST_WAIT_MS)
    const both = AbortSignal.any([signal, limit])
    try {
      const [fields, extent] = await Promise.all([context.store.fields(both), context.store.extent(both)])
      return { fields, ...extent }
    } catch (error) {
      if (limit.aborted && context.store.isAtWork?.() === true) return null
      throw error
    }
  }

  const refresh = async (reply: FastifyReply): Promise<Known | null> => {
    if (last !== null && context.now() - last.atMs < FRESH_MS && context.health.report().state !== 'down')
      return last.known
    try {
      const known = await context.ask('about', reply, look)
      busySinceMs = known === null ? (busySinceMs ?? context.now()) : null
      if (known === null) return last?.known ?? null
      context.health.reached()
      last = { known, atMs: context.now() }
      return known
    } catch (error) {
      // The client has gone, which says nothing about the store.
      if (reply.raw.destroyed) throw error
      busySinceMs = null
      // Also a mistake of our own is no reason to take the page away.
      context.health.failed(toProblem(error, context.log).message)
      return null
    }
  }

  const schema = { summary: 'What this explorer reads, and how that is', response: { 200: { $ref: 'About#' } } }
  app.get('/about', { schema }, async (_, reply): Promise<About> => {
    const known = await refresh(reply)
    const report = context.health.report()
    const isBusy = busySinceMs !== null && report.state === 'ok'
    const { state, error, sinceMs } = isBusy
      ? ({ state: 'degraded', error: BUSY, sinceMs: busySinceMs } as const)
      : report
    const available = known?.fields ?? last?.known.fields
    const time = (ms: number | null | undefined): string | null => (ms == null ? null : new Date(ms).toISOString())
    return {
      version,
      store: { kind: context.store.kind, target: context.store.target, state, error, since: time(sinceMs) },
      newestRecord: time(known?.newestMs),
      oldestRecord: time(known?.oldestMs),
      records: known?.records ?? null,
      fields: FIELDS.map(({ name, kind, doc }) => ({ name, kind, doc, available: available?.has(name) ?? true })),
      gatewayUrl: context.gatewayUrl,
      traffic: { available: context.traffic !== null, running: context.traffic?.running ?? false },
      pipelineConfigured: context.pipeline.configured,
    }
  })
}
