/**
 * Every statement of the store. Each is answered from an index or by row number, which `sqlite-store.test.ts` checks with
 * EXPLAIN QUERY PLAN; the index `<table>_idx_explorer` holds all columns that are kept in memory, so that they are loaded
 * without touching the rows and their raw texts.
 */
import { type Field, findField } from '../../fields.ts'

export const TABLE = 'tyk_analytics'

/** Kept in memory from the start; other fields when a question needs them. */
export const CORE_FIELDS: readonly string[] = [
  'response_code',
  'request_time_ms',
  'latency_upstream_ms',
  'latency_gateway_ms',
  'http_method',
  'request_uri',
  'api_name',
  'api_id',
  'api_version',
  'api_key',
  'alias',
  'tags',
  'user_agent',
  'ip_address',
  'country',
]

/** Names come from `sqlite_master` or are ours; a quote in one is doubled. */
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * A number as a double: beyond 2^53 the driver would refuse to read the row.
 */
function value(field: Field): string {
  const column = quoted(field.column)
  return field.kind === 'number' || field.kind === 'boolean' ? `CAST(${column} AS REAL)` : column
}

function values(fields: readonly string[]): string {
  return fields.map((name) => `, ${value(findField(name) as Field)}`).join('')
}

export const statements = {
  tables: `SELECT name FROM sqlite_master WHERE type = 'table'
    AND (name = '${TABLE}' OR name GLOB '${TABLE}_[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]') ORDER BY name DESC`,
  columns: 'SELECT name FROM pragma_table_info(?)',

  count: (table: string) => `SELECT count(*) FROM ${quoted(table)}`,
  oldest: (table: string) => `SELECT min("timestamp") FROM ${quoted(table)}`,
  newest: (table: string) => `SELECT max("timestamp") FROM ${quoted(table)}`,
  lastRow: (table: string) => `SELECT max(rowid) FROM ${quoted(table)}`,

  timeOfRow: (table: string) => `SELECT "timestamp" FROM ${quoted(table)} WHERE rowid = ?`,

  /** Where a piece of so many rows begins that ends before a time: ends, not before, how many. */
  pieceStart: (table: string) =>
    `SELECT "timestamp" FROM ${quoted(table)} WHERE "timestamp" < ? AND "timestamp" >= ?
     ORDER BY "timestamp" DESC LIMIT 1 OFFSET ?`,
  /** From, to, last row. The plus keeps the row number from being taken for the better index. */
  piece: (table: string, fields: readonly string[]) =>
    `SELECT rowid, "timestamp"${values(fields)} FROM ${quoted(table)}
     WHERE "timestamp" >= ? AND "timestamp" < ? AND +rowid <= ?`,
  /** After which row, how many. */
  added: (table: string, fields: readonly string[]) =>
    `SELECT rowid, "timestamp"${values(fields)} FROM ${quoted(table)} WHERE rowid > ? ORDER BY rowid LIMIT ?`,
  /** Since when, last row. */
  column: (table: string, field: string) =>
    `SELECT rowid${values([field])} FROM ${quoted(table)} WHERE "timestamp" >= ? AND +rowid <= ?`,
  countSince: (table: string) => `SELECT count(*) FROM ${quoted(table)} WHERE "timestamp" >= ?`,
  /** Since when, how many at the most. */
  countUpTo: (table: string) => `SELECT count(*) FROM (SELECT 1 FROM ${quoted(table)} WHERE "timestamp" >= ? LIMIT ?)`,
  rowsSince: (table: string) => `SELECT rowid FROM ${quoted(table)} WHERE "timestamp" >= ?`,

  row: (table: string, fields: readonly string[]) =>
    `SELECT rowid${values(fields)} FROM ${quoted(table)} WHERE rowid = ?`,
  rowOfRecord: (table: string) => `SELECT rowid FROM ${quoted(table)} WHERE "record_id" = ?`,
} as const
