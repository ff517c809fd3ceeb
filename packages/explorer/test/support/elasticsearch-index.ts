/** An index of Tyk's flat documents, made without the pump, with the mapping that the server chooses by itself. */
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

export interface TestIndex extends AsyncDisposable {
  readonly url: string
  readonly name: string
  add(documents: Iterable<{ readonly id: string; readonly source: object }>): Promise<void>
  addRecords(records: Iterable<StoredRecord>): Promise<void>
}

const DOCUMENTS_PER_BULK = 2000

/** The index comes into being with its first document, and goes with the test. */
export async function createIndex(url: string, settings?: object): Promise<TestIndex> {
  const name = `tyk_analytics-test-${process.pid}-${Math.random().toString(36).slice(2)}`
  const send = async (method: string, path: string, body?: string): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) })
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`)
    return answer.json()
  }
  if (settings !== undefined) await send('PUT', `/${name}`, JSON.stringify(settings))
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
    addRecords: (records) => add(documentsOf(records)),
    [Symbol.asyncDispose]: async () => void (await send('DELETE', `/${name}?ignore_unavailable=true`)),
  }
}

function* documentsOf(records: Iterable<StoredRecord>): Generator<{ id: string; source: object }> {
  for (const { id, record } of records) yield { id, source: flatDocument(record) }
}
