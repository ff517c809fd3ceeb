import { COLUMNS, INDEXED_COLUMNS, TABLE } from './encode.ts'

/** An index by its name, and the statement that builds it. */
export interface Index {
  readonly name: string
  readonly sql: string
}

/** For SQLite's GLOB: the tables of single days. */
export const DAY_TABLES = `${TABLE}_[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]`

/** `2026-03-04` for `tyk_analytics_20260304`, null for the table of all days. */
export function dayOf(table: string): string | null {
  const [, year, month, day] = /_(\d{4})(\d\d)(\d\d)$/.exec(table) ?? []
  return day === undefined ? null : `${year}-${month}-${day}`
}

export function createTable(table: string): string {
  return `CREATE TABLE IF NOT EXISTS "${table}" (${COLUMNS.map(({ name, type }) => `"${name}" ${type}`).join(', ')})`
}

/** Made by this sink for every table: Tyk's, and the unique one of `record_id`. */
export function indexesOf(table: string, forExplorer: boolean): Index[] {
  const plain = INDEXED_COLUMNS.map((column) => index(table, column, [column]))
  const explorer = forExplorer ? [index(table, 'explorer', EXPLORER_COLUMNS)] : []
  // It allows rows without an id, which a table made by another program may hold.
  return [...plain, ...explorer, index(table, 'record_id', ['record_id'], 'UNIQUE ')]
}

function index(table: string, suffix: string, columns: readonly string[], kind = ''): Index {
  const name = `${table}_idx_${suffix}`
  const list = columns.map((column) => `"${column}"`).join(', ')
  return { name, sql: `CREATE ${kind}INDEX IF NOT EXISTS "${name}" ON "${table}" (${list})` }
}

/**
 * What the explorer page loads to count and group, in the order of time: without it every whole row is read, most of which
 * is request and answer.
 */
const EXPLORER_COLUMNS = [
  'timestamp',
  'responsecode',
  'requesttime',
  'latency_upstream',
  'latency_gateway',
  'method',
  'path',
  'api_name',
  'apiid',
  'apiversion',
  'apikey',
  'alias',
  'tags',
  'useragent',
  'ipaddress',
  'geo_country_iso_code',
] as const

/**
 * A row whose id is there already is a repeated write and no news. Whatever else is violated, in a table that another
 * program made, is an error: ABORT also where that table's own clauses would ignore it, replace a row or end the
 * transaction.
 */
export function insertRow(table: string): string {
  const names = COLUMNS.map(({ name }) => `"${name}"`).join(', ')
  const values = COLUMNS.map(() => '?').join(', ')
  return `INSERT OR ABORT INTO "${table}" (${names}) VALUES (${values}) ON CONFLICT ("record_id") DO NOTHING`
}
