import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { SinkRefusedError } from '../../errors.ts'
import { COLUMNS, INDEXED_COLUMNS, TABLE } from './encode.ts'
import { isAboutTheRow } from './errors.ts'

/**
 * How long a statement waits for another process's lock. It waits on the pump's only thread, so it is short; a batch
 * that finds the file locked for longer is tried again later.
 */
const BUSY_TIMEOUT_MS = 200

/** An open file with its tables in order. Every call blocks the thread. */
export interface Database {
  /** The prepared insert of a table, which is made or completed when it is met first. */
  insertInto(table: string): StatementSync
  exec(sql: string): void
  /** Ends a transaction without a trace, also of tables that were made or completed in it. */
  rollback(): void
  close(): void
}

export interface DatabaseOptions {
  readonly migrateAll: boolean
  readonly onStatement: (sql: string) => void
}

export function openDatabase(path: string, { migrateAll, onStatement }: DatabaseOptions): Database {
  mkdirSync(dirname(path), { recursive: true })
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  const inserts = new Map<string, StatementSync>()

  const exec = (sql: string): void => {
    onStatement(sql)
    db.exec(sql)
  }

  const columnsOf = (table: string): string[] =>
    db
      .prepare('SELECT name FROM pragma_table_info(?)')
      .all(table)
      .map(({ name }) => String(name))

  const ensureTable = (table: string): void => {
    exec(createTable(table))
    const present = new Set(columnsOf(table).map((name) => name.toLowerCase()))
    for (const { name, type } of COLUMNS) {
      if (!present.has(name.toLowerCase())) exec(`ALTER TABLE "${table}" ADD COLUMN "${name}" ${type}`)
    }
    for (const sql of createIndexes(table)) exec(sql)
  }

  const tableNames = (): string[] =>
    db
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ?")
      .all(`${TABLE}_[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]`)
      .map(({ name }) => String(name))

  try {
    // With a write-ahead log readers such as the explorer and this writer do not block each other. FULL waits for the
    // disk at each commit: only then may the records leave Redis.
    exec('PRAGMA journal_mode = WAL')
    exec('PRAGMA synchronous = FULL')
    if (migrateAll) tableNames().forEach(ensureTable)
  } catch (error) {
    db.close()
    throw error
  }

  return {
    exec,
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
      const sql = insertRow(table)
      onStatement(sql)
      const prepared = db.prepare(sql)
      inserts.set(table, prepared)
      return prepared
    },
    rollback() {
      inserts.clear()
      try {
        exec('ROLLBACK')
      } catch {
        // After some errors, a full disk for one, SQLite has rolled back by itself and nothing is open any more.
      }
    },
    close: () => db.close(),
  }
}

function createTable(table: string): string {
  return `CREATE TABLE IF NOT EXISTS "${table}" (${COLUMNS.map(({ name, type }) => `"${name}" ${type}`).join(', ')})`
}

/** The unique one allows rows without an id, which a table made by another program may hold. */
function createIndexes(table: string): string[] {
  const plain = INDEXED_COLUMNS.map(
    (column) => `CREATE INDEX IF NOT EXISTS "${table}_idx_${column}" ON "${table}" ("${column}")`,
  )
  return [...plain, `CREATE UNIQUE INDEX IF NOT EXISTS "${table}_idx_record_id" ON "${table}" ("record_id")`]
}

/**
 * A row whose id is there already is a repeated write and no news. Whatever else is violated, in a table that another
 * program made, is an error: ABORT also where that table's own clauses would ignore it, replace a row or end the
 * transaction.
 */
function insertRow(table: string): string {
  const names = COLUMNS.map(({ name }) => `"${name}"`).join(', ')
  const values = COLUMNS.map(() => '?').join(', ')
  return `INSERT OR ABORT INTO "${table}" (${names}) VALUES (${values}) ON CONFLICT ("record_id") DO NOTHING`
}
