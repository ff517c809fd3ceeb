/**
 * An index of Tyk's flat documents, made without the pump, with the mapping that the server chooses by itself; and a data stream
 * with the template of `deploy/kibana`.
 */
import { readFileSync } from 'node:fs'
import { type AnalyticsRecord, formatInstant } from '@tek/analytics-record'
import type { StoredRecord } from './records.ts'

/** The members that the pump's sink writes with `extended_stats`. */
export function flatDocument(record: AnalyticsRecord): Record<string, unknown> {
  return {
    '@timestamp': formatInstant(record.timestamp),
    alias: record.alias,
    api_id: record.apiId,
    api_key: record.apiKey,
    api_name: record.apiName,
    api_version: record.apiVersion,
    content_length: record.contentLength,
    http_method: record.method,
    ip_address: record.ipAddress,
    oauth_id: record.oauthId,
    org_id: record.orgId,
    raw_request: record.rawRequest,
    raw_response: record.rawResponse,
    request_time_ms: record.requestTime,
    request_uri: record.path,
    request_uri_full: record.rawPath,
    response_code: record.responseCode,
    tags: record.tags,
    user_agent: record.userAgent,
    ...(record.mcpStats.isMcp && {
      mcp_method: record.mcpStats.jsonrpcMethod,
      mcp_primitive_type: record.mcpStats.primitiveType,
      mcp_primitive_name: record.mcpStats.primitiveName,
    }),
  }
}

/** What the pump writes with `data_stream`. */
export function streamDocument(record: AnalyticsRecord): Record<string, unknown> {
  const { geo, latency, mcpStats } = record
  const place = {
    ...(geo.country.isoCode !== '' && { country_iso_code: geo.country.isoCode }),
    ...(geo.city.names?.['en'] && { city_name: geo.city.names['en'] }),
  }
  return {
    '@timestamp': formatInstant(record.timestamp),
    client: { ...(Object.keys(place).length > 0 && { geo: place }), ip: record.ipAddress },
    event: { duration: Number(record.requestTime) * 1_000_000 },
    http: {
      request: {
        ...(record.contentLength >= 0 && { body: { bytes: record.contentLength } }),
        method: record.method,
      },
      response: { status_code: record.responseCode },
    },
    tags: record.tags,
    tyk: {
      alias: record.alias,
      api: { id: record.apiId, name: record.apiName, version: record.apiVersion },
      api_key: record.apiKey,
      latency: { gateway_ms: latency.gateway, total_ms: record.requestTime, upstream_ms: latency.upstream },
      listen_path: record.listenPath,
      ...(mcpStats.isMcp && {
        mcp: {
          method: mcpStats.jsonrpcMethod,
          primitive_name: mcpStats.primitiveName,
          primitive_type: mcpStats.primitiveType,
        },
      }),
      oauth_id: record.oauthId,
      org_id: record.orgId,
      raw_path: record.rawPath,
      raw_request: record.rawRequest,
      raw_response: record.rawResponse,
    },
    url: { original: record.originalPath, path: record.path },
    user_agent: { original: record.userAgent },
  }
}

export interface TestIndex extends AsyncDisposable {
  readonly url: string
  readonly name: string
  add(documents: Iterable<{ readonly id: string; readonly source: object }>): Promise<void>
  addRecords(records: Iterable<StoredRecord>): Promise<void>
}

const DOCUMENTS_PER_BULK = 2000

/** The index comes into being with its first document, and goes with the test. */
export async function createIndex(
  url: string,
  settings?: object,
  documentOf: (record: AnalyticsRecord) => object = flatDocument,
): Promise<TestIndex> {
  const name = `tyk_analytics-test-${ownName()}`
  const send = sendTo(url)
  if (settings !== undefined) await send('PUT', `/${name}`, JSON.stringify(settings))
  return writable(url, name, documentOf, async () => void (await send('DELETE', `/${name}?ignore_unavailable=true`)))
}

const TEMPLATE = new URL('../../../../deploy/kibana/data-stream/index-template.json', import.meta.url)

/** The stream comes into being with its first document, and goes with the test. */
export async function createDataStream(url: string): Promise<TestIndex> {
  const dataset = `tyk.test-${ownName()}`.replaceAll('-', '.')
  const [name, template] = [`logs-${dataset}-default`, `test-${dataset}`]
  const send = sendTo(url)
  const whole = JSON.parse(readFileSync(TEMPLATE, 'utf8')) as object
  await send('PUT', `/_index_template/${template}`, JSON.stringify({ ...whole, index_patterns: [name], priority: 999 }))
  return writable(url, name, streamDocument, async () => {
    // The engines 8 and 9 of the tests have streams without the requests for them, so there both stay.
    const deleted = await fetch(`${url}/_data_stream/${name}`, { method: 'DELETE' })
    if (deleted.ok) await send('DELETE', `/_index_template/${template}`)
  })
}

const ownName = (): string => `${process.pid}-${Math.random().toString(36).slice(2)}`

const sendTo =
  (url: string) =>
  async (method: string, path: string, body?: string): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) })
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`)
    return answer.json()
  }

function writable(
  url: string,
  name: string,
  documentOf: (record: AnalyticsRecord) => object,
  remove: () => Promise<void>,
): TestIndex {
  const send = sendTo(url)
  const flush = async (lines: string[]): Promise<void> => {
    if (lines.length === 0) return
    const { errors, items } = (await send('POST', `/${name}/_bulk`, `${lines.join('\n')}\n`)) as {
      errors: boolean
      items: unknown[]
    }
    if (errors) throw new Error(JSON.stringify(items.slice(0, 3)))
    lines.length = 0
  }
  const add: TestIndex['add'] = async (documents) => {
    const lines: string[] = []
    for (const { id, source } of documents) {
      lines.push(JSON.stringify({ create: { _id: id } }), JSON.stringify(source))
      if (lines.length >= 2 * DOCUMENTS_PER_BULK) await flush(lines)
    }
    await flush(lines)
    await send('POST', `/${name}/_refresh`)
  }
  return {
    url,
    name,
    add,
    addRecords: (records) => add(documentsOf(records, documentOf)),
    [Symbol.asyncDispose]: remove,
  }
}

function* documentsOf(
  records: Iterable<StoredRecord>,
  documentOf: (record: AnalyticsRecord) => object,
): Generator<{ id: string; source: object }> {
  for (const { id, record } of records) yield { id, source: documentOf(record) }
}
