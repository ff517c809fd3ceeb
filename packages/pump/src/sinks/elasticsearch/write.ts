import type { ConfigOf } from '../../config/section.ts'
import { SinkBatchTooLargeError } from '../../errors.ts'
import type { Log } from '../../log/log.ts'
import type { PumpRecord, Sink, SinkDeps, Verdict } from '../types.ts'
import { createConnection } from './connection.ts'
import { createEncoder, type Encoder } from './encode.ts'
import type { elasticsearchOptions } from './options.ts'
import type { Server } from './server.ts'
import { compileSettings, maskUrl } from './settings.ts'
import type { NodeRequest } from './transport.ts'
import { readBulkAnswer, readSingleAnswer } from './verdicts.ts'

type Options = ConfigOf<typeof elasticsearchOptions>

/** @throws SinkOptionError when an option cannot work. */
export function createElasticsearchSink(options: Options, deps: SinkDeps): Sink {
  const { log } = deps
  const settings = compileSettings(options, deps, log)
  const connection = createConnection(settings, log)
  const encoder = createEncoder(options)
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
    readBulkAnswer(await connection.send((server) => bulkRequest(batch, server), signal), batch.length)

  /** In order, one request each. What was not reached when the server stopped answering is sent again later. */
  const writeSingles = async (batch: readonly Encoded[], signal: AbortSignal): Promise<Verdict[]> => {
    const verdicts: Verdict[] = []
    for (const encoded of batch) {
      try {
        verdicts.push(readSingleAnswer(await connection.send((server) => singleRequest(encoded, server), signal)))
      } catch (error) {
        if (error instanceof SinkBatchTooLargeError) verdicts.push({ rejected: error.message })
        else if (verdicts.length === 0) throw error
        else return [...verdicts, ...batch.slice(verdicts.length).map(() => 'retry' as const)]
      }
    }
    return verdicts
  }

  /** A single document over the server's limit goes without its raw texts rather than not at all. */
  const writeTrimmed = async (encoded: Encoded, signal: AbortSignal): Promise<Verdict[]> => {
    const document = encoder.document(encoded.entry.record, false)
    if (document.length === encoded.document.length) throw new SinkBatchTooLargeError('one document alone is too large')
    log.warn({ id: encoded.entry.id }, 'document too large for Elasticsearch, sent without its raw texts')
    return writeBulk([{ ...encoded, document }], signal)
  }

  const writeEncoded = async (batch: readonly Encoded[], signal: AbortSignal): Promise<Verdict[]> => {
    if (options.disable_bulk) return writeSingles(batch, signal)
    try {
      return await writeBulk(batch, signal)
    } catch (error) {
      const [only] = batch
      if (!(error instanceof SinkBatchTooLargeError) || batch.length > 1 || !only) throw error
      return writeTrimmed(only, signal)
    }
  }

  return {
    async write(batch, signal) {
      const encoded = batch.map((entry) => encode(entry, encoder))
      const sendable = encoded.filter((result): result is Encoded => 'document' in result)
      const answers = sendable.length > 0 ? await writeEncoded(sendable, signal) : []
      let next = 0
      return encoded.map((result) => ('document' in result ? (answers[next++] ?? 'retry') : result))
    },
    check: (signal) => connection.check(signal),
    close: () => connection.close(),
  }
}

interface Encoded {
  readonly entry: PumpRecord
  readonly index: string
  readonly document: string
}

/** A record that has no document form, e.g. a time beyond every calendar, is rejected alone. */
function encode(entry: PumpRecord, encoder: Encoder): Encoded | { rejected: string } {
  try {
    return { entry, index: encoder.indexOf(entry.record), document: encoder.document(entry.record) }
  } catch (error) {
    return { rejected: `the record cannot be encoded: ${error instanceof Error ? error.message : String(error)}` }
  }
}

function logStart(options: Options, log: Log): void {
  log.info(`Elasticsearch URL: ${maskUrl(options.elasticsearch_url)}`)
  log.info(`Elasticsearch Index: ${options.index_name}`)
  if (options.rolling_index) {
    log.info(`Index will have date appended to it in the format ${options.index_name}-YYYY.MM.DD`)
  }
  log.info('Elasticsearch Pump Initialized')
}
