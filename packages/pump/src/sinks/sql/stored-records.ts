import type { StatementSync } from 'node:sqlite'
import type { Database } from './database.ts'
import { TABLE } from './encode.ts'
import { DAY_TABLES } from './tables.ts'

/** A place in the order of time of a table: behind the row with this time and number. */
export interface Place {
  readonly timestamp: string
  readonly rowid: bigint
}

export const BEGINNING: Place = { timestamp: '', rowid: -1n }

export interface StoredRow extends Place {
  /** Null in a row that another program wrote. */
  readonly recordId: string | null
}

export interface FileUse {
  readonly pageBytes: number
  readonly pages: number
  /** Pages of the file that nothing lies in. */
  readonly freePages: number
  /** Whether the file can give free pages back to the disk. */
  readonly shrinks: boolean
}

/** Sorts behind every time of a record. */
const END_OF_TIME = '~'

/** What retention asks of an open file. Every call blocks the thread, for as long as a few rows take. */
export class StoredRecords {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Tables of records that this sink has completed, which have the indexes that are needed here, in the order of their names. */
  tables(): string[] {
    return this.#database
      .prepare(
        `SELECT tbl_name FROM sqlite_master WHERE type = 'index' AND (tbl_name = ? OR tbl_name GLOB ?) AND name IN (tbl_name || '_idx_timestamp', tbl_name || '_idx_record_id') GROUP BY tbl_name HAVING count(*) = 2 ORDER BY tbl_name`,
      )
      .all(TABLE, DAY_TABLES)
      .map((row) => String(row['tbl_name']))
  }

  /** A reader of rows in the order of time. `before` is a time as it stands in the table; null: all that are left. */
  rows(table: string): (behind: Place, before: string | null, limit: number) => StoredRow[] {
    const statement = this.#database.prepare(
      `SELECT rowid AS number, timestamp, record_id FROM "${table}" WHERE timestamp >= :time AND (timestamp > :time OR rowid > :number) AND timestamp < :before ORDER BY timestamp, rowid LIMIT :limit`,
    )
    // Another program's row may have a number beyond 2^53.
    statement.setReadBigInts(true)
    return ({ timestamp, rowid }, before, limit) =>
      statement.all({ time: timestamp, number: rowid, before: before ?? END_OF_TIME, limit }).map((row) => ({
        timestamp: String(row['timestamp']),
        rowid: row['number'] as bigint,
        recordId: row['record_id'] === null ? null : String(row['record_id']),
      }))
  }

  deletion(table: string): StatementSync {
    return this.#database.prepare(`DELETE FROM "${table}" WHERE "record_id" = ?`)
  }

  isEmpty(table: string): boolean {
    return this.#database.prepare(`SELECT 1 FROM "${table}" LIMIT 1`).get() === undefined
  }

  /** How many rows of this sink a table has, `most` when there are more. */
  count(table: string, most: number): number {
    const sql = `SELECT count(*) AS n FROM (SELECT 1 FROM "${table}" WHERE "record_id" >= '' LIMIT ?)`
    return Number(this.#database.prepare(sql).get(most)?.['n'])
  }

  /** The newest time in a table, whoever wrote it, in milliseconds since 1970, to the second; null: there is none. */
  newestTime(table: string): number | null {
    const sql = `SELECT unixepoch(timestamp) AS s FROM "${table}" WHERE s IS NOT NULL ORDER BY timestamp DESC LIMIT 1`
    const newest = this.#database.prepare(sql).get()
    return newest === undefined ? null : Number(newest['s']) * 1000
  }

  drop(table: string): void {
    this.#database.exec(`DROP TABLE "${table}"`)
  }

  /** All of the work is on disk when this returns, or nothing is when it throws. */
  transaction<T>(work: () => T): T {
    return this.#database.transaction(work)
  }

  use(): FileUse {
    const pragma = (name: string): number =>
      Number(Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0])
    return {
      pageBytes: pragma('page_size'),
      pages: pragma('page_count'),
      freePages: pragma('freelist_count'),
      shrinks: pragma('auto_vacuum') === INCREMENTAL,
    }
  }

  /** Gives free pages at the end of the file back to the disk, after moving what lies behind others of them. */
  giveBack(pages: number): void {
    this.#database.exec(`PRAGMA incremental_vacuum(${pages})`)
  }

  /** Bytes of the write-ahead log that cannot be reused because another program is still reading. */
  heldLogBytes(): number {
    const bytes = this.#database.logBytes()
    if (bytes < LONG_LOG_BYTES) return 0
    // What nobody reads is copied into the file by this; the log's file is cut at the next write.
    const state = this.#database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()
    return state?.['log'] === state?.['checkpointed'] ? 0 : bytes
  }
}

/** Far above what it has when readers come and go. */
const LONG_LOG_BYTES = 64 * 1024 * 1024

/** Of `PRAGMA auto_vacuum`. */
const INCREMENTAL = 2
