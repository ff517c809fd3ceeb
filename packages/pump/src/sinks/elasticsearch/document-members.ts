import type { AnalyticsRecord } from '@tek/analytics-record'

export interface DocumentMember {
  readonly name: string
  readonly field: keyof AnalyticsRecord
  /** Only with `extended_stats`. */
  readonly extended?: true
}

/**
 * The document of a record: 16 members, 19 with `extended_stats`, in byte order as Tyk's pump sends them. Dashboards are
 * built on these names and their JSON types. Records of MCP calls have three more, see `encode.ts`.
 */
export const DOCUMENT_MEMBERS: readonly DocumentMember[] = [
  { name: '@timestamp', field: 'timestamp' },
  { name: 'alias', field: 'alias' },
  { name: 'api_id', field: 'apiId' },
  { name: 'api_key', field: 'apiKey' },
  { name: 'api_name', field: 'apiName' },
  { name: 'api_version', field: 'apiVersion' },
  { name: 'content_length', field: 'contentLength' },
  { name: 'http_method', field: 'method' },
  { name: 'ip_address', field: 'ipAddress' },
  { name: 'oauth_id', field: 'oauthId' },
  { name: 'org_id', field: 'orgId' },
  { name: 'raw_request', field: 'rawRequest', extended: true },
  { name: 'raw_response', field: 'rawResponse', extended: true },
  { name: 'request_time_ms', field: 'requestTime' },
  { name: 'request_uri', field: 'path' },
  { name: 'request_uri_full', field: 'rawPath' },
  { name: 'response_code', field: 'responseCode' },
  { name: 'tags', field: 'tags' },
  { name: 'user_agent', field: 'userAgent', extended: true },
]
