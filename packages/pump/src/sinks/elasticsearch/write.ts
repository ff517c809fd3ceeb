import type { ConfigOf } from '../../config/section.ts'
import type { Log } from '../../log/log.ts'
import { OncePerInterval } from '../../log/once-per-interval.ts'
import type { PumpRecord, Rejection, Sink, SinkDeps, Verdict } from '../types.ts'
import { type Connection, createConnection } from './connection.ts'
import { type Encoder, notEncodable } from './encode.ts'
import { findDocument, findIds, removeDocument } from './find.ts'
import { createForm } from './form.ts'
import { createIndexManager } from './index-management/manager.ts'
import { LargeDocuments } from './large-documents.ts'
import type { elasticsearchOptions } from './options.ts'
import { type Encoded, repair } from './repair.ts'
import type { Server } from './server.ts'
import { compileSettings, maskUrl } from './settings.ts'
import type { NodeRequest } from './transport.ts'
import { readBulkAnswer, readSingleAnswer } from './verdicts.ts'
import { createWriteMany } from './write-many.ts'

type Options = ConfigOf<typeof elasticsearchOptions>

const LOG_INTERVAL_MS = 60_000
const CHECK_TIMEOUT_MS = 5_000

const MAY_BE_TWICE =
  'Elasticsearch does not let the sink look for records that are sent again: one may be there twice when the data stream rolled over meanwhile; give its user the index privilege read'

