import type { AnalyticsRecord, GraphqlError, Instant, Int64 } from './record.ts'

const SECONDS_PER_DAY = 86_400
/** What JSON or Go's encoder escapes; lone surrogates, which Go cannot hold, are replaced. */
const NOT_PLAIN = /["\\<>&\u0000-\u001f\u2028\u2029\ud800-\udfff]/
const HTML_SPECIAL = /[<>&\u2028\u2029]/g

/** A JSON text with Go's escapes: also `<`, `>`, `&`, U+2028 and U+2029 are written as `\u003c` and so on. */
export function goJsonString(text: string): string {
  if (!NOT_PLAIN.test(text)) return `"${text}"`
  return JSON.stringify(text.toWellFormed()).replace(
    HTML_SPECIAL,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A number as Go prints it: the shortest digits, -0 with its sign. What JSON cannot say becomes null. */
export function goJsonNumber(value: number | bigint): string {
  if (typeof value === 'bigint') return value.toString()
  if (!Number.isFinite(value)) return 'null'
  return Object.is(value, -0) ? '-0' : String(value)
}

/** A value as Go prints a map of anything: keys sorted by their bytes at every level, Go's escapes, bigint digits. */
export function goJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return goJsonString(value)
    case 'number':
    case 'bigint':
      return goJsonNumber(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`
      return goJsonMap(value)
    default:
      return 'null'
  }
}

function goJsonMap(map: object): string {
  const members = Object.entries(map).sort(([a], [b]) => compareBytes(a, b))
  return `{${members.map(([name, value]) => `${goJsonString(name)}:${goJson(value)}`).join(',')}}`
}

/** Order of the UTF-8 bytes. It is that of the UTF-16 units except where surrogates are compared with U+E000 to U+FFFF. */
function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return byteRank(x) - byteRank(y)
  }
  return a.length - b.length
}

const byteRank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)

/**
 * A time in RFC 3339 with as many fraction digits as it needs, at most nine.
 *
 * @param timeZoneOffsetMinutes - minutes east of UTC; without it the local zone of this process at that time.
 */
export function formatInstant(instant: Instant, timeZoneOffsetMinutes?: number): string {
  const offsetSeconds = timeZoneOffsetMinutes === undefined ? localOffset(instant) : timeZoneOffsetMinutes * 60
  const seconds = instant.seconds + offsetSeconds
  const days = Math.floor(seconds / SECONDS_PER_DAY)
  return `${formatDate(days)}T${formatClock(seconds - days * SECONDS_PER_DAY)}${fraction(instant.nanos)}${zone(offsetSeconds)}`
}

/** Seconds east of UTC in the local zone at that time; 0 beyond the years that Date knows. */
function localOffset({ seconds }: Instant): number {
  const date = new Date(seconds * 1000)
  // Whole minutes, but for the local mean times that were in use before the zones.
  if (seconds >= 0) return -date.getTimezoneOffset() * 60 || 0
  const local = new Date(0)
  local.setUTCFullYear(date.getFullYear(), date.getMonth(), date.getDate())
  local.setUTCHours(date.getHours(), date.getMinutes(), date.getSeconds())
  return (local.getTime() - date.getTime()) / 1000 || 0
}

/** Proleptic Gregorian calendar, counted in years that begin in March so that the leap day comes last. */
function formatDate(days: number): string {
  const sinceEra = days + 719_468
  const era = Math.floor(sinceEra / 146_097)
  const dayOfEra = sinceEra - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const digits = String(Math.abs(year)).padStart(4, '0')
  return `${year < 0 ? '-' : ''}${digits}-${two(month)}-${two(day)}`
}

function formatClock(seconds: number): string {
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}

const two = (value: number): string => (value < 10 ? `0${value}` : String(value))

function fraction(nanos: number): string {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  let end = 9
  while (digits.charCodeAt(end - 1) === 0x30) end--
  return `.${digits.slice(0, end)}`
}

function zone(offsetSeconds: number): string {
  if (offsetSeconds === 0) return 'Z'
  const minutes = Math.trunc(Math.abs(offsetSeconds) / 60)
  return `${offsetSeconds < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** The record as Tyk's pump prints it: members in the order of the Go structure, times in this process's zone. */
export function formatRecord(record: AnalyticsRecord): string {
  const r = record
  return (
    `{"method":${goJsonString(r.method)},"host":${goJsonString(r.host)},"path":${goJsonString(r.path)}` +
    `,"raw_path":${goJsonString(r.rawPath)},"content_length":${int(r.contentLength)}` +
    `,"user_agent":${goJsonString(r.userAgent)},"day":${int(r.day)},"month":${int(r.month)},"year":${int(r.year)}` +
    `,"hour":${int(r.hour)},"response_code":${int(r.responseCode)},"api_key":${goJsonString(r.apiKey)}` +
    `,"timestamp":"${formatInstant(r.timestamp)}","api_version":${goJsonString(r.apiVersion)}` +
    `,"api_name":${goJsonString(r.apiName)},"api_id":${goJsonString(r.apiId)},"org_id":${goJsonString(r.orgId)}` +
    `,"oauth_id":${goJsonString(r.oauthId)},"request_time":${int(r.requestTime)}` +
    `,"raw_request":${goJsonString(r.rawRequest)},"raw_response":${goJsonString(r.rawResponse)}` +
    `,"ip_address":${goJsonString(r.ipAddress)},"geo":${geo(r)},"network":${network(r)},"latency":${latency(r)}` +
    `,"tags":${goJson(r.tags)},"alias":${goJsonString(r.alias)},"track_path":${r.trackPath}` +
    `,"expireAt":"${formatInstant(r.expireAt)}","api_schema":${goJsonString(r.apiSchema)}` +
    `,"original_path":${goJsonString(r.originalPath)},"listen_path":${goJsonString(r.listenPath)}` +
    `,"graphql_stats":${graphql(r)},"mcp_stats":${mcp(r)}}`
  )
}

const int = (value: Int64): string => String(value)

function geo({ geo: { country, city, location } }: AnalyticsRecord): string {
  return (
    `{"country":{"iso_code":${goJsonString(country.isoCode)}}` +
    `,"city":{"geoname_id":${int(city.geonameId)},"names":${goJson(city.names)}}` +
    `,"location":{"latitude":${goJsonNumber(location.latitude)},"longitude":${goJsonNumber(location.longitude)}` +
    `,"time_zone":${goJsonString(location.timeZone)}}}`
  )
}

function network({ network: n }: AnalyticsRecord): string {
  return (
    `{"open_connections":${int(n.openConnections)},"closed_connections":${int(n.closedConnections)}` +
    `,"bytes_in":${int(n.bytesIn)},"bytes_out":${int(n.bytesOut)}}`
  )
}

function latency({ latency: l }: AnalyticsRecord): string {
  return `{"total":${int(l.total)},"upstream":${int(l.upstream)},"gateway":${int(l.gateway)}}`
}

function graphql({ graphqlStats: g }: AnalyticsRecord): string {
  const errors = g.errors === null ? 'null' : `[${g.errors.map(graphqlError).join(',')}]`
  return (
    `{"Variables":${goJsonString(g.variables)},"RootFields":${goJson(g.rootFields)},"Types":${goJson(g.types)}` +
    `,"Errors":${errors},"OperationType":${int(g.operationType)},"HasErrors":${g.hasErrors}` +
    `,"IsGraphQL":${g.isGraphql}}`
  )
}

const graphqlError = ({ message, path }: GraphqlError): string =>
  `{"message":${goJsonString(message)},"path":${goJson(path)}}`

function mcp({ mcpStats: m }: AnalyticsRecord): string {
  return (
    `{"is_mcp":${m.isMcp},"jsonrpc_method":${goJsonString(m.jsonrpcMethod)}` +
    `,"primitive_type":${goJsonString(m.primitiveType)},"primitive_name":${goJsonString(m.primitiveName)}}`
  )
}
