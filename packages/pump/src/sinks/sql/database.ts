import { mkdirSync, statSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { SinkRefusedError } from '../../errors.ts'
import { COLUMNS, TABLE } from './encode.ts'
import { isAboutTheRow } from './errors.ts'
import { DAY_TABLES, type Index, createTable, indexesOf, insertRow } from './tables.ts'

/**
 * How long a statement waits for another process's lock. It waits on the pump's only thread, so it is short; a batch
 * that finds the file locked for longer is tried again later.
 */
const BUSY_TIMEOUT_MS = 200

/** A write-ahead log that a long reader has made grow is cut back to this, about what it has otherwise. */
const MOST_LOG_BYTES = 4 * 1024 * 1024

/** How many rows are indexed within some 10 ms. */
const FEW_ROWS = 2000

/** An open file with its tables in order. Every call blocks the thread. */
export interface Database {
  readonly path: string
  /** The prepared insert of a table, which is made or completed when it is met first. */
  insertInto(table: string): StatementSync
  exec(sql: string): void
  prepare(sql: string): StatementSync
  /** The tables of records: that of all days, and those of single days from the first one on. */
  tables(): string[]
  /** Whether a table has the column that this sink adds to Tyk's. */
  isOurs(table: string): boolean
  /** Adds all that a table lacks, if there is such a table, but for the indexes of many rows, which it returns. */
  complete(table: string): readonly Index[]
  /** Whether a table that exists holds a record. */
  has(table: string, recordId: string): boolean
  delete(table: string, recordId: string): void
  /** Makes a table anew when it is met next: it was dropped. */
  forget(table: string): void
  /** Bytes of the write-ahead log. */
  logBytes(): number
  /** Bytes that records may still take, on the disk and in free pages of the file; Infinity where no disk says so. */
  roomBytes(): number
  /** All of the work is on disk when this returns, or nothing is when it throws. */
  transaction<T>(work: () => T): T
  /** Ends a transaction without a trace, also of tables that were made or completed in it. */
  rollback(): void
  close(): void
}

export interface DatabaseOptions {
  readonly explorerIndex: boolean
  readonly onStatement: (sql: string) => void
}

export function openDatabase(path: string, options: DatabaseOptions): Database {
  const { explorerIndex, onStatement } = options
  mkdirSync(dirname(path), { recursive: true })
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  const inserts = new Map<string, StatementSync>()

  const exec = (sql: string): void => {
    onStatement(sql)
    db.exec(sql)
  }

  const prepare = (sql: string): StatementSync => {
    onStatement(sql)
    return db.prepare(sql)
  }

  const columnsOf = (table: string): string[] =>
    db
      .prepare('SELECT name FROM pragma_table_info(?)')
      .all(table)
      .map(({ name }) => String(name).toLowerCase())

  const missingColumns = (table: string, present: readonly string[]): string[] => {
    const known = new Set(present)
    const missing = COLUMNS.filter(({ name }) => !known.has(name.toLowerCase()))
    return missing.map(({ name, type }) => `ALTER TABLE "${table}" ADD COLUMN "${name}" ${type}`)
  }

  const ensureTable = (table: string): void => {
    exec(createTable(table))
    missingColumns(table, columnsOf(table)).forEach(exec)
    for (const { sql } of indexesOf(table, explorerIndex)) exec(sql)
  }

  const tables = (): string[] =>
    db
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND (name = ? OR name GLOB ?) ORDER BY name")
      .all(TABLE, DAY_TABLES)
      .map(({ name }) => String(name))

  const complete: Database['complete'] = (table) => {
    const columns = columnsOf(table)
    if (columns.length === 0) return []
    const rows = db.prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?").all(table)
    const present = new Set(rows.map(({ name }) => name))
    const indexes = indexesOf(table, explorerIndex).filter(({ name }) => !present.has(name))
    const isLarge =
      indexes.length > 0 && db.prepare(`SELECT 1 FROM "${table}" LIMIT 1 OFFSET ?`).get(FEW_ROWS) !== undefined
    const statements = [...missingColumns(table, columns), ...(isLarge ? [] : indexes.map(({ sql }) => sql))]
    // Together, so that the disk is waited for once.
    if (statements.length > 0) transaction(() => statements.forEach(exec))
    return isLarge ? indexes : []
  }

  const rollback = (): void => {
    inserts.clear()
    try {
      exec('ROLLBACK')
    } catch {
      // After some errors, a full disk for one, SQLite has rolled back by itself and nothing is open any more.
    }
  }

  const transaction = <T>(work: () => T): T => {
    exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      exec('COMMIT')
      return result
    } catch (error) {
      rollback()
      throw error
    }
  }

  try {
    // Has an effect on an empty file only: what is deleted later can then go back to the disk, page by page.
    if (db.prepare('PRAGMA page_count').get()?.['page_count'] === 0) exec('PRAGMA auto_vacuum = INCREMENTAL')
    // With a write-ahead log readers such as the explorer and this writer do not block each other. FULL waits for the
    // disk at each commit: only then may the records leave Redis.
    exec('PRAGMA journal_mode = WAL')
    exec('PRAGMA synchronous = FULL')
    exec(`PRAGMA journal_size_limit = ${MOST_LOG_BYTES}`)
  } catch (error) {
    db.close()
    throw error
  }

  return {
    path,
    exec,
    prepare,
    tables,
    isOurs: (table) => columnsOf(table).includes('record_id'),
    complete,
    has: (table, recordId) => db.prepare(`SELECT 1 FROM "${table}" WHERE "record_id" = ?`).get(recordId) !== undefined,
    delete: (table, recordId) => void db.prepare(`DELETE FROM "${table}" WHERE "record_id" = ?`).run(recordId),
    forget: (table) => void inserts.delete(table),
    insertInto(table) {
      const known = inserts.get(table)
      if (known) return known
      try {
        ensureTable(table)
      } catch (cause) {
        // Rows that are there already break the unique index, for one. No record is guilty of that.
        if (isAboutTheRow(cause)) throw new SinkRefusedError(`table ${table} cannot be used`, { cause })
        throw cause
      }
      const prepared = prepare(insertRow(table))
      inserts.set(table, prepared)
      return prepared
    },
    logBytes: () => statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0,
    roomBytes() {
      const { blocks, bavail, bsize } = statfsSync(path)
      if (blocks === 0) return Infinity
      const free = db.prepare('SELECT freelist_count * page_size AS n FROM pragma_freelist_count, pragma_page_size')
      return bavail * bsize + Number(free.get()?.['n'])
    },
    transaction,
    rollback,
    close: () => db.close(),
  }
}
