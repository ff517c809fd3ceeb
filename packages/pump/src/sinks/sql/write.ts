import { resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ConfigOf } from '../../config/section.ts'
import { SinkOptionError, SinkUnavailableError } from '../../errors.ts'
import type { PumpRecord, Rejection, Sink, SinkDeps, Verdict } from '../types.ts'
import { type Database, openDatabase } from './database.ts'
import { TABLE, rowOf, tableOf } from './encode.ts'
import { isAboutTheRow, sinkError } from './errors.ts'
import { limitsOf } from './limits.ts'
import type { sqlOptions } from './options.ts'
import { ReadyTables } from './ready-tables.ts'
import { DEFAULT_UPKEEP_TIMINGS, Upkeep } from './upkeep.ts'

type Options = ConfigOf<typeof sqlOptions>

/** An open file, and its tables that may be written to. */
interface Opened {
  readonly database: Database
  readonly tables: ReadyTables
}

/** @throws SinkOptionError when the database is of another kind or has no file, or a limit cannot be kept. */
export function createSqlSink(
  options: Options,
  deps: SinkDeps,
  timings = DEFAULT_UPKEEP_TIMINGS,
  reserveBytes = RESERVE_BYTES,
): Sink {
  requireSqlite(options.type)
  const path = databasePath(options.connection_string, deps.workingDirectory)
  const limits = limitsOf(options)
  const { log } = deps
  const traced = options.log_level.toLowerCase() === 'debug'
  const chunkSize = options.batch_size > 0 ? options.batch_size : DEFAULT_ROWS_PER_TRANSACTION
  const sharded = options.table_sharding
  let open: Opened | null = null
  let openings = 0
  log.info('SQL Initialized')

  /** At the first write, so that a locked file or a missing mount never holds up the start. */
  const opened = (): Opened => {
    if (open !== null) return open
    const database = openDatabase(path, {
      explorerIndex: options.explorer_index,
      onStatement: (sql) => {
        if (traced) log.debug({ sql }, 'SQL statement')
      },
    })
    openings += 1
    const turn = async (signal: AbortSignal): Promise<void> => upkeep?.turn(signal)
    open = { database, tables: new ReadyTables({ database, log, turn, others: () => otherTables(database) }) }
    return open
  }

  /** Tables to complete though no record may go to them; of those that other programs made none, unless asked for. */
  const otherTables = (database: Database): string[] => {
    if (options.migrate_sharded_tables) return database.tables()
    return options.explorer_index ? database.tables().filter(database.isOurs) : []
  }

  /** After a failure the file is opened anew: it may have been replaced, or a table rolled back with its statement. */
  const drop = (): void => {
    try {
      open?.tables.close()
      open?.database.close()
    } finally {
      open = null
    }
  }

  const reporting = <T>(doing: string, work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      drop()
      throw sinkError(doing, cause)
    }
  }

  const writeChunk = (chunk: readonly PumpRecord[]): Verdict[] =>
    reporting(`writing to ${path}`, () => insertAll(opened().database, chunk, sharded))

  /** The file, when those of its tables can be written to that these records go to. */
  const ready = async (batch: readonly PumpRecord[], signal: AbortSignal): Promise<Database> => {
    await upkeep?.turn(signal)
    const { database, tables } = reporting(`opening ${path}`, opened)
    if (limits && reporting(`reading ${path}`, () => database.roomBytes()) < reserveBytes) {
      throw new SinkUnavailableError(`${path}: the disk is full, but for what the deleting of old records needs`)
    }
    try {
      await tables.wait(tablesOf(batch), signal)
    } catch (error) {
      // An abort leaves the file open: indexes are built on, for the next call.
      if (!(error instanceof SinkUnavailableError) && open?.database === database) drop()
      throw sinkError(`preparing the tables of ${path}`, error)
    }
    return database
  }

  const tablesOf = (batch: readonly PumpRecord[]): Set<string> => {
    const tables = new Set(sharded ? [] : [TABLE])
    for (const entry of sharded ? batch : []) {
      const place = attempt(() => ({ table: tableOf(entry, sharded) }))
      if ('table' in place) tables.add(place.table)
    }
    return tables
  }

  const upkeep =
    limits &&
    new Upkeep({
      path,
      limits,
      traced,
      timings,
      opening: () => openings,
      onDropped: (table) => open?.database.forget(table),
      log,
    })

  return {
    async write(batch, signal) {
      if (signal.aborted) throw new SinkUnavailableError('write to the database aborted')
      if (batch.length > 0) await ready(batch, signal)
      const verdicts: Verdict[] = []
      while (verdicts.length < batch.length) {
        try {
          await upkeep?.turn(signal)
          if (signal.aborted) throw new SinkUnavailableError('write to the database aborted')
          verdicts.push(...writeChunk(batch.slice(verdicts.length, verdicts.length + chunkSize)))
        } catch (error) {
          if (verdicts.length === 0) throw error
          return [...verdicts, ...batch.slice(verdicts.length).map(() => 'retry' as const)]
        }
        // The driver blocks the thread: between two transactions everything else gets its turn.
        if (verdicts.length < batch.length) await nextTurn()
      }
      return verdicts
    },
    async check(signal) {
      const database = await ready([], signal)
      await upkeep?.turn(signal)
      reporting(`opening ${path}`, () => database.exec('BEGIN IMMEDIATE; ROLLBACK'))
    },
    async find(entry) {
      const table = tableOf(entry, options.table_sharding)
      const found = reporting(`reading ${path}`, () => opened().database.has(table, entry.id))
      return { kind: found ? 'found' : 'missing', where: `table ${table} of ${path}` }
    },
    async remove(entry) {
      reporting(`writing to ${path}`, () => opened().database.delete(tableOf(entry, options.table_sharding), entry.id))
    },
    async close() {
      await upkeep?.close()
      drop()
    },
  }
}

