import type { ConfigOf } from '../../config/section.ts'
import type { DeadLetter, DeadLetterStore, Found } from '../../dead-letters/index.ts'
import { formatLetter, headOf, parseHead } from '../../dead-letters/letter.ts'
import type { SinkDeps } from '../types.ts'
import { type Connection, createConnection } from './connection.ts'
import type { elasticsearchOptions } from './options.ts'
import type { Server } from './server.ts'
import { compileSettings } from './settings.ts'
import type { NodeAnswer, NodeRequest } from './transport.ts'
import { errorOf, readBulkAnswer } from './verdicts.ts'

/** Bytes of letters per request. */
const PUSH_BYTES = 5 * 1024 * 1024
const LETTERS_PER_PAGE = 200
const READ_TIMEOUT_MS = 60_000

/** The mapping type on servers that have types. */
const TYPE = 'dead_letter'

/** The bytes are kept and not indexed: a mapping of their own keeps them out of every template's way. */
const MAPPING = {
  dynamic: false,
  properties: {
    '@timestamp': { type: 'date' },
    id: { type: 'keyword' },
    source: { type: 'keyword' },
    sink: { type: 'keyword' },
    error_type: { type: 'keyword', ignore_above: 1024 },
    reason: { type: 'text' },
    index: { type: 'keyword', ignore_above: 1024 },
    record_time: { type: 'date', ignore_malformed: true },
    raw_bytes: { type: 'long' },
    raw: { type: 'binary' },
  },
}

/**
 * Dead letters in an index beside that of the records, one document each: the letter itself and `@timestamp`. Its name does not
 * begin like theirs: what looks at `tyk_analytics*` counts requests.
 */
export function createIndexStore(options: ConfigOf<typeof elasticsearchOptions>, deps: SinkDeps): DeadLetterStore {
  const connection = createConnection(compileSettings(options, deps, deps.log), deps.log)
  const index = `dead-letters-${options.index_name}`
  const ask = requests(connection, index)
  let exists = false

  const ensureIndex = async (signal: AbortSignal): Promise<void> => {
    if (exists) return
    const body = (typed: boolean) => ({ mappings: typed ? { [TYPE]: MAPPING } : MAPPING })
    const answer = await ask(
      'PUT',
      () => '',
      signal,
      ({ typed }) => JSON.stringify(body(typed)),
    )
    if (answer.status !== 200 && !/already_exists/.test(errorOf(answer))) throw failure(`creating ${index}`, answer)
    exists = true
  }

  /** All letters of the index, without their bytes. A scroll wants nothing of the mapping, whoever made the index. */
  async function* pages(): AsyncGenerator<readonly Found[]> {
    const signal = (): AbortSignal => AbortSignal.timeout(READ_TIMEOUT_MS)
    await ask('POST', () => '/_refresh', signal())
    const query = { size: LETTERS_PER_PAGE, sort: ['_doc'], _source: { excludes: ['raw'] } }
    let answer = await ask(
      'POST',
      () => '/_search?scroll=5m',
      signal(),
      () => JSON.stringify(query),
    )
    if (answer.status === 404) return
    for (;;) {
      if (answer.status !== 200) throw failure(`searching ${index}`, answer)
      const { scrollId, found } = readPage(answer)
      if (found.length === 0) return
      yield found
      const next = JSON.stringify({ scroll: '5m', scroll_id: scrollId })
      answer = await send(connection, { method: 'POST', path: '/_search/scroll', body: next }, signal())
    }
  }

  const read = async ({ ref }: Found): Promise<Buffer | null> => {
    const signal = AbortSignal.timeout(READ_TIMEOUT_MS)
    const answer = await ask('GET', (server) => `/${typeIn(server)}/${encodeURIComponent(ref as string)}`, signal)
    if (answer.status === 404) return null
    if (answer.status !== 200) throw failure(`reading from ${index}`, answer)
    const raw = (answer.body as { _source?: { raw?: unknown } } | null)?._source?.raw
    return typeof raw === 'string' && raw !== '' ? Buffer.from(raw, 'base64') : null
  }

  return {
    place: `the index ${index}`,
    async push(letters, signal) {
      await ensureIndex(signal)
      const refused: DeadLetter[] = []
      let why = ''
      for (const batch of inBatches(letters)) {
        const answer = await bulk(connection, signal, (server) =>
          batch.map((letter) => createLines(letter, index, server)).join(''),
        )
        for (const [at, verdict] of readBulkAnswer(answer, batch.length).entries()) {
          const letter = batch[at]
          if (verdict === 'delivered' || letter === undefined) continue
          refused.push(letter)
          why = verdict === 'retry' ? 'asked to come again later' : verdict.rejected
        }
      }
      return { size: null, evicted: 0, ...(refused.length > 0 && { refused: { letters: refused, why } }) }
    },
    async count() {
      await ask('POST', () => '/_refresh', AbortSignal.timeout(READ_TIMEOUT_MS))
      const answer = await ask('GET', () => '/_count', AbortSignal.timeout(READ_TIMEOUT_MS))
      if (answer.status === 404) return 0
      if (answer.status !== 200) throw failure(`counting in ${index}`, answer)
      return Number((answer.body as { count?: unknown }).count ?? 0)
    },
    evicted: () => Promise.resolve(0),
    list: pages,
    async read(found) {
      const raws: (Buffer | null)[] = []
      for (const one of found) raws.push(await read(one))
      return raws
    },
    async remove(found) {
      if (found.length === 0) return 0
      const answer = await bulk(connection, AbortSignal.timeout(READ_TIMEOUT_MS), (server) =>
        found.map(({ ref }) => `${JSON.stringify({ delete: placeOf(index, ref as string, server) })}\n`).join(''),
      )
      if (answer.status !== 200) throw failure(`deleting from ${index}`, answer)
      return statusesOf(answer).filter((status) => status === 200).length
    },
    close: () => connection.close(),
  }
}

