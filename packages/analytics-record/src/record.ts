/**
 * The analytics record: one per request, written by a gateway, read by a pump.
 *
 * Names in TypeScript are camelCase; the names on the wire (msgpack keys are Go field names, JSON and protobuf have
 * their own) stand in the field table below, which drives every codec and the generated documentation.
 */

/** A 64-bit integer. A number where it is exact, a bigint beyond 2^53 so that nothing is rounded. */
export type Int64 = number | bigint

/** An instant with nanoseconds, as it travels: whole seconds since 1970 (may be negative) and nanoseconds 0–999999999. */
export interface Instant {
  readonly seconds: number
  readonly nanos: number
}

/** What Go shows for "no time": 0001-01-01T00:00:00Z. */
export const ZERO_INSTANT: Instant = Object.freeze({ seconds: -62_135_596_800, nanos: 0 })

export interface Geo {
  country: { isoCode: string }
  /** `names` maps a language to the city's name in it; null when no look-up was made. */
  city: { geonameId: number; names: Record<string, string> | null }
  location: { latitude: number; longitude: number; timeZone: string }
}

/** Connection statistics of TCP APIs; zeros for HTTP. */
export interface NetworkStats {
  openConnections: Int64
  closedConnections: Int64
  bytesIn: Int64
  bytesOut: Int64
}

/** Whole milliseconds. `gateway` is `total` minus `upstream`. */
export interface Latency {
  total: Int64
  upstream: Int64
  gateway: Int64
}

export interface GraphqlError {
  message: string
  path: readonly unknown[] | null
}

export interface GraphqlStats {
  variables: string
  rootFields: string[] | null
  types: Record<string, string[]> | null
  errors: GraphqlError[] | null
  /** 0 unknown, 1 query, 2 mutation, 3 subscription. */
  operationType: number
  hasErrors: boolean
  isGraphql: boolean
}

export interface McpStats {
  isMcp: boolean
  jsonrpcMethod: string
  primitiveType: string
  primitiveName: string
}

export interface AnalyticsRecord {
  method: string
  /** Upstream host with port, never the client's Host header. */
  host: string
  /** Upstream path, normalised or the tracked pattern; without query string. */
  path: string
  rawPath: string
  /** Request body length in bytes; -1 when unknown (chunked upload). */
  contentLength: Int64
  userAgent: string
  /** Day of the month, month (1–12), year and hour in the gateway's local time zone. */
  day: number
  month: number
  year: number
  hour: number
  responseCode: number
  apiKey: string
  timestamp: Instant
  apiVersion: string
  apiName: string
  apiId: string
  orgId: string
  oauthId: string
  /** Milliseconds; equals `latency.total`. */
  requestTime: Int64
  /** Base64 of the HTTP message, or empty. */
  rawRequest: string
  rawResponse: string
  ipAddress: string
  geo: Geo
  network: NetworkStats
  latency: Latency
  /** null and [] are different values on the wire and in JSON. */
  tags: string[] | null
  alias: string
  trackPath: boolean
  expireAt: Instant
  apiSchema: string
  /** The client's path before any change. */
  originalPath: string
  listenPath: string
  graphqlStats: GraphqlStats
  mcpStats: McpStats
  /** Internal to Tyk's pump; always empty. */
  collectionName: string
}

export type FieldKind =
  'string' | 'int' | 'int64' | 'boolean' | 'instant' | 'strings' | 'geo' | 'network' | 'latency' | 'graphql' | 'mcp'

export interface FieldRow {
  readonly name: keyof AnalyticsRecord
  /** msgpack key: the Go field name. */
  readonly wire: string
  /** Name in the printed JSON and in `ignore_fields`; null when it never appears there. */
  readonly json: string | null
  /** protobuf field number in message AnalyticsRecord; null when it has none. */
  readonly protobuf: number | null
  readonly kind: FieldKind
}

const row = (
  name: keyof AnalyticsRecord,
  wire: string,
  json: string | null,
  protobuf: number | null,
  kind: FieldKind,
): FieldRow => Object.freeze({ name, wire, json, protobuf, kind })

