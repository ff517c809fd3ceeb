/**
 * The two forms in which records lie in Elasticsearch. Dashboards are written once, against the names on the left;
 * a form says what the field is called there and which kind it has.
 */

export type FieldKind = 'keyword' | 'text' | 'long' | 'date' | 'ip' | 'geo_point'

const FLAT_FIELDS = {
  time: '@timestamp',
  api: 'api_name.keyword',
  apiId: 'api_id.keyword',
  version: 'api_version.keyword',
  method: 'http_method.keyword',
  path: 'request_uri.keyword',
  code: 'response_code',
  duration: 'request_time_ms',
  alias: 'alias.keyword',
  key: 'api_key.keyword',
  oauthClient: 'oauth_id.keyword',
  organisation: 'org_id.keyword',
  ip: 'ip_address.keyword',
  tags: 'tags.keyword',
  bytes: 'content_length',
} as const

export type Fields = Readonly<Record<keyof typeof FLAT_FIELDS, string>>

/** What only the data stream has: Tyk's flat document leaves it out. */
interface MoreFields {
  readonly country: string
  readonly city: string
  readonly location: string
  readonly upstream: string
  readonly gateway: string
  readonly userAgent: string
  readonly listenPath: string
}

export interface Form {
  readonly name: 'flat' | 'data-stream'
  /** In titles, so that both packs can be told apart in one list. */
  readonly label: string
  /** Index pattern of the data view and of rules. */
  readonly index: string
  readonly fields: Fields
  readonly more: MoreFields | null
  readonly kinds: Readonly<Record<string, FieldKind>>
  /** Milliseconds in the unit of `fields.duration`. */
  duration(milliseconds: number): number
  /** The id of an object. The digit is the version of the pack: a new one never meets objects of an older one. */
  id(name: string): string
  title(text: string): string
}

/** Tyk's document, mapped dynamically: a text field with a `.keyword` beside it for every string. */
export const flat: Form = {
  name: 'flat',
  label: 'Tyk',
  index: 'tyk_analytics*',
  fields: FLAT_FIELDS,
  more: null,
  kinds: {
    '@timestamp': 'date',
    response_code: 'long',
    request_time_ms: 'long',
    content_length: 'long',
    ...strings([
      'alias',
      'api_id',
      'api_key',
      'api_name',
      'api_version',
      'http_method',
      'ip_address',
      'oauth_id',
      'org_id',
      'request_uri',
      'request_uri_full',
      'tags',
    ]),
  },
  duration: (milliseconds) => milliseconds,
  id: (name) => `tyk1-${name}`,
  title: (text) => `Tyk: ${text}`,
}

/** Typed fields with ECS names, in a data stream. */
export const dataStream: Form = {
  name: 'data-stream',
  label: 'Tyk data stream',
  index: 'logs-tyk.access-*',
  fields: {
    time: '@timestamp',
    api: 'tyk.api.name',
    apiId: 'tyk.api.id',
    version: 'tyk.api.version',
    method: 'http.request.method',
    path: 'url.path',
    code: 'http.response.status_code',
    duration: 'event.duration',
    alias: 'tyk.alias',
    key: 'tyk.api_key',
    oauthClient: 'tyk.oauth_id',
    organisation: 'tyk.org_id',
    ip: 'client.ip',
    tags: 'tags',
    bytes: 'http.request.body.bytes',
  },
  more: {
    country: 'client.geo.country_iso_code',
    city: 'client.geo.city_name',
    location: 'client.geo.location',
    upstream: 'tyk.latency.upstream_ms',
    gateway: 'tyk.latency.gateway_ms',
    userAgent: 'user_agent.original',
    listenPath: 'tyk.listen_path',
  },
  kinds: {
    '@timestamp': 'date',
    'client.geo.city_name': 'keyword',
    'client.geo.country_iso_code': 'keyword',
    'client.geo.location': 'geo_point',
    'client.ip': 'ip',
    'event.duration': 'long',
    'http.request.body.bytes': 'long',
    'http.request.method': 'keyword',
    'http.response.status_code': 'long',
    tags: 'keyword',
    'tyk.alias': 'keyword',
    'tyk.api.id': 'keyword',
    'tyk.api.name': 'keyword',
    'tyk.api.version': 'keyword',
    'tyk.api_key': 'keyword',
    'tyk.latency.gateway_ms': 'long',
    'tyk.latency.upstream_ms': 'long',
    'tyk.listen_path': 'keyword',
    'tyk.oauth_id': 'keyword',
    'tyk.org_id': 'keyword',
    'tyk.raw_path': 'keyword',
    'url.original': 'keyword',
    'url.path': 'keyword',
    'user_agent.original': 'keyword',
  },
  duration: (milliseconds) => milliseconds * 1_000_000,
  id: (name) => `tyk1ds-${name}`,
  title: (text) => `Tyk data stream: ${text}`,
}

export const forms: readonly Form[] = [flat, dataStream]

function strings(names: readonly string[]): Record<string, FieldKind> {
  return Object.fromEntries(
    names.flatMap((name): [string, FieldKind][] => [
      [name, 'text'],
      [`${name}.keyword`, 'keyword'],
    ]),
  )
}

/** KQL for the classes of status codes, from the code that a form calls `code`. */
export function statusQueries({ fields: { code } }: Form) {
  const between = (from: number): string => `${code} >= ${from} and ${code} < ${from + 100}`
  return {
    classes: [1, 2, 3, 4, 5].map((digit): [label: string, query: string] => [`${digit}xx`, between(digit * 100)]),
    failed: `${code} >= 400`,
    clientErrors: between(400),
    serverErrors: `${code} >= 500`,
    refused: `${code} : (401 or 403 or 429)`,
  }
}