/**
 * To delete a row takes room in the write-ahead log, and to empty the log takes room in the file, as long as the pages in
 * it are new ones: on a disk that is full to the last byte retention could do nothing any more.
 */
const RESERVE_BYTES = 16 * 1024 * 1024

/**
 * A transaction keeps the thread: 200 rows of 1 kB take some 15 ms (Node 24, six indexes and the unique one;
 * bench/sql-write.bench.ts), and the wait for the disk is still shared by enough of them.
 */
const DEFAULT_ROWS_PER_TRANSACTION = 200

/** One transaction: all of it is on disk when this returns, or nothing is when it throws. */
function insertAll(database: Database, chunk: readonly PumpRecord[], sharded: boolean): Verdict[] {
  database.exec('BEGIN IMMEDIATE')
  try {
    const verdicts = chunk.map((entry) => insertOne(database, entry, sharded))
    database.exec('COMMIT')
    return verdicts
  } catch (error) {
    database.rollback()
    if (!isAboutTheRow(error)) throw error
    // A constraint that is checked at the end of a transaction does not say which row it means.
    if (chunk.length === 1) return [rejection(error)]
    return chunk.flatMap((entry) => insertAll(database, [entry], sharded))
  }
}

function insertOne(database: Database, entry: PumpRecord, sharded: boolean): Verdict {
  const row = attempt(() => ({ table: tableOf(entry, sharded), values: rowOf(entry) }))
  if ('rejected' in row) return row
  const insert = database.insertInto(row.table)
  const stored = attempt(() => insert.run(...row.values))
  return 'rejected' in stored ? stored : 'delivered'
}

/** Rejects the record when an error is about it, and throws on every other one. */
function attempt<T extends object>(work: () => T): T | Rejection {
  try {
    return work()
  } catch (error) {
    if (!isAboutTheRow(error)) throw error
    return rejection(error)
  }
}

function rejection(error: unknown): Rejection {
  const reason = error instanceof Error ? error.message : String(error)
  return { rejected: `the row cannot be stored: ${reason}`, errorType: 'not_storable' }
}

function requireSqlite(type: string): void {
  if (type === 'sqlite') return
  const known = type === 'postgres' || type === 'mysql'
  const advice = known ? 'this version writes to "sqlite" only' : 'set type to "sqlite"'
  throw new SinkOptionError(`Unsupported \`meta.type\` value: ${JSON.stringify(type)} (${advice})`)
}

function databasePath(connection: string, workingDirectory: string): string {
  const text = connection.trim()
  if (text === '') throw new SinkOptionError('connection_string is empty, expected the path of the database file')
  if (/^(?:file:)?:memory:/.test(text) || text === 'file:') {
    throw new SinkOptionError('connection_string must name a file: a database in memory is gone when the pump stops')
  }
  if (!text.startsWith('file:')) return resolve(workingDirectory, text)
  if (/[?#]/.test(text)) throw new SinkOptionError('connection_string: parameters after a file: URL are not supported')
  return text.startsWith('file://') ? fileUrlPath(text) : resolve(workingDirectory, text.slice('file:'.length))
}

function fileUrlPath(text: string): string {
  try {
    return fileURLToPath(text)
  } catch (cause) {
    throw new SinkOptionError('connection_string is no usable file: URL, expected e.g. file:///var/lib/tek/tek.db', {
      cause,
    })
  }
}
