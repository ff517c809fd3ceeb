import { SinkUnavailableError } from '../../../errors.ts'
import type { Log } from '../../../log/log.ts'
import { type Connection, untilAborted } from '../connection.ts'
import { refuseIndicesOf, streamNames } from './data-stream.ts'
import { createAsk } from './install.ts'
import type { Options } from './job.ts'
import { manageFlat } from './manage-flat.ts'
import { manageStream } from './manage-stream.ts'
import { createNotes } from './notes.ts'

/** How long what was refused stays so: a person may grant what is missing while records are written. */
const RETRY_MS = 5 * 60_000

/** Runs in a row that a busy server may cut short before records go into the index without it. */
const MOST_FAILURES = 3

const CHECK_TIMEOUT_MS = 5_000

export interface IndexManager {
  /**
   * Resolves when a write finds the index as it should be; undefined when that is known already.
   *
   * @throws SinkRefusedError when a write would make an index of the wrong kind, and what `Connection.send` throws.
   */
  ready(signal: AbortSignal): Promise<void> | undefined
}

/** Null when nothing is to be managed. @throws SinkOptionError when an option cannot work. */
export function createIndexManager(
  options: Options,
  connection: Connection,
  log: Log,
  now: () => number = Date.now,
): IndexManager | null {
  const names = options.data_stream === '' ? null : streamNames(options.data_stream)
  if (names === null && !options.manage_index) return null
  if (names !== null && options.manage_index) refuseIndicesOf(names, options.index_name)
  const notes = createNotes(log)
  const ask = createAsk(connection)
  /** The outages that there had been when all was well. */
  let readySince = -1
  let retryAt = Infinity
  let failures = 0
  let running: Promise<void> | null = null

  const run = async (): Promise<void> => {
    const { outages } = connection
    const server = await connection.server()
    const job = { options, server, ask, notes }
    const complete = names === null ? await manageFlat(job) : await manageStream(job, names)
    readySince = outages
    retryAt = complete ? Infinity : now() + RETRY_MS
    failures = 0
  }

  /** Templates that a server does not answer for hold up no index while it takes records: it went without them before. */
  const runOrGoOn = async (): Promise<void> => {
    try {
      await run()
    } catch (error) {
      failures += 1
      if (names !== null || failures < MOST_FAILURES || !(error instanceof SinkUnavailableError)) throw error
      await connection.check(AbortSignal.timeout(CHECK_TIMEOUT_MS))
      notes.trouble(
        options.index_name,
        'Elasticsearch index management failed, records go on without it',
        error.message,
      )
      readySince = connection.outages
      retryAt = now() + RETRY_MS
    }
  }

  /** Writes that come at the same time share one run. */
  const shared = (): Promise<void> => {
    running ??= runOrGoOn().finally(() => {
      running = null
    })
    return running
  }

  return {
    ready(signal) {
      if (readySince === connection.outages && now() < retryAt) return undefined
      return untilAborted(shared, signal)
    },
  }
}
