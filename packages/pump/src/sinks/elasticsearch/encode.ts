import { type AnalyticsRecord, formatInstant, goJson, goJsonString } from '@tek/analytics-record'
import type { ConfigOf } from '../../config/section.ts'
import { decodeBase64Text } from './base64.ts'
import type { elasticsearchOptions } from './options.ts'

export interface Encoder {
  indexOf(record: AnalyticsRecord): string
  /** The line before a document. `type` is null on servers without mapping types. */
  actionLine(index: string, id: string, type: string | null): string
  /** `withRaw: false` leaves the raw texts empty, for a document that is too large with them. */
  document(record: AnalyticsRecord, withRaw?: boolean): string
}

/**
 * The document of a record: 16 keys, 19 with `extended_stats`, in byte order as Tyk's pump sends them. Dashboards are
 * built on these names and JSON types.
 */
export function createEncoder(options: ConfigOf<typeof elasticsearchOptions>): Encoder {
  const { index_name, mcp_index_name, rolling_index, extended_stats, decode_base64 } = options
  const rawText = decode_base64 ? decodeBase64Text : (text: string) => text

  return {
    indexOf({ mcpStats, timestamp }) {
      const name = mcpStats.isMcp && mcp_index_name !== '' ? mcp_index_name : index_name
      return rolling_index ? `${name}-${utcDay(timestamp.seconds)}` : name
    },
    // Create, never index: a repeated write answers 409 instead of replacing, and data streams take nothing else.
    actionLine(index, id, type) {
      const typed = type === null ? '' : `"_type":${goJsonString(type)},`
      return `{"create":{"_index":${goJsonString(index)},${typed}"_id":${goJsonString(id)}}}`
    },
    document(record, withRaw = true) {
      const raw = (text: string): string => goJsonString(withRaw ? rawText(text) : '')
      return (
        `{"@timestamp":"${formatInstant(record.timestamp)}"` +
        `,"alias":${goJsonString(record.alias)}` +
        `,"api_id":${goJsonString(record.apiId)}` +
        `,"api_key":${goJsonString(record.apiKey)}` +
        `,"api_name":${goJsonString(record.apiName)}` +
        `,"api_version":${goJsonString(record.apiVersion)}` +
        `,"content_length":${record.contentLength}` +
        `,"http_method":${goJsonString(record.method)}` +
        `,"ip_address":${goJsonString(record.ipAddress)}` +
        mcpFields(record) +
        `,"oauth_id":${goJsonString(record.oauthId)}` +
        `,"org_id":${goJsonString(record.orgId)}` +
        (extended_stats ? `,"raw_request":${raw(record.rawRequest)},"raw_response":${raw(record.rawResponse)}` : '') +
        `,"request_time_ms":${record.requestTime}` +
        `,"request_uri":${goJsonString(record.path)}` +
        `,"request_uri_full":${goJsonString(record.rawPath)}` +
        `,"response_code":${record.responseCode}` +
        `,"tags":${goJson(record.tags)}` +
        (extended_stats ? `,"user_agent":${goJsonString(record.userAgent)}}` : '}')
      )
    },
  }
}

function mcpFields({ mcpStats }: AnalyticsRecord): string {
  if (!mcpStats.isMcp) return ''
  return (
    `,"mcp_method":${goJsonString(mcpStats.jsonrpcMethod)}` +
    `,"mcp_primitive_name":${goJsonString(mcpStats.primitiveName)}` +
    `,"mcp_primitive_type":${goJsonString(mcpStats.primitiveType)}`
  )
}

/**
 * The record's own UTC day, not the day of the write: a redelivery after midnight must meet the same index, or the id
 * would not protect against a second copy.
 */
function utcDay(seconds: number): string {
  const day = new Date(seconds * 1000).toISOString()
  return day.slice(0, day.indexOf('T')).replaceAll('-', '.')
}
