/** What people call the fields that the page shows by itself. */
const LABELS: Readonly<Record<string, string>> = {
  '@timestamp': 'Time',
  alias: 'Consumer',
  api_id: 'API id',
  api_key: 'Key',
  api_name: 'API',
  api_version: 'Version',
  city: 'City',
  content_length: 'Body size',
  country: 'Country',
  http_method: 'Method',
  ip_address: 'Client address',
  latency_gateway_ms: 'In gateway',
  latency_total_ms: 'Total latency',
  latency_upstream_ms: 'In upstream',
  oauth_id: 'OAuth client',
  org_id: 'Organisation',
  request_time_ms: 'Duration',
  request_uri: 'Path',
  request_uri_full: 'Full path',
  response_code: 'Status',
  tags: 'Tags',
  user_agent: 'User agent',
}

const PLURALS: Readonly<Record<string, string>> = {
  alias: 'Consumers',
  api_name: 'APIs',
  api_version: 'Versions',
  request_uri: 'Paths',
  tags: 'Tags',
  user_agent: 'User agents',
  country: 'Countries',
}

export function fieldLabel(name: string): string {
  return LABELS[name] ?? name
}

export function topTitle(name: string): string {
  return `Top ${(PLURALS[name] ?? name).replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())}`
}

const MS_FIELD = /_ms$/

export function isDuration(name: string): boolean {
  return MS_FIELD.test(name)
}
