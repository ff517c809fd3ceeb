/**
 * The fields of a request, by the names of Tyk's Elasticsearch document. The query line, the columns of the page, both
 * stores and the documentation take them from here. Free of Node's modules: the page uses it too.
 */

export type FieldKind =
  /** One text that is compared whole. */
  | 'keyword'
  /** A raw HTTP message: searched in, never compared whole nor sorted by. */
  | 'text'
  | 'number'
  /** Milliseconds since 1970. */
  | 'date'
  /** Several keywords. */
  | 'list'
  | 'boolean'

export interface Field {
  readonly name: string
  readonly kind: FieldKind
  readonly doc: string
  /** Column of the table that the pump's sink `sql` writes. */
  readonly column: string
  /** Field of Tyk's flat Elasticsearch document; null where the pump leaves it out. */
  readonly elasticsearch: string | null
  /** Field of the document that the pump writes with `data_stream`; null where it leaves it out. */
  readonly dataStream: string | null
  /** Other words that people try, for "did you mean". */
  readonly also: readonly string[]
}

type Names = Pick<Field, 'column' | 'elasticsearch' | 'dataStream'> & { readonly also?: readonly string[] }

const field = (name: string, kind: FieldKind, { also = [], ...names }: Names, doc: string): Field =>
  Object.freeze({ name, kind, doc, ...names, also })

