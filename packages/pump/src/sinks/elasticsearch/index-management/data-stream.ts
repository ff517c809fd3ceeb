import { SinkOptionError } from '../../../errors.ts'
import type { Mark } from './mark.ts'
import { matches, onSomeDay } from './patterns.ts'
import { componentTemplate, indexTemplate, type Json, type Resource } from './resource.ts'

/** Above the templates for `logs-*-*` that Elasticsearch brings. */
export const STREAM_PRIORITY = 200

/** First parts of names that Elasticsearch reads as type, dataset and namespace. */
const TYPES: ReadonlySet<string> = new Set(['logs', 'metrics', 'traces', 'synthetics'])

export interface StreamNames {
  /** Of the stream. */
  readonly stream: string
  /** Of templates and policy: type and dataset, which streams of several namespaces share. */
  readonly base: string
  readonly pattern: string
}

/**
 * `logs-tyk.access-default` is type, dataset and namespace. A name of another type stands for itself: `tyk-analytics-*` would
 * be the days of an index `tyk-analytics` as well.
 *
 * @throws SinkOptionError
 */
export function streamNames(stream: string): StreamNames {
  // The server's rules for names of data streams.
  if (
    !/^[^-_+.\\/*?"<>| ,#:][^\\/*?"<>| ,#:]*$/.test(stream) ||
    stream !== stream.toLowerCase() ||
    Buffer.byteLength(stream) > 240
  ) {
    throw new SinkOptionError(
      `data_stream (…DATASTREAM) is no name of a data stream: ${JSON.stringify(stream)}, expected lower case, e.g. logs-tyk.access-default`,
    )
  }
  const [type = '', dataset = '', namespace = ''] = stream.split('-')
  if (!TYPES.has(type) || dataset === '' || namespace === '') return { stream, base: stream, pattern: stream }
  return { stream, base: `${type}-${dataset}`, pattern: `${type}-${dataset}-*` }
}

/** An index cannot be made where a template makes data streams. @throws SinkOptionError */
export function refuseIndicesOf({ stream, pattern }: StreamNames, indexName: string): void {
  const taken = [`dead-letters-${indexName}`, onSomeDay(indexName)].find((index) => matches([pattern], index))
  if (taken === undefined) return
  throw new SinkOptionError(
    `data_stream (…DATASTREAM) ${stream} with manage_index (…MANAGEINDEX) takes all names ${pattern}, and so the index ${taken}: choose an index_name (…INDEXNAME) other than ${JSON.stringify(indexName)}`,
  )
}

const KEYWORD = { type: 'keyword', ignore_above: 1024 }
const LONG = { type: 'long' }
const TEXT = { type: 'text' }

const FIELDS: Readonly<Record<string, Json>> = {
  '@timestamp': { type: 'date' },
  'client.geo.city_name': KEYWORD,
  'client.geo.country_iso_code': KEYWORD,
  'client.geo.location': { type: 'geo_point' },
  // The keyword finds the first digits of an address, and what is none.
  'client.ip': { type: 'ip', ignore_malformed: true, fields: { keyword: KEYWORD } },
  'event.duration': LONG,
  'http.request.body.bytes': LONG,
  'http.request.method': KEYWORD,
  'http.response.status_code': LONG,
  tags: { ...KEYWORD, fields: { keyword: KEYWORD } },
  'tyk.alias': KEYWORD,
  'tyk.api.id': KEYWORD,
  'tyk.api.name': KEYWORD,
  'tyk.api.version': KEYWORD,
  'tyk.api_key': KEYWORD,
  'tyk.latency.gateway_ms': LONG,
  'tyk.latency.total_ms': LONG,
  'tyk.latency.upstream_ms': LONG,
  'tyk.listen_path': KEYWORD,
  'tyk.mcp.method': KEYWORD,
  'tyk.mcp.primitive_name': KEYWORD,
  'tyk.mcp.primitive_type': KEYWORD,
  'tyk.oauth_id': KEYWORD,
  'tyk.org_id': KEYWORD,
  'tyk.raw_path': KEYWORD,
  'tyk.raw_request': TEXT,
  'tyk.raw_response': TEXT,
  'url.original': KEYWORD,
  'url.path': KEYWORD,
  'user_agent.original': KEYWORD,
}

/**
 * Names of the flat document, so that charts made for it work on the stream. A text has its `.keyword` only, which is what
 * charts count by: a name cannot be a field and have another below it.
 */
const FLAT_NAMES: Readonly<Record<string, string>> = {
  content_length: 'http.request.body.bytes',
  raw_request: 'tyk.raw_request',
  raw_response: 'tyk.raw_response',
  request_time_ms: 'tyk.latency.total_ms',
  response_code: 'http.response.status_code',
  'alias.keyword': 'tyk.alias',
  'api_id.keyword': 'tyk.api.id',
  'api_key.keyword': 'tyk.api_key',
  'api_name.keyword': 'tyk.api.name',
  'api_version.keyword': 'tyk.api.version',
  'http_method.keyword': 'http.request.method',
  'ip_address.keyword': 'client.ip.keyword',
  'mcp_method.keyword': 'tyk.mcp.method',
  'mcp_primitive_name.keyword': 'tyk.mcp.primitive_name',
  'mcp_primitive_type.keyword': 'tyk.mcp.primitive_type',
  'oauth_id.keyword': 'tyk.oauth_id',
  'org_id.keyword': 'tyk.org_id',
  'request_uri.keyword': 'url.path',
  'request_uri_full.keyword': 'tyk.raw_path',
  'user_agent.keyword': 'user_agent.original',
}

export const DATA_STREAM_MAPPINGS: Json = {
  date_detection: false,
  dynamic_templates: [{ strings: { match_mapping_type: 'string', mapping: KEYWORD } }],
  properties: {
    ...FIELDS,
    ...Object.fromEntries(Object.entries(FLAT_NAMES).map(([name, path]) => [name, { type: 'alias', path }])),
  },
}

/** One template with all in it, for those who install it by hand. */
export function wholeTemplate({ pattern }: StreamNames): object {
  return {
    index_patterns: [pattern],
    data_stream: {},
    priority: STREAM_PRIORITY,
    template: { mappings: DATA_STREAM_MAPPINGS },
  }
}

/** The component template that names the policy. */
export const settingsOf = (base: string): string => `${base}@settings`

/**
 * Templates of the stream, each part before what is composed of it.
 *
 * @param policy - Name of the lifecycle policy in settings, null where they name none; its mark, null where none is kept.
 */
export function streamTemplates(
  { base, pattern }: StreamNames,
  policy: { readonly name: string | null; readonly mark: Mark | null },
): Resource[] {
  const [mappings, settings, custom] = [`${base}@mappings`, settingsOf(base), `${base}@custom`]
  const named = policy.name === null ? {} : { 'index.lifecycle.name': policy.name }
  return [
    componentTemplate(mappings, { mappings: DATA_STREAM_MAPPINGS }),
    componentTemplate(settings, { settings: named }, policy.mark && { policy: policy.mark }),
    componentTemplate(custom, { settings: {} }, { once: true }),
    indexTemplate(base, {
      index_patterns: [pattern],
      priority: STREAM_PRIORITY,
      composed_of: [mappings, settings, custom],
      data_stream: {},
    }),
  ]
}
