import { type BigIntStats, statSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { FIELDS } from '../../fields.ts'
import { statements } from './sql.ts'

/** How long a statement waits while the file is locked, which a write-ahead log makes rare. */
const BUSY_TIMEOUT_MS = 500

export type Row = readonly unknown[]

/** A file that is open for reading. It never writes, and is closed and opened anew when another file takes its place. */
export class Database {
  readonly #db: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()
  readonly #identity: string
  readonly #path: string

  /** @throws when the file is no database or may not be read. */
  constructor(path: string) {
    this.#path = path
    this.#identity = identityOf(path)
    this.#db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
    try {
      // The first statement is what finds out whether this is a database at all.
      this.#db.exec('PRAGMA query_only = ON')
      this.schemaVersion()
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  /** Whether the path still leads to this file. */
  isCurrent(): boolean {
    return identityOf(this.#path) === this.#identity
  }

  /** Changes with every commit of another connection. */
  dataVersion(): number {
    return Number(this.value('PRAGMA data_version'))
  }

  /** Changes when a table, column or index comes or goes, and when VACUUM may have given rows new numbers. */
  schemaVersion(): number {
    return Number(this.value('PRAGMA schema_version'))
  }

  tables(): string[] {
    return this.all(statements.tables).map(([name]) => String(name))
  }

  /** Names of the fields that a table has a column for. */
  fieldsOf(table: string): ReadonlySet<string> {
    const columns = new Set(this.all(statements.columns, table).map(([name]) => String(name).toLowerCase()))
    return new Set(FIELDS.filter(({ column }) => columns.has(column)).map(({ name }) => name))
  }

  all(sql: string, ...parameters: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...parameters) as unknown as Row[]
  }

  rows(sql: string, ...parameters: SQLInputValue[]): Iterable<Row> {
    return this.#prepare(sql).iterate(...parameters) as unknown as Iterable<Row>
  }

  /** The first column of the first row; undefined without one. */
  value(sql: string, ...parameters: SQLInputValue[]): unknown {
    return (this.#prepare(sql).get(...parameters) as unknown as Row | undefined)?.[0]
  }

  close(): void {
    this.#db.close()
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    statement.setReturnArrays(true)
    this.#prepared.set(sql, statement)
    return statement
  }
}

function identityOf(path: string): string {
  const { dev, ino }: BigIntStats = statSync(path, { bigint: true })
  return `${dev}:${ino}`
}