/** @throws SinkOptionError when an option cannot work. */
export function createElasticsearchSink(options: Options, deps: SinkDeps): Sink {
  const { log } = deps
  const settings = compileSettings(options, deps, log)
  const connection = createConnection(settings, log)
  const { encoder, writer, rawFields, fieldIn } = createForm(options)
  const manager = createIndexManager(options, connection, log)
  const large = new LargeDocuments(() => answers(connection))
  const repairs = new OncePerInterval(LOG_INTERVAL_MS)
  const hidden = new OncePerInterval(LOG_INTERVAL_MS)
  logStart(options, log)

  const typeOf = (server: Server): string | null => (server.typed ? options.document_type || 'tyk_analytics' : null)

  const bulkRequest = (batch: readonly Encoded[], server: Server): NodeRequest => ({
    method: 'POST',
    path: '/_bulk',
    body: batch
      .map(({ index, entry, document }) => `${encoder.actionLine(index, entry.id, typeOf(server))}\n${document}\n`)
      .join(''),
    contentType: 'application/x-ndjson',
  })

  const singleRequest = ({ index, entry, document }: Encoded, server: Server): NodeRequest => {
    const [first, id] = [encodeURIComponent(index), encodeURIComponent(entry.id)]
    const type = typeOf(server)
    const path =
      type === null ? `/${first}/_create/${id}` : `/${first}/${encodeURIComponent(type)}/${id}?op_type=create`
    return { method: 'PUT', path, body: document, contentType: 'application/json' }
  }

  const writeBulk = async (batch: readonly Encoded[], signal: AbortSignal): Promise<Verdict[]> =>
    readBulkAnswer(await connection.send((server) => bulkRequest(batch, server), signal), batch.length, fieldIn)

  /** In order, one request each. What was not reached when the server stopped answering is sent again later. */
  const writeSingles = async (batch: readonly Encoded[], signal: AbortSignal): Promise<Verdict[]> => {
    const verdicts: Verdict[] = []
    for (const encoded of batch) {
      const write = async (within: AbortSignal): Promise<Verdict> =>
        readSingleAnswer(await connection.send((server) => singleRequest(encoded, server), within), fieldIn)
      try {
        verdicts.push(await large.attempt(encoded, signal, write))
      } catch (error) {
        if (verdicts.length === 0) throw error
        return [...verdicts, ...batch.slice(verdicts.length).map(() => 'retry' as const)]
      }
    }
    return verdicts
  }

  const writeOne = async (only: Encoded, signal: AbortSignal): Promise<readonly Verdict[]> => [
    await large.attempt(only, signal, async (within) => (await writeBulk([only], within))[0] ?? 'retry'),
  ]

  const send = (batch: readonly Encoded[], signal: AbortSignal): Promise<readonly Verdict[]> => {
    const [only] = batch
    if (options.disable_bulk) return writeSingles(batch, signal)
    return only !== undefined && batch.length === 1 ? writeOne(only, signal) : writeBulk(batch, signal)
  }

  const withoutRaw = ({ entry, document }: Encoded): string | null => {
    const trimmed = encoder.document(entry.record, false)
    return trimmed.length === document.length ? null : trimmed
  }

  const onRepaired = ({ entry, index }: Encoded, { rejected: reason, field }: Rejection): void => {
    large.settled(entry.id)
    repairs.run((notLogged) => {
      const fields = { index, reason, ...(field !== undefined && { field }), ...(notLogged > 0 && { notLogged }) }
      log.warn(fields, 'Elasticsearch refuses part of a document, it is stored below "quarantined" or left out')
    })
  }

  const repaired = async (batch: readonly Encoded[], verdicts: readonly Verdict[], signal: AbortSignal) => {
    const sendAgain = (again: readonly Encoded[]) => send(again, signal)
    const results = await repair(batch, verdicts, { send: sendAgain, withoutRaw, rawFields, onRepaired })
    // A dead letter that is sent again may be whole again.
    for (const [at, { entry }] of batch.entries()) if (typeof results[at] === 'object') large.settled(entry.id)
    return results
  }

  /** Writes what can be encoded; what cannot has its verdict already. */
  const writeEncoded = async (
    batch: readonly PumpRecord[],
    write: (sendable: readonly Encoded[]) => Promise<readonly Verdict[]>,
  ): Promise<readonly Verdict[]> => {
    const encoded = batch.map((entry) => encode(entry, encoder))
    const sendable = encoded.filter((result): result is Encoded => 'document' in result)
    const verdicts = sendable.length > 0 ? await write(sendable) : []
    let next = 0
    return encoded.map((result) => ('document' in result ? inIndex(verdicts[next++] ?? 'retry', result.index) : result))
  }

  const writeFew = (batch: readonly PumpRecord[], signal: AbortSignal): Promise<readonly Verdict[]> =>
    writeEncoded(batch, async (sendable) => repaired(sendable, await send(sendable, signal), signal))

  const writeMany = createWriteMany({
    connection,
    typeOf,
    fieldIn,
    writer,
    repair: (records, refusals, signal) => writeEncoded(records, (sendable) => repaired(sendable, refusals, signal)),
  })

  const write = async (batch: readonly PumpRecord[], signal: AbortSignal): Promise<readonly Verdict[]> => {
    const verdicts = options.disable_bulk || batch.length === 1 ? null : await writeMany(batch, signal)
    return verdicts ?? writeFew(batch, signal)
  }

  /** An id is unique in the index that a stream writes to now, not in those before: a repeated create would be a second copy. */
  const writeOnce = async (batch: readonly PumpRecord[], signal: AbortSignal): Promise<readonly Verdict[]> => {
    const ids = batch.map(({ id }) => id)
    const stored = await findIds(connection, options.data_stream, ids, signal)
    if (stored === null) {
      hidden.run(() => log.warn({ index: options.data_stream }, MAY_BE_TWICE))
      return write(batch, signal)
    }
    const open = batch.filter(({ id }) => !stored.has(id))
    const verdicts = open.length > 0 ? await write(open, signal) : []
    let next = 0
    return batch.map(({ id }) => (stored.has(id) ? 'delivered' : (verdicts[next++] ?? 'retry')))
  }

  return {
    async write(batch, signal, again) {
      const unready = manager?.ready(signal)
      if (unready !== undefined) await unready
      return again && options.data_stream !== '' ? writeOnce(batch, signal) : write(batch, signal)
    },
    check: (signal) => connection.check(signal),
    find: ({ record, id }, signal) => findDocument(connection, encoder.indexOf(record), id, signal),
    remove: ({ record, id }, signal) => removeDocument(connection, encoder.indexOf(record), id, signal),
    close: () => connection.close(),
  }
}

async function answers(connection: Connection): Promise<boolean> {
  try {
    await connection.check(AbortSignal.timeout(CHECK_TIMEOUT_MS))
    return true
  } catch {
    return false
  }
}

/** A server names the index of an item, but not that of a request. */
const inIndex = (verdict: Verdict, index: string): Verdict =>
  typeof verdict === 'object' ? { index, ...verdict } : verdict

function encode(entry: PumpRecord, encoder: Encoder): Encoded | Rejection {
  try {
    return { entry, index: encoder.indexOf(entry.record), document: encoder.document(entry.record) }
  } catch (error) {
    return notEncodable(error)
  }
}

function logStart(options: Options, log: Log): void {
  log.info(`Elasticsearch URL: ${maskUrl(options.elasticsearch_url)}`)
  log.info(`Elasticsearch Index: ${options.data_stream || options.index_name}`)
  if (options.rolling_index) {
    log.info(`Index will have date appended to it in the format ${options.index_name}-YYYY.MM.DD`)
  }
  log.info('Elasticsearch Pump Initialized')
}
