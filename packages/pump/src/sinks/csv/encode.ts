import type { AnalyticsRecord, Instant, Int64 } from '@tek/analytics-record'
import { zoneName } from './zone-name.ts'

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const

type Column = readonly [header: string, value: (record: AnalyticsRecord) => string | Int64]

/** The columns of Tyk's files in their order. */
const COLUMNS: readonly Column[] = [
  ['Method', (r) => r.method],
  ['Host', (r) => r.host],
  ['Path', (r) => r.path],
  ['RawPath', (r) => r.rawPath],
  ['ContentLength', (r) => r.contentLength],
  ['UserAgent', (r) => r.userAgent],
  ['Day', (r) => r.day],
  ['Month', (r) => monthName(r.month)],
  ['Year', (r) => r.year],
  ['Hour', (r) => r.hour],
  ['ResponseCode', (r) => r.responseCode],
  ['APIKey', (r) => r.apiKey],
  ['TimeStamp', (r) => formatTime(r.timestamp)],
  ['APIVersion', (r) => r.apiVersion],
  ['APIName', (r) => r.apiName],
  ['APIID', (r) => r.apiId],
  ['OrgID', (r) => r.orgId],
  ['OauthID', (r) => r.oauthId],
  ['RequestTime', (r) => r.requestTime],
  ['RawRequest', (r) => r.rawRequest],
  ['RawResponse', (r) => r.rawResponse],
  ['IPAddress', (r) => r.ipAddress],
  ['GeoData.Country.ISOCode', (r) => r.geo.country.isoCode],
  ['GeoData.City.GeoNameID', (r) => r.geo.city.geonameId],
  ['GeoData.City.Names', (r) => cityNames(r.geo.city.names)],
  ['GeoData.Location.Latitude', (r) => r.geo.location.latitude],
  ['GeoData.Location.Longitude', (r) => r.geo.location.longitude],
  ['GeoData.Location.TimeZone', (r) => r.geo.location.timeZone],
  ['NetworkStats.OpenConnections', (r) => r.network.openConnections],
  ['NetworkStats.ClosedConnection', (r) => r.network.closedConnections],
  ['NetworkStats.BytesIn', (r) => r.network.bytesIn],
  ['NetworkStats.BytesOut', (r) => r.network.bytesOut],
  ['Latency.Total', (r) => r.latency.total],
  ['Latency.Upstream', (r) => r.latency.upstream],
  ['Latency.Gateway', (r) => r.latency.gateway],
  ['Tags', (r) => (r.tags ?? []).join(';')],
  ['Alias', (r) => r.alias],
  ['TrackPath', (r) => String(r.trackPath)],
  ['ExpireAt', (r) => formatTime(r.expireAt)],
  ['ApiSchema', (r) => r.apiSchema],
  ['OriginalPath', (r) => r.originalPath],
  ['ListenPath', (r) => r.listenPath],
]

export const CSV_HEADER = `${COLUMNS.map(([header]) => header).join(',')}\n`

/** One line of the file. Unlike Tyk's, negative numbers keep their sign and coordinates their fraction. */
export function encodeCsvRow(record: AnalyticsRecord): string {
  return `${COLUMNS.map(([, value]) => quoteField(String(value(record)))).join(',')}\n`
}

/** File of the local hour: `2026-March-4-15.csv`, without padding. */
export function csvFileName(now: Date): string {
  return `${now.getFullYear()}-${MONTHS[now.getMonth()]}-${now.getDate()}-${now.getHours()}.csv`
}

/**
 * Quotes as Go's encoding/csv does: for a comma, a quote, a line break or a space at the beginning, and for a lone `\.`
 * that PostgreSQL reads as the end of the data.
 */
function quoteField(field: string): string {
  if (field === '' || !(field === '\\.' || /[,"\r\n]|^[^\S\uFEFF]|^\u0085/.test(field))) return field
  return `"${field.replaceAll('"', '""')}"`
}

/** As Go prints a month that does not exist. */
function monthName(month: number): string {
  return MONTHS[month - 1] ?? `%!Month(${month})`
}

function cityNames(names: Readonly<Record<string, string>> | null): string {
  return Object.entries(names ?? {})
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([language, name]) => `${language}:${name}`)
    .join(';')
}

/** A time as Go prints it, in the zone of the process: `2026-03-04 15:06:07.089 +0000 UTC`. */
function formatTime({ seconds, nanos }: Instant): string {
  const instant = new Date(seconds * 1000)
  const offsetMinutes = -instant.getTimezoneOffset() || 0
  const local = new Date((seconds + Math.round(offsetMinutes * 60)) * 1000).toISOString()
  const [date, time] = local.slice(0, -5).split('T')
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`
  const offset = formatOffset(offsetMinutes)
  return `${date} ${time}${fraction} ${offset} ${zoneName(instant, offset)}`
}

function formatOffset(minutes: number): string {
  const size = Math.abs(minutes)
  const hhmm = `${String(Math.trunc(size / 60)).padStart(2, '0')}${String(Math.trunc(size % 60)).padStart(2, '0')}`
  return (minutes < 0 ? '-' : '+') + hhmm
}
