import {
  type AnalyticsRecord,
  type Int64,
  formatInstant,
  goJson,
  goJsonNumber,
  goJsonString,
} from '@tek/analytics-record'
import type { ConfigOf } from '../../config/section.ts'
import { decodeBase64Text } from './base64.ts'
import { type Encoder, actionLine } from './encode.ts'
import type { elasticsearchOptions } from './options.ts'

type Options = ConfigOf<typeof elasticsearchOptions>

/** Where `extended_stats` puts the raw texts. */
export const RAW_PATHS = ['tyk.raw_request', 'tyk.raw_response'] as const

/**
 * Prints records for a data stream: names of the Elastic Common Schema where it has one, below `tyk` where it has none.
 * The mapping is in `index-management/data-stream.ts`, the charts for it in `deploy/kibana/data-stream`. Members of an
 * object are in byte order.
 */
export function createDataStreamEncoder({ data_stream, extended_stats, decode_base64 }: Options): Encoder {
  const rawText = decode_base64 ? decodeBase64Text : (text: string) => text
  const raws = ({ rawRequest, rawResponse }: AnalyticsRecord, withRaw: boolean): string =>
    `,"raw_request":${goJsonString(withRaw ? rawText(rawRequest) : '')}` +
    `,"raw_response":${goJsonString(withRaw ? rawText(rawResponse) : '')}`

  return {
    indexOf: () => data_stream,
    indexAt: () => data_stream,
    actionLine,
    document: (r, withRaw = true) =>
      `{"@timestamp":"${formatInstant(r.timestamp, 0)}"${client(r)}` +
      `,"event":{"duration":${nanoseconds(r.requestTime)}}` +
      `,"http":{"request":{${bodySize(r)}"method":${goJsonString(r.method)}}` +
      `,"response":{"status_code":${goJsonNumber(r.responseCode)}}}` +
      `,"tags":${goJson(r.tags)}` +
      `,"tyk":{${tyk(r)}${extended_stats ? raws(r, withRaw) : ''}}` +
      `,"url":{"original":${goJsonString(r.originalPath)},"path":${goJsonString(r.path)}}` +
      `,"user_agent":{"original":${goJsonString(r.userAgent)}}}`,
  }
}

/** Without what is not known: an empty text is no address, and 0, 0 is a place in the sea. */
function client({ ipAddress, geo: { country, city, location } }: AnalyticsRecord): string {
  const { latitude, longitude } = location
  const cityName = city.names?.['en'] ?? ''
  const place = members([
    ['city_name', cityName === '' ? null : goJsonString(cityName)],
    ['country_iso_code', country.isoCode === '' ? null : goJsonString(country.isoCode)],
    ['location', latitude === 0 && longitude === 0 ? null : point(latitude, longitude)],
  ])
  const both = members([
    ['geo', place === '' ? null : `{${place}}`],
    ['ip', ipAddress === '' ? null : goJsonString(ipAddress)],
  ])
  return both === '' ? '' : `,"client":{${both}}`
}

const point = (latitude: number, longitude: number): string =>
  `{"lat":${goJsonNumber(latitude)},"lon":${goJsonNumber(longitude)}}`

const members = (list: readonly (readonly [name: string, text: string | null])[]): string =>
  list.flatMap(([name, text]) => (text === null ? [] : `"${name}":${text}`)).join(',')

/** -1 says that the length is not known. */
const bodySize = ({ contentLength }: AnalyticsRecord): string =>
  contentLength < 0 ? '' : `"body":{"bytes":${goJsonNumber(contentLength)}},`

const NANOS_PER_MS = 1_000_000

function nanoseconds(milliseconds: Int64): string {
  const nanos = typeof milliseconds === 'number' ? milliseconds * NANOS_PER_MS : NaN
  return goJsonNumber(Number.isSafeInteger(nanos) ? nanos : BigInt(milliseconds) * BigInt(NANOS_PER_MS))
}

function tyk(r: AnalyticsRecord): string {
  const { latency } = r
  return (
    `"alias":${goJsonString(r.alias)}` +
    `,"api":{"id":${goJsonString(r.apiId)},"name":${goJsonString(r.apiName)},"version":${goJsonString(r.apiVersion)}}` +
    `,"api_key":${goJsonString(r.apiKey)}` +
    `,"latency":{"gateway_ms":${goJsonNumber(latency.gateway)},"total_ms":${goJsonNumber(r.requestTime)}` +
    `,"upstream_ms":${goJsonNumber(latency.upstream)}}` +
    `,"listen_path":${goJsonString(r.listenPath)}${mcp(r)}` +
    `,"oauth_id":${goJsonString(r.oauthId)},"org_id":${goJsonString(r.orgId)}` +
    `,"raw_path":${goJsonString(r.rawPath)}`
  )
}

function mcp({ mcpStats: { isMcp, jsonrpcMethod, primitiveName, primitiveType } }: AnalyticsRecord): string {
  if (!isMcp) return ''
  return (
    `,"mcp":{"method":${goJsonString(jsonrpcMethod)},"primitive_name":${goJsonString(primitiveName)}` +
    `,"primitive_type":${goJsonString(primitiveType)}}`
  )
}
