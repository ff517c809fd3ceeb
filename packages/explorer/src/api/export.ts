import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { ApiContext } from './context.ts'
import { csvHead, csvLine, ndjsonLine } from './export-lines.ts'
import type { RequestRow } from './schema.ts'
import { ColumnParameters, readColumns, readSort, readView, ViewParameters } from './view.ts'

const ROWS_PER_PAGE = 500

const Parameters = Type.Object({
  ...ViewParameters,
  ...ColumnParameters,
  format: Type.Optional(Type.Union([Type.Literal('csv'), Type.Literal('ndjson')])),
})

export function exportRoute(app: FastifyInstance, context: ApiContext): void {
  const schema = {
    summary: 'All requests of a query as a file, streamed; X-Total-Count says how many there were at its start',
    querystring: Parameters,
    produces: ['text/csv', 'application/x-ndjson'],
    response: { 200: Type.String() },
  }
  app.get<{ Querystring: Static<typeof Parameters> }>('/export', { schema }, async (request, reply) => {
    const { sort, order = 'desc', format = 'csv' } = request.query
    const columns = readColumns(request.query.columns)
    const { question } = readView(request.query, context.now())
    const page = { ...question, size: ROWS_PER_PAGE, sort: readSort(sort), order, columns }
    const { total } = await context.ask(`total ${request.url}`, reply, (signal) =>
      context.store.requests({ ...page, size: 1 }, signal),
    )
    const client = context.clientSignal(reply)
    const pages = withIdleLimit(client, context.timeoutMs, (signal) => context.store.rows(page, signal))
    const isCsv = format === 'csv'
    const lines = isCsv ? csv(pages, columns) : ndjson(pages, columns)
    const name = `requests-${new Date(context.now()).toISOString().slice(0, 19).replaceAll(':', '')}.${format}`
    if (total.exact) reply.header('x-total-count', total.value)
    return reply
      .header('content-disposition', `attachment; filename="${name}"`)
      .type(isCsv ? 'text/csv; charset=utf-8; header=present' : 'application/x-ndjson; charset=utf-8')
      .serializer((payload: string) => payload)
      .send(Readable.from(lines, { objectMode: false, highWaterMark: TEXT_CHARACTERS }))
  })
}

type Pages = AsyncIterable<readonly RequestRow[]>

/** Lines are sent together, but never a whole page: with raw messages that would be many megabytes in one text. */
const TEXT_CHARACTERS = 65_536

async function* csv(pages: Pages, columns: readonly string[]): AsyncGenerator<string> {
  yield csvHead(columns)
  for await (const rows of pages) yield* texts(rows, (row) => csvLine(row, columns))
}

async function* ndjson(pages: Pages, columns: readonly string[]): AsyncGenerator<string> {
  for await (const rows of pages) yield* texts(rows, (row) => ndjsonLine(row, columns))
}

function* texts(rows: readonly RequestRow[], lineOf: (row: RequestRow) => string): Generator<string> {
  let text = ''
  for (const row of rows) {
    text += lineOf(row)
    if (text.length < TEXT_CHARACTERS) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

/** An export may take hours, one page of it may not. The time a slow client takes does not count. */
async function* withIdleLimit<T>(
  client: AbortSignal,
  limitMs: number,
  open: (signal: AbortSignal) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const controller = new AbortController()
  const leave = (): void => controller.abort(client.reason)
  client.addEventListener('abort', leave, { once: true })
  const pages = open(controller.signal)[Symbol.asyncIterator]()
  try {
    for (;;) {
      const timer = setTimeout(() => {
        controller.abort(new DOMException('the store did not answer in time', 'TimeoutError'))
      }, limitMs)
      const page = await pages.next().finally(() => clearTimeout(timer))
      if (page.done === true) return
      yield page.value
    }
  } finally {
    client.removeEventListener('abort', leave)
    controller.abort()
    await pages.return?.()
  }
}