/** In the order in which an opened request shows them. */
export const FIELDS: readonly Field[] = Object.freeze([
  field(
    '@timestamp',
    'date',
    { column: 'timestamp', elasticsearch: '@timestamp', dataStream: '@timestamp', also: ['time', 'date', 'timestamp'] },
    'When the answer had been sent',
  ),
  field(
    'http_method',
    'keyword',
    { column: 'method', elasticsearch: 'http_method', dataStream: 'http.request.method', also: ['method', 'verb'] },
    'Method of the request',
  ),
  field(
    'request_uri',
    'keyword',
    { column: 'path', elasticsearch: 'request_uri', dataStream: 'url.path', also: ['path', 'uri', 'url'] },
    'Path at the upstream, without query string; the pattern where the endpoint is tracked',
  ),
  field(
    'request_uri_full',
    'keyword',
    { column: 'rawpath', elasticsearch: 'request_uri_full', dataStream: 'tyk.raw_path', also: ['rawpath', 'raw_path'] },
    'Path at the upstream as it was, without query string',
  ),
  field(
    'response_code',
    'number',
    {
      column: 'responsecode',
      elasticsearch: 'response_code',
      dataStream: 'http.response.status_code',
      also: ['status', 'code', 'status_code'],
    },
    'Status of the answer',
  ),
  field(
    'request_time_ms',
    'number',
    {
      column: 'requesttime',
      elasticsearch: 'request_time_ms',
      dataStream: 'tyk.latency.total_ms',
      also: ['latency', 'duration', 'request_time'],
    },
    'Milliseconds from the request to the end of the answer',
  ),
  field(
    'latency_gateway_ms',
    'number',
    { column: 'latency_gateway', elasticsearch: null, dataStream: 'tyk.latency.gateway_ms' },
    'Milliseconds of it in the gateway, with the copying of the body',
  ),
  field(
    'latency_upstream_ms',
    'number',
    { column: 'latency_upstream', elasticsearch: null, dataStream: 'tyk.latency.upstream_ms' },
    'Milliseconds of it until the upstream had answered with its headers',
  ),
  field(
    'latency_total_ms',
    'number',
    { column: 'latency_total', elasticsearch: null, dataStream: 'tyk.latency.total_ms' },
    'The same as request_time_ms',
  ),
  field(
    'api_name',
    'keyword',
    { column: 'api_name', elasticsearch: 'api_name', dataStream: 'tyk.api.name', also: ['api'] },
    'Name of the API',
  ),
  field(
    'api_id',
    'keyword',
    { column: 'apiid', elasticsearch: 'api_id', dataStream: 'tyk.api.id', also: ['apiid'] },
    'Id of the API',
  ),
  field(
    'api_version',
    'keyword',
    { column: 'apiversion', elasticsearch: 'api_version', dataStream: 'tyk.api.version', also: ['version'] },
    'Version of the API',
  ),
  field(
    'alias',
    'keyword',
    { column: 'alias', elasticsearch: 'alias', dataStream: 'tyk.alias', also: ['consumer', 'user'] },
    'Alias of the key: who called',
  ),
  field(
    'api_key',
    'keyword',
    { column: 'apikey', elasticsearch: 'api_key', dataStream: 'tyk.api_key', also: ['key', 'apikey', 'token'] },
    'The key, hashed or obfuscated as the gateway is set up',
  ),
  field(
    'tags',
    'list',
    { column: 'tags', elasticsearch: 'tags', dataStream: 'tags', also: ['tag'] },
    'Tags of key, policy and API',
  ),
  field(
    'oauth_id',
    'keyword',
    { column: 'oauthid', elasticsearch: 'oauth_id', dataStream: 'tyk.oauth_id' },
    'Id of the OAuth client',
  ),
  field(
    'org_id',
    'keyword',
    { column: 'orgid', elasticsearch: 'org_id', dataStream: 'tyk.org_id', also: ['org'] },
    'Id of the organisation',
  ),
  field(
    'ip_address',
    'keyword',
    { column: 'ipaddress', elasticsearch: 'ip_address', dataStream: 'client.ip', also: ['ip', 'client_ip'] },
    'Address of the client',
  ),
  field(
    'country',
    'keyword',
    {
      column: 'geo_country_iso_code',
      elasticsearch: null,
      dataStream: 'client.geo.country_iso_code',
      also: ['geo', 'country_code'],
    },
    'Country of the client, ISO 3166-1 alpha-2, where the gateway looks it up',
  ),
  field(
    'city',
    'keyword',
    { column: 'geo_city_names', elasticsearch: null, dataStream: 'client.geo.city_name' },
    'City of the client in English, where the gateway looks it up',
  ),
  field(
    'user_agent',
    'keyword',
    {
      column: 'useragent',
      elasticsearch: 'user_agent',
      dataStream: 'user_agent.original',
      also: ['useragent', 'agent', 'browser'],
    },
    'User-Agent of the request',
  ),
  field(
    'content_length',
    'number',
    {
      column: 'contentlength',
      elasticsearch: 'content_length',
      dataStream: 'http.request.body.bytes',
      also: ['size', 'length', 'bytes'],
    },
    'Bytes of the request body; -1 when unknown',
  ),
  field('host', 'keyword', { column: 'host', elasticsearch: null, dataStream: null }, 'Host and port of the upstream'),
  field(
    'original_path',
    'keyword',
    { column: 'originalpath', elasticsearch: null, dataStream: 'url.original' },
    "The client's path before any change",
  ),
  field(
    'listen_path',
    'keyword',
    { column: 'listenpath', elasticsearch: null, dataStream: 'tyk.listen_path' },
    'Listen path of the API',
  ),
  field(
    'track_path',
    'boolean',
    { column: 'trackpath', elasticsearch: null, dataStream: null },
    'Whether the endpoint is tracked, true or false',
  ),
  field(
    'mcp_method',
    'keyword',
    { column: 'mcp_stats_jsonrpc_method', elasticsearch: 'mcp_method', dataStream: 'tyk.mcp.method' },
    'JSON-RPC method of an MCP call',
  ),
  field(
    'mcp_primitive_type',
    'keyword',
    { column: 'mcp_stats_primitive_type', elasticsearch: 'mcp_primitive_type', dataStream: 'tyk.mcp.primitive_type' },
    'Kind of what an MCP call used: tool, resource or prompt',
  ),
  field(
    'mcp_primitive_name',
    'keyword',
    { column: 'mcp_stats_primitive_name', elasticsearch: 'mcp_primitive_name', dataStream: 'tyk.mcp.primitive_name' },
    'Name of what an MCP call used',
  ),
  field(
    'record_id',
    'keyword',
    { column: 'record_id', elasticsearch: null, dataStream: null, also: ['id', '_id'] },
    'Id that the pump gave the record',
  ),
  field(
    'raw_request',
    'text',
    { column: 'rawrequest', elasticsearch: 'raw_request', dataStream: 'tyk.raw_request', also: ['request'] },
    'The whole request, where detailed recording is on',
  ),
  field(
    'raw_response',
    'text',
    { column: 'rawresponse', elasticsearch: 'raw_response', dataStream: 'tyk.raw_response', also: ['response'] },
    'The whole answer, where detailed recording is on',
  ),
])

const BY_NAME: ReadonlyMap<string, Field> = new Map(FIELDS.map((one) => [one.name, one]))

export function findField(name: string): Field | undefined {
  return BY_NAME.get(name)
}

/** Fields that free text is looked for in, beside the raw messages. */
export const FREE_TEXT_FIELDS: readonly string[] = ['request_uri', 'user_agent', 'tags']
/** The raw messages, which free text is looked for in too. */
export const RAW_TEXT_FIELDS: readonly string[] = ['raw_request', 'raw_response']