type Body = (server: Server) => string

/** Requests to paths below the index. */
function requests(connection: Connection, index: string) {
  return (method: NodeRequest['method'], path: Body, signal: AbortSignal, body: Body | null = null) =>
    connection.send(
      (server): NodeRequest => ({
        method,
        path: `/${encodeURIComponent(index)}${path(server)}`,
        body: body === null ? null : body(server),
        contentType: body === null ? null : 'application/json',
      }),
      signal,
    )
}

function send(
  connection: Connection,
  request: { readonly method: 'POST'; readonly path: string; readonly body: string },
  signal: AbortSignal,
): Promise<NodeAnswer> {
  return connection.send(() => ({ ...request, contentType: 'application/json' }), signal)
}

function bulk(connection: Connection, signal: AbortSignal, body: Body): Promise<NodeAnswer> {
  const build = (server: Server): NodeRequest => ({
    method: 'POST',
    path: '/_bulk',
    body: body(server),
    contentType: 'application/x-ndjson',
  })
  return connection.send(build, signal)
}

const typeIn = ({ typed }: Server): string => (typed ? TYPE : '_doc')

function placeOf(index: string, id: string, { typed }: Server): object {
  return { _index: index, ...(typed && { _type: TYPE }), _id: id }
}

/** A letter with its own id, so that one that is pushed again after a lost answer is there once. */
function createLines(letter: DeadLetter, index: string, server: Server): string {
  const text = formatLetter(letter, new Date())
  const head = parseHead(headOf(text))
  const timed = `{"@timestamp":${JSON.stringify(head?.time)},${text.slice(1)}`
  return `${JSON.stringify({ create: placeOf(index, head?.id ?? '', server) })}\n${timed}\n`
}

function* inBatches(letters: readonly DeadLetter[]): Generator<readonly DeadLetter[]> {
  let batch: DeadLetter[] = []
  let bytes = 0
  for (const letter of letters) {
    if (batch.length > 0 && bytes + letter.raw.length > PUSH_BYTES) {
      yield batch
      ;[batch, bytes] = [[], 0]
    }
    batch.push(letter)
    bytes += letter.raw.length
  }
  if (batch.length > 0) yield batch
}

function readPage({ body }: NodeAnswer): { readonly scrollId: string; readonly found: readonly Found[] } {
  const { _scroll_id: scrollId, hits } = (body ?? {}) as { _scroll_id?: unknown; hits?: { hits?: unknown } }
  const list = Array.isArray(hits?.hits) ? (hits.hits as { _id?: unknown; _source?: unknown }[]) : []
  const found = list.flatMap(({ _id: id, _source: source }): Found[] => {
    const head = parseHead(JSON.stringify(source))
    return head === null || typeof id !== 'string' ? [] : [{ head, ref: id }]
  })
  return { scrollId: typeof scrollId === 'string' ? scrollId : '', found }
}

function statusesOf({ body }: NodeAnswer): unknown[] {
  const items = (body as { items?: unknown } | null)?.items
  return Array.isArray(items) ? items.map((item: { delete?: { status?: unknown } } | null) => item?.delete?.status) : []
}

function failure(doing: string, answer: NodeAnswer): Error {
  return new Error(`${doing}: Elasticsearch answered ${answer.status}: ${errorOf(answer)}`)
}
