import { resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ConfigOf } from '../../config/section.ts'
import { SinkOptionError, SinkUnavailableError } from '../../errors.ts'
import type { PumpRecord, Sink, SinkDeps, Verdict } from '../types.ts'
import { type Database, openDatabase } from './database.ts'
import { rowOf, tableOf } from './encode.ts'
import { isAboutTheRow, sinkError } from './errors.ts'
import type { sqlOptions } from './options.ts'

type Options = ConfigOf<typeof sqlOptions>

/** @throws SinkOptionError when the database is of another kind or has no file. */
export function createSqlSink(options: Options, deps: SinkDeps): Sink {
  requireSqlite(options.type)
  const path = databasePath(options.connection_string, deps.workingDirectory)
  const { log } = deps
  const traced = options.log_level.toLowerCase() === 'debug'
  const chunkSize = options.batch_size > 0 ? options.batch_size : DEFAULT_ROWS_PER_TRANSACTION
  let database: Database | null = null
  log.info('SQL Initialized')

  /** At the first write, so that a locked file or a missing mount never holds up the start. */
  const opened = (): Database => {
    database ??= openDatabase(path, {
      migrateAll: options.migrate_sharded_tables,
      onStatement: (sql) => {
        if (traced) log.debug({ sql }, 'SQL statement')
      },
    })
    return database
  }

  const writeChunk = (chunk: readonly PumpRecord[]): Verdict[] => {
    try {
      return insertAll(opened(), chunk, options.table_sharding)
    } catch (cause) {
      drop()
      throw sinkError(`writing to ${path}`, cause)
    }
  }

  /** After a failure the file is opened anew: it may have been replaced, or a table rolled back with its statement. */
  const drop = (): void => {
    try {
      database?.close()
    } finally {
      database = null
    }
  }

  return {
    async write(batch, signal) {
      const verdicts: Verdict[] = []
      while (verdicts.length < batch.length) {
        try {
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
    async check() {
      try {
        opened().exec('BEGIN IMMEDIATE; ROLLBACK')
      } catch (cause) {
        drop()
        throw sinkError(`opening ${path}`, cause)
      }
    },
    async close() {
      drop()
    },
  }
}

/**
 * A transaction keeps the thread: 200 rows of 1 kB take 5 to 12 ms (Node 24, six indexes and the unique one), and the
 * wait for the disk is still shared by enough of them.
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
function attempt<T extends object>(work: () => T): T | { readonly rejected: string } {
  try {
    return work()
  } catch (error) {
    if (!isAboutTheRow(error)) throw error
    return rejection(error)
  }
}

function rejection(error: unknown): { readonly rejected: string } {
  return { rejected: `the row cannot be stored: ${error instanceof Error ? error.message : String(error)}` }
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
