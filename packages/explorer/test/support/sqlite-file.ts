/** A file in the form that the pump's sink `sql` writes, made with SQL so that the test needs no pump. */
import type { AnalyticsRecord, Int64 } from '@tek/analytics-record'
import { DatabaseSync } from 'node:sqlite'
import type { StoredRecord } from './records.ts'

type Value = string | Int64 | null

/** The columns of the table, in its order, with the value of each. */
const COLUMNS: Readonly<Record<string, (record: AnalyticsRecord, id: string) => Value>> = {
  method: (r) => r.method,
  host: (r) => r.host,
  path: (r) => r.path,
  rawpath: (r) => r.rawPath,
  contentlength: (r) => r.contentLength,
  useragent: (r) => r.userAgent,
  day: (r) => r.day,
  month: (r) => r.month,
  year: (r) => r.year,
  hour: (r) => r.hour,
  responsecode: (r) => r.responseCode,
  apikey: (r) => r.apiKey,
  timestamp: (r) => timeText(r.timestamp.seconds * 1000 + Math.floor(r.timestamp.nanos / 1e6)),
  apiversion: (r) => r.apiVersion,
  api_name: (r) => r.apiName,
  apiid: (r) => r.apiId,
  orgid: (r) => r.orgId,
  oauthid: (r) => r.oauthId,
  requesttime: (r) => r.requestTime,
  rawrequest: (r) => r.rawRequest,
  rawresponse: (r) => r.rawResponse,
  ipaddress: (r) => r.ipAddress,
  geo_country_iso_code: (r) => r.geo.country.isoCode,
  geo_city_geoname_id: (r) => r.geo.city.geonameId,
  geo_city_names: (r) => JSON.stringify(r.geo.city.names ?? {}),
  geo_location_latitude: (r) => r.geo.location.latitude,
  geo_location_longitude: (r) => r.geo.location.longitude,
  geo_location_time_zone: (r) => r.geo.location.timeZone,
  network_open_connections: (r) => r.network.openConnections,
  network_closed_connections: (r) => r.network.closedConnections,
  network_bytes_in: (r) => r.network.bytesIn,
  network_bytes_out: (r) => r.network.bytesOut,
  latency_total: (r) => r.latency.total,
  latency_upstream: (r) => r.latency.upstream,
  latency_gateway: (r) => r.latency.gateway,
  tags: (r) => JSON.stringify(r.tags ?? []),
  alias: (r) => r.alias,
  trackpath: (r) => Number(r.trackPath),
  expireAt: (r) => timeText(r.expireAt.seconds * 1000),
  originalpath: (r) => r.originalPath,
  listenpath: (r) => r.listenPath,
  graphql_stats_variables: (r) => r.graphqlStats.variables,
  graphql_stats_root_fields: (r) => JSON.stringify(r.graphqlStats.rootFields ?? []),
  graphql_stats_types: (r) => JSON.stringify(r.graphqlStats.types ?? {}),
  graphql_stats_errors: (r) => JSON.stringify(r.graphqlStats.errors ?? []),
  graphql_stats_operation_type: (r) => r.graphqlStats.operationType,
  graphql_stats_has_errors: (r) => Number(r.graphqlStats.hasErrors),
  graphql_stats_is_graph_ql: (r) => Number(r.graphqlStats.isGraphql),
  mcp_stats_is_mcp: (r) => Number(r.mcpStats.isMcp),
  mcp_stats_jsonrpc_method: (r) => r.mcpStats.jsonrpcMethod,
  mcp_stats_primitive_type: (r) => r.mcpStats.primitiveType,
  mcp_stats_primitive_name: (r) => r.mcpStats.primitiveName,
  record_id: (_r, id) => id,
}

const REALS = new Set(['geo_location_latitude', 'geo_location_longitude'])
const INTEGERS =
  /^(contentlength|day|month|year|hour|responsecode|requesttime|geo_city_geoname_id|network_.*|latency_.*|trackpath|graphql_stats_(operation_type|has_errors|is_graph_ql)|mcp_stats_is_mcp)$/
/** What the sink indexes for the explorer with `explorer_index`. */
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
]
const INDEXED = ['responsecode', 'apikey', 'timestamp', 'apiid', 'orgid', 'oauthid']

export const COLUMN_NAMES: readonly string[] = Object.keys(COLUMNS)

/** The values of one row by column, as the sink writes them. */
export function rowOf({ record, id }: StoredRecord): Readonly<Record<string, Value>> {
  return Object.fromEntries(COLUMN_NAMES.map((name) => [name, COLUMNS[name]?.(record, id) ?? null]))
}

export interface SqliteFileOptions {
  /** With the index that the sink makes for the explorer; default true. */
  readonly explorerIndex?: boolean
  /** One table per UTC day. */
  readonly sharded?: boolean
  /** Columns to leave out, as an older table would. */
  readonly without?: readonly string[]
  readonly journal?: 'WAL' | 'OFF'
}

/** Adds records to the file, which it makes when it is not there. */
export function writeSqliteFile(path: string, records: Iterable<StoredRecord>, options: SqliteFileOptions = {}): void {
  const { sharded = false, without = [], journal = 'WAL', explorerIndex = true } = options
  const names = COLUMN_NAMES.filter((name) => !without.includes(name))
  const db = new DatabaseSync(path)
  const inserts = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  const insertInto = (table: string) => {
    const known = inserts.get(table)
    if (known) return known
    createTable(db, table, names, explorerIndex)
    const insert = db.prepare(
      `INSERT INTO "${table}" (${names.map((name) => `"${name}"`).join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    )
    inserts.set(table, insert)
    return insert
  }
  try {
    db.exec(`PRAGMA journal_mode = ${journal}; PRAGMA synchronous = OFF; BEGIN`)
    if (!sharded) insertInto('tyk_analytics')
    for (const { record, id } of records) {
      const day = timeText(record.timestamp.seconds * 1000)
        .slice(0, 10)
        .replaceAll('-', '')
      const insert = insertInto(sharded ? `tyk_analytics_${day}` : 'tyk_analytics')
      insert.run(...names.map((name) => COLUMNS[name]?.(record, id) ?? null))
    }
    db.exec('COMMIT')
  } finally {
    db.close()
  }
}

function createTable(db: DatabaseSync, table: string, names: readonly string[], explorerIndex: boolean): void {
  const typeOf = (name: string): string => (REALS.has(name) ? 'REAL' : INTEGERS.test(name) ? 'INTEGER' : 'TEXT')
  db.exec(`CREATE TABLE IF NOT EXISTS "${table}" (${names.map((name) => `"${name}" ${typeOf(name)}`).join(', ')})`)
  for (const column of INDEXED.filter((name) => names.includes(name))) {
    db.exec(`CREATE INDEX IF NOT EXISTS "${table}_idx_${column}" ON "${table}" ("${column}")`)
  }
  if (explorerIndex && EXPLORER_COLUMNS.every((name) => names.includes(name))) {
    const columns = EXPLORER_COLUMNS.map((name) => `"${name}"`).join(', ')
    db.exec(`CREATE INDEX IF NOT EXISTS "${table}_idx_explorer" ON "${table}" (${columns})`)
  }
  if (names.includes('record_id')) {
    db.exec(`CREATE UNIQUE INDEX IF NOT EXISTS "${table}_idx_record_id" ON "${table}" ("record_id")`)
  }
}

/** `YYYY-MM-DD HH:MM:SS.SSS` in UTC. */
function timeText(ms: number): string {
  const iso = new Date(ms).toISOString()
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}`
}