/** Every field in the order a current gateway writes it. */
export const RECORD_FIELDS: readonly FieldRow[] = Object.freeze([
  row('method', 'Method', 'method', 2, 'string'),
  row('host', 'Host', 'host', 1, 'string'),
  row('path', 'Path', 'path', 3, 'string'),
  row('rawPath', 'RawPath', 'raw_path', 4, 'string'),
  row('contentLength', 'ContentLength', 'content_length', 5, 'int64'),
  row('userAgent', 'UserAgent', 'user_agent', 6, 'string'),
  row('day', 'Day', 'day', 7, 'int'),
  row('month', 'Month', 'month', 8, 'int'),
  row('year', 'Year', 'year', 9, 'int'),
  row('hour', 'Hour', 'hour', 10, 'int'),
  row('responseCode', 'ResponseCode', 'response_code', 11, 'int'),
  row('apiKey', 'APIKey', 'api_key', 12, 'string'),
  row('timestamp', 'TimeStamp', 'timestamp', 13, 'instant'),
  row('apiVersion', 'APIVersion', 'api_version', 14, 'string'),
  row('apiName', 'APIName', 'api_name', 15, 'string'),
  row('apiId', 'APIID', 'api_id', 16, 'string'),
  row('orgId', 'OrgID', 'org_id', 17, 'string'),
  row('oauthId', 'OauthID', 'oauth_id', 29, 'string'),
  row('requestTime', 'RequestTime', 'request_time', 18, 'int64'),
  row('rawRequest', 'RawRequest', 'raw_request', 20, 'string'),
  row('rawResponse', 'RawResponse', 'raw_response', 21, 'string'),
  row('ipAddress', 'IPAddress', 'ip_address', 22, 'string'),
  row('geo', 'Geo', 'geo', 23, 'geo'),
  row('network', 'Network', 'network', 24, 'network'),
  row('latency', 'Latency', 'latency', 19, 'latency'),
  row('tags', 'Tags', 'tags', 25, 'strings'),
  row('alias', 'Alias', 'alias', 26, 'string'),
  row('trackPath', 'TrackPath', 'track_path', 27, 'boolean'),
  row('expireAt', 'ExpireAt', 'expireAt', 28, 'instant'),
  row('apiSchema', 'ApiSchema', 'api_schema', 31, 'string'),
  row('originalPath', 'OriginalPath', 'original_path', 34, 'string'),
  row('listenPath', 'ListenPath', 'listen_path', 35, 'string'),
  row('graphqlStats', 'GraphQLStats', 'graphql_stats', 32, 'graphql'),
  row('mcpStats', 'MCPStats', 'mcp_stats', 33, 'mcp'),
  row('collectionName', 'CollectionName', null, null, 'string'),
])

export function emptyGeo(): Geo {
  return {
    country: { isoCode: '' },
    city: { geonameId: 0, names: null },
    location: { latitude: 0, longitude: 0, timeZone: '' },
  }
}

/** A record whose every field has Go's zero value, always with the same object shape. */
export function emptyRecord(): AnalyticsRecord {
  return {
    method: '',
    host: '',
    path: '',
    rawPath: '',
    contentLength: 0,
    userAgent: '',
    day: 0,
    month: 0,
    year: 0,
    hour: 0,
    responseCode: 0,
    apiKey: '',
    timestamp: ZERO_INSTANT,
    apiVersion: '',
    apiName: '',
    apiId: '',
    orgId: '',
    oauthId: '',
    requestTime: 0,
    rawRequest: '',
    rawResponse: '',
    ipAddress: '',
    geo: emptyGeo(),
    network: { openConnections: 0, closedConnections: 0, bytesIn: 0, bytesOut: 0 },
    latency: { total: 0, upstream: 0, gateway: 0 },
    tags: null,
    alias: '',
    trackPath: false,
    expireAt: ZERO_INSTANT,
    apiSchema: '',
    originalPath: '',
    listenPath: '',
    graphqlStats: {
      variables: '',
      rootFields: null,
      types: null,
      errors: null,
      operationType: 0,
      hasErrors: false,
      isGraphql: false,
    },
    mcpStats: { isMcp: false, jsonrpcMethod: '', primitiveType: '', primitiveName: '' },
    collectionName: '',
  }
}
