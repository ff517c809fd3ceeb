/** Two hours of traffic with something of everything that a panel asks for. The same on every run. */
import type { AnalyticsRecord } from '@tek/analytics-record'
import { keylessRecord } from '../../../packages/pump/test/support/sink-records.ts'
import type { TimeRange } from './requests.ts'

const FROM = Date.UTC(2026, 10, 20, 10)
const MINUTES = 120
const PER_MINUTE = 5

export const trafficTime: TimeRange = { from: FROM, to: FROM + MINUTES * 60_000 }

const CODES = [
  200, 200, 200, 201, 200, 301, 200, 404, 200, 400, 401, 200, 403, 200, 429, 499, 200, 500, 502, 200, 503, 504, 422,
  101,
]
const APIS = [
  ['httpbin', 'httpbin'],
  ['httpbin-jwt', 'httpbin-jwt'],
  ['orders', 'a1b2c3'],
] as const
const METHODS = ['GET', 'GET', 'POST', 'DELETE']
const PATHS = ['/get', '/status/500', '/orders/{id}', '/delay/2', '/anything']
const ALIASES = ['', 'foo@bar.com', 'mobile app', '']
const AGENTS = ['curl/8.5.0', 'Mozilla/5.0 (X11; Linux x86_64)', 'okhttp/4.12']
const PLACES = [
  { iso: 'DE', city: 'Berlin', latitude: 52.52, longitude: 13.4 },
  { iso: 'BR', city: 'Recife', latitude: -8.05, longitude: -34.88 },
  { iso: 'JP', city: 'Osaka', latitude: 34.69, longitude: 135.5 },
  null,
]

const pick = <T>(list: readonly T[], i: number): T => list[i % list.length]!

/** `addressOf`: of which client a request is, in place of a private address. */
export function traffic(addressOf: (i: number) => string | undefined = () => undefined): AnalyticsRecord[] {
  return Array.from({ length: MINUTES * PER_MINUTE }, (_, i) => record(i, addressOf(i) ?? `172.22.0.${1 + (i % 20)}`))
}

function record(i: number, ipAddress: string): AnalyticsRecord {
  const [apiName, apiId] = pick(APIS, Math.floor(i / 3))
  const alias = pick(ALIASES, i)
  const apiKey = alias === '' ? '00000000' : pick(['df992c71', '49ec9641d8e3e942'], i)
  const upstream = 3 + ((i * 37) % 900) + (i % 50 === 0 ? 2000 : 0)
  const gateway = 1 + (i % 4)
  const place = pick(PLACES, i)
  return keylessRecord({
    timestamp: { seconds: FROM / 1000 + Math.floor((i * 60) / PER_MINUTE), nanos: 123_456_789 },
    method: pick(METHODS, i),
    path: pick(PATHS, i),
    rawPath: pick(PATHS, i),
    originalPath: `/${apiName}${pick(PATHS, i)}`,
    listenPath: `/${apiName}/`,
    // A request that met no API, and one without an answer.
    apiName: i === 17 ? '' : apiName,
    apiId: i === 17 ? '' : apiId,
    responseCode: i === 23 ? 0 : pick(CODES, i),
    apiVersion: pick(['Non Versioned', 'v1', 'v2'], i),
    apiKey,
    alias,
    oauthId: i % 7 === 0 ? 'client-1' : '',
    orgId: pick(['', 'acme'], i),
    userAgent: pick(AGENTS, i),
    ipAddress,
    contentLength: i % 9 === 0 ? -1 : (i * 13) % 5000,
    requestTime: upstream + gateway,
    latency: { total: upstream + gateway, upstream, gateway },
    tags: i % 11 === 0 ? null : [`key-${apiKey}`, `api-${apiId}`, ...(alias === '' ? [] : [`user-${alias}`])],
    ...(place !== null && {
      geo: {
        country: { isoCode: place.iso },
        city: { geonameId: i + 1, names: { en: place.city } },
        location: { latitude: place.latitude, longitude: place.longitude, timeZone: '' },
      },
    }),
  })
}

/** The data-stream form of a record: typed fields with ECS names. */
export function dataStreamDocument(of: AnalyticsRecord) {
  const { geo, latency, contentLength } = of
  // -1 says that the length is unknown.
  const body = Number(contentLength) < 0 ? {} : { body: { bytes: contentLength } }
  return {
    '@timestamp': new Date(of.timestamp.seconds * 1000).toISOString(),
    client: {
      ip: of.ipAddress,
      ...(geo.country.isoCode !== '' && {
        geo: {
          country_iso_code: geo.country.isoCode,
          city_name: geo.city.names?.['en'],
          location: { lat: geo.location.latitude, lon: geo.location.longitude },
        },
      }),
    },
    event: { duration: Number(of.requestTime) * 1_000_000 },
    http: { request: { method: of.method, ...body }, response: { status_code: of.responseCode } },
    tags: of.tags,
    tyk: {
      alias: of.alias,
      api: { id: of.apiId, name: of.apiName, version: of.apiVersion },
      api_key: of.apiKey,
      latency: { gateway_ms: latency.gateway, upstream_ms: latency.upstream },
      listen_path: of.listenPath,
      oauth_id: of.oauthId,
      org_id: of.orgId,
    },
    url: { path: of.path, original: of.originalPath },
    user_agent: { original: of.userAgent },
  }
}
