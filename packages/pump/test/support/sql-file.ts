import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { AnalyticsRecord } from '@tek/analytics-record'
import type { PumpRecord } from '../../src/sinks/types.ts'
import { keylessRecord, pumpRecord } from './sink-records.ts'

export interface SqlFile extends AsyncDisposable {
  readonly path: string
  query(sql: string): Record<string, unknown>[]
  /** Runs statements as another program would. */
  exec(sql: string): void
  tables(): string[]
  /** What SQLite finds wrong with the file; `['ok']` when nothing is. */
  check(): string[]
}

/** A folder for one database file, which goes away with it. */
export async function sqlFile(): Promise<SqlFile> {
  const root = await mkdtemp(join(tmpdir(), 'tek-sql-'))
  const path = join(root, 'data', 'tek.db')
  const withFile = <T>(work: (db: DatabaseSync) => T): T => {
    const db = new DatabaseSync(path, { timeout: 5000 })
    try {
      return work(db)
    } finally {
      db.close()
    }
  }
  const query = (sql: string): Record<string, unknown>[] => withFile((db) => db.prepare(sql).all())
  return {
    path,
    query,
    exec: (sql) => withFile((db) => db.exec(sql)),
    tables: () =>
      query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").map(({ name }) => String(name)),
    check: () => query('PRAGMA integrity_check').map((row) => String(Object.values(row)[0])),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  }
}

/** A record of a time, whose id is made of it and of `name`. */
export function recordAt(ms: number, name = '', changes: Partial<AnalyticsRecord> = {}): PumpRecord {
  const timestamp = { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 }
  return pumpRecord(keylessRecord({ timestamp, ...changes }), `${ms}-${name}`)
}

/** One record every `everyMs`, the first at `fromMs`. */
export function recordsFrom(
  fromMs: number,
  everyMs: number,
  count: number,
  changes: Partial<AnalyticsRecord> = {},
): PumpRecord[] {
  return Array.from({ length: count }, (_, i) => recordAt(fromMs + i * everyMs, `${i}`, changes))
}
