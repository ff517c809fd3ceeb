import type { AnalyticsRecord, Instant, Int64 } from '@tek/analytics-record'
import type { PumpRecord } from '../types.ts'

type SqlValue = string | Int64 | null

export interface Column {
  readonly name: string
  readonly type: 'TEXT' | 'INTEGER' | 'REAL'
  readonly value: (record: AnalyticsRecord, id: string) => SqlValue
}

const text = (name: string, value: Column['value']): Column => ({ name, type: 'TEXT', value })
const integer = (name: string, value: Column['value']): Column => ({ name, type: 'INTEGER', value })
const real = (name: string, value: Column['value']): Column => ({ name, type: 'REAL', value })

/** Names and order of Tyk's SQL table; `record_id` at the end is ours and makes a repeated write harmless. */
export const COLUMNS: readonly Column[] = [
  text('method', (r) => r.method),
  text('host', (r) => r.host),
  text('path', (r) => r.path),
  text('rawpath', (r) => r.rawPath),
  integer('contentlength', (r) => r.contentLength),
  text('useragent', (r) => r.userAgent),
  integer('day', (r) => r.day),
  integer('month', (r) => r.month),
  integer('year', (r) => r.year),
  integer('hour', (r) => r.hour),
  integer('responsecode', (r) => r.responseCode),
  text('apikey', (r) => r.apiKey),
  text('timestamp', (r) => sqlTime(r.timestamp)),
  text('apiversion', (r) => r.apiVersion),
  text('api_name', (r) => r.apiName),
  text('apiid', (r) => r.apiId),
  text('orgid', (r) => r.orgId),
  text('oauthid', (r) => r.oauthId),
  integer('requesttime', (r) => r.requestTime),
  text('rawrequest', (r) => r.rawRequest),
  text('rawresponse', (r) => r.rawResponse),
  text('ipaddress', (r) => r.ipAddress),
  text('geo_country_iso_code', (r) => r.geo.country.isoCode),
  integer('geo_city_geoname_id', (r) => r.geo.city.geonameId),
  text('geo_city_names', (r) => JSON.stringify(r.geo.city.names ?? {})),
  real('geo_location_latitude', (r) => r.geo.location.latitude),
  real('geo_location_longitude', (r) => r.geo.location.longitude),
  text('geo_location_time_zone', (r) => r.geo.location.timeZone),
  integer('network_open_connections', (r) => r.network.openConnections),
  integer('network_closed_connections', (r) => r.network.closedConnections),
  integer('network_bytes_in', (r) => r.network.bytesIn),
  integer('network_bytes_out', (r) => r.network.bytesOut),
  integer('latency_total', (r) => r.latency.total),
  integer('latency_upstream', (r) => r.latency.upstream),
  integer('latency_gateway', (r) => r.latency.gateway),
  text('tags', (r) => JSON.stringify(r.tags ?? [])),
  text('alias', (r) => r.alias),
  integer('trackpath', (r) => Number(r.trackPath)),
  text('expireAt', (r) => sqlTime(r.expireAt)),
  text('originalpath', (r) => r.originalPath),
  text('listenpath', (r) => r.listenPath),
  text('graphql_stats_variables', (r) => r.graphqlStats.variables),
  text('graphql_stats_root_fields', (r) => JSON.stringify(r.graphqlStats.rootFields ?? [])),
  text('graphql_stats_types', (r) => JSON.stringify(r.graphqlStats.types ?? {})),
  text('graphql_stats_errors', (r) => JSON.stringify(r.graphqlStats.errors ?? [])),
  integer('graphql_stats_operation_type', (r) => r.graphqlStats.operationType),
  integer('graphql_stats_has_errors', (r) => Number(r.graphqlStats.hasErrors)),
  integer('graphql_stats_is_graph_ql', (r) => Number(r.graphqlStats.isGraphql)),
  integer('mcp_stats_is_mcp', (r) => Number(r.mcpStats.isMcp)),
  text('mcp_stats_jsonrpc_method', (r) => r.mcpStats.jsonrpcMethod),
  text('mcp_stats_primitive_type', (r) => r.mcpStats.primitiveType),
  text('mcp_stats_primitive_name', (r) => r.mcpStats.primitiveName),
  text('record_id', (_r, id) => id),
]

/** Columns that Tyk indexes, one index each. */
export const INDEXED_COLUMNS = ['responsecode', 'apikey', 'timestamp', 'apiid', 'orgid', 'oauthid'] as const

export function rowOf({ record, id }: PumpRecord): SqlValue[] {
  return COLUMNS.map(({ value }) => value(record, id))
}

export const TABLE = 'tyk_analytics'

/** `tyk_analytics`, or `tyk_analytics_20260304` by the record's UTC day. */
export function tableOf({ record }: PumpRecord, sharded: boolean): string {
  return sharded ? `${TABLE}_${sqlTime(record.timestamp).slice(0, 10).replaceAll('-', '')}` : TABLE
}

/**
 * `YYYY-MM-DD HH:MM:SS.SSS` in UTC: SQLite's date functions read it, and as text it sorts by time. What is finer than a
 * millisecond is cut, as those functions would.
 */
export function sqlTime({ seconds, nanos }: Instant): string {
  const iso = new Date(seconds * 1000 + Math.floor(nanos / 1e6)).toISOString()
  // A year beyond four digits has a sign and would sort wrongly.
  if (iso.length !== 24) throw new RangeError(`the year of ${iso} has more than four digits`)
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}`
}
