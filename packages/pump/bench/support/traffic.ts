import { type AnalyticsRecord, emptyRecord } from '@tek/analytics-record'
import type { PumpRecord } from '../../src/sinks/types.ts'
import { recordId } from '../../src/lease/record-id.ts'

/** What of one traffic is the same in every request of it. */
export interface TrafficOptions {
  readonly count: number
  /** Seconds since 1970 of the last request. */
  readonly endSeconds: number
  /** Seconds over which the requests are spread evenly. */
  readonly spanSeconds: number
}

const APIS = ['httpbin', 'httpbin-jwt', 'orders', 'billing', 'search', 'catalogue', 'profile', 'media']
const CODES = [200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 201, 204, 304, 400, 401, 403, 404, 429, 500, 502]
const METHODS = ['GET', 'GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE']
const PATHS = ['/get', '/status/', '/anything/', '/headers', '/bearer', '/delay/1', '/json', '/uuid']
const AGENTS = [
  'curl/8.14.1',
  'okhttp/5.1.0',
  'python-requests/2.32.4',
  'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
]
const COUNTRIES = ['', '', 'DE', 'FR', 'US', 'GB', 'IN', 'BR', 'JP', 'NL']
const CONSUMERS = 5000

/** Another number below 2^32 for each `i` and `salt`, without an order that one could see. */
function scattered(i: number, salt: number): number {
  let x = Math.imul(i ^ (salt * 0x9e3779b1), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

const pick = <T>(from: readonly T[], i: number, salt: number): T => from[scattered(i, salt) % from.length]!

/** The `i`th of the requests: calls of httpbin's endpoints through eight APIs, recorded with request and answer. */
export function trafficRecord(i: number, { count, endSeconds, spanSeconds }: TrafficOptions): PumpRecord {
  const api = pick(APIS, i, 1)
  const consumer = scattered(i, 2) % CONSUMERS
  const atMs = Math.floor((endSeconds - spanSeconds * (1 - (i + 1) / count)) * 1000)
  const at = new Date(atMs)
  const end = pick(PATHS, i, 3)
  const path = end.endsWith('/') ? end + String(scattered(i, 4) % 500) : end
  const upstream = 2 + (scattered(i, 5) % 40) + (scattered(i, 6) % 50 === 0 ? 900 : 0)
  const total = upstream + 1 + (scattered(i, 7) % 3)
  const keyless = api === 'httpbin'
  const key = keyless ? '00000000' : scattered(consumer, 8).toString(16).padStart(8, '0')
  const alias = keyless ? '' : `user${consumer}@example.com`
  const userAgent = pick(AGENTS, i, 9)
  const ipAddress = `10.${consumer % 16}.${(consumer >> 4) % 256}.${scattered(i, 10) % 250}`
  const timestamp = { seconds: Math.floor(atMs / 1000), nanos: (atMs % 1000) * 1e6 + (i % 1e6) }
  const country = pick(COUNTRIES, consumer, 11)
  const responseCode = pick(CODES, i, 12)
  const method = pick(METHODS, i, 13)
  const empty = emptyRecord()
  const record: AnalyticsRecord = {
    ...empty,
    method,
    host: 'httpbin:80',
    path,
    rawPath: path,
    contentLength: method === 'GET' ? 0 : 128,
    userAgent,
    day: at.getUTCDate(),
    month: at.getUTCMonth() + 1,
    year: at.getUTCFullYear(),
    hour: at.getUTCHours(),
    responseCode,
    apiKey: key,
    timestamp,
    apiVersion: 'Non Versioned',
    apiName: api,
    apiId: api,
    orgId: 'default',
    requestTime: total,
    rawRequest: base64(rawRequest(method, path, userAgent, ipAddress)),
    rawResponse: base64(rawResponse(responseCode, path, userAgent, ipAddress, at)),
    ipAddress,
    geo: country === '' ? empty.geo : { ...empty.geo, country: { isoCode: country } },
    latency: { total, upstream, gateway: total - upstream },
    tags: keyless ? [`key-${key}`, `api-${api}`] : [`user-${alias}`, `key-${key}`, `org-default`, `api-${api}`],
    alias,
    expireAt: { seconds: timestamp.seconds + 604_800, nanos: 0 },
    originalPath: `/${api}${path}`,
    listenPath: `/${api}/`,
  }
  const id = recordId(Buffer.from(`${i} ${path} ${ipAddress}`), timestamp)
  return { record, id, sizeBytes: 1000 }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

function rawRequest(method: string, path: string, userAgent: string, ipAddress: string): string {
  return (
    `${method} ${path} HTTP/1.1\r\nHost: httpbin:80\r\nUser-Agent: ${userAgent}\r\nAccept: */*\r\n` +
    `X-Forwarded-For: ${ipAddress}\r\n\r\n`
  )
}

function rawResponse(code: number, path: string, userAgent: string, ipAddress: string, at: Date): string {
  const headers = { Accept: '*/*', Host: 'httpbin', 'User-Agent': userAgent, 'X-Forwarded-For': ipAddress }
  const body = JSON.stringify({ args: {}, headers, origin: ipAddress, url: `http://httpbin${path}` }, null, 2)
  return (
    `HTTP/1.1 ${code} OK\r\nContent-Length: ${body.length}\r\nContent-Type: application/json\r\n` +
    `Date: ${at.toUTCString()}\r\nServer: gunicorn/19.9.0\r\n\r\n${body}`
  )
}
