/** Made-up traffic for the tests of both stores: the same seed gives the same records. */
import { type AnalyticsRecord, emptyRecord } from '@tek/analytics-record'
import { createRandom, type Random } from '../../../../test/support/random.ts'

/**
 * How many records the stores are compared over: TEK_EXPLORER_RECORDS, the same for all of them, or else so many.
 * TEK_EXPLORER_RECORDS=100000 with TEK_ELASTICSEARCH_8_URL (and the like, see `engines.ts`) for `sqlite-store.test.ts` and
 * `elasticsearch-store.test.ts` shows that SQLite and each engine say the same of the same 100,000.
 */
export function recordCount(usual: number): number {
  const text = process.env['TEK_EXPLORER_RECORDS']
  if (!text) return usual
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`TEK_EXPLORER_RECORDS: expected a number of records, got ${text}`)
  return count
}

export interface TrafficOptions {
  readonly count: number
  readonly seed?: number
  readonly fromMs: number
  readonly toMs: number
  /** With raw requests and responses, about 1 kB each record. */
  readonly detailed?: boolean
}

export interface StoredRecord {
  readonly id: string
  readonly record: AnalyticsRecord
}

interface Api {
  readonly id: string
  readonly name: string
  readonly versions: readonly string[]
  readonly keyless: boolean
  readonly paths: readonly ((random: Random) => string)[]
}

const hex = (random: Random, digits: number): string =>
  Array.from({ length: digits }, () => random.integer(16).toString(16)).join('')
const uuid = (random: Random): string => [8, 4, 4, 4, 12].map((digits) => hex(random, digits)).join('-')
const fixed = (path: string) => (): string => path

const APIS: readonly Api[] = [
  {
    id: 'httpbin',
    name: 'httpbin',
    versions: ['Non Versioned'],
    keyless: true,
    paths: ['/get', '/post', '/status/500', '/headers', '/anything/ünïcode%20path'].map(fixed),
  },
  {
    id: '5e189590801287e42a6cf5ce',
    name: 'httpbin-jwt',
    versions: ['Non Versioned'],
    keyless: false,
    paths: ['/get', '/post', '/bearer'].map(fixed),
  },
  {
    id: 'b7c1d2e3f4a5968778695a4b',
    name: 'Orders, "new"',
    versions: ['v1', 'v2', 'v2-beta'],
    keyless: false,
    paths: [
      fixed('/orders'),
      (random) => `/orders/${1000 + random.integer(5000)}`,
      (random) => `/orders/${1000 + random.integer(200)}/items/${random.integer(9)}`,
      (random) => `/sessions/${uuid(random)}`,
    ],
  },
  {
    id: 'search_api',
    name: 'search (beta)',
    versions: [''],
    keyless: false,
    paths: [fixed('/search'), (random) => `/blobs/${hex(random, 40)}`],
  },
]

const AGENTS = [
  'curl/8.5.0',
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile',
  'okhttp/4.12.0',
  'python-requests/2.32.3',
  '<script>alert(1)</script>',
  '',
]
const COUNTRIES = ['DE', 'DE', 'US', 'US', 'US', 'FR', 'JP', 'BR', 'IN', 'GB', '', '']
const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE']

export function* traffic({ count, seed = 1, fromMs, toMs, detailed = false }: TrafficOptions): Generator<StoredRecord> {
  const random = createRandom(seed)
  const stepMs = (toMs - fromMs) / count
  for (let index = 0; index < count; index++) {
    // A little out of order, as the records of several gateways are.
    const jitter = Math.floor(random.next() * Math.min(stepMs * 20, 5000))
    const timestampMs = Math.min(toMs - 1, Math.floor(fromMs + index * stepMs) + jitter)
    yield { id: `${timestampMs.toString(36)}-${index.toString(36)}`, record: recordAt(timestampMs, random, detailed) }
  }
}

function recordAt(timestampMs: number, random: Random, detailed: boolean): AnalyticsRecord {
  const api = random.pick(APIS)
  const path = random.pick(api.paths)(random)
  const method = random.pick(METHODS)
  const consumer = random.integer(200)
  const key = api.keyless ? '00000000' : consumer.toString(16).padStart(8, 'a')
  const alias = api.keyless || consumer % 5 === 0 ? '' : `user${consumer}@example.com`
  const { code, upstream, gateway } = outcome(random, path)
  const time = new Date(timestampMs)
  return {
    ...emptyRecord(),
    method,
    host: 'upstream.example:8080',
    path,
    rawPath: path,
    contentLength: method === 'GET' ? 0 : random.integer(20_000) - 1,
    userAgent: random.pick(AGENTS),
    day: time.getUTCDate(),
    month: time.getUTCMonth() + 1,
    year: time.getUTCFullYear(),
    hour: time.getUTCHours(),
    responseCode: code,
    apiKey: key,
    timestamp: { seconds: Math.floor(timestampMs / 1000), nanos: (timestampMs % 1000) * 1e6 + random.integer(1e6) },
    apiVersion: random.pick(api.versions),
    apiName: api.name,
    apiId: api.id,
    orgId: consumer % 3 === 0 ? '' : 'default',
    oauthId: '',
    requestTime: upstream + gateway,
    latency: { total: upstream + gateway, upstream, gateway },
    rawRequest: detailed
      ? base64(`${method} ${path} HTTP/1.1\r\nHost: api.example\r\nX-Trace: ${hex(random, 32)}\r\n\r\n`)
      : '',
    rawResponse: detailed ? base64(responseText(code, random)) : '',
    ipAddress: `10.${consumer % 4}.${random.integer(3)}.${consumer}`,
    geo: {
      country: { isoCode: random.pick(COUNTRIES) },
      city: { geonameId: 0, names: null },
      location: { latitude: 0, longitude: 0, timeZone: '' },
    },
    tags: api.keyless ? null : [`key-${key}`, `api-${api.id}`, ...(alias === '' ? [] : [`user-${alias}`, alias])],
    alias,
    trackPath: consumer % 7 === 0,
    expireAt: { seconds: Math.floor(timestampMs / 1000) + 604_800, nanos: 0 },
    originalPath: `/${api.name}${path}`,
    listenPath: `/${api.name}/`,
  }
}

function outcome(random: Random, path: string): { code: number; upstream: number; gateway: number } {
  const gateway = random.integer(4)
  const upstream = Math.max(1, Math.floor(Math.exp(2 + random.next() * 3 + random.next() * 2)))
  // Now and then in less than a millisecond.
  if (path === '/status/500') return { code: 500, upstream: random.integer(3), gateway }
  const dice = random.integer(1000)
  if (dice < 20) return { code: random.pick([401, 403, 429]), upstream: 0, gateway }
  if (dice < 30) return { code: random.pick([502, 503, 500]), upstream, gateway }
  if (dice < 34) return { code: 504, upstream: 0, gateway: 30_000 + gateway }
  if (dice < 60) return { code: random.pick([400, 404, 404, 409]), upstream, gateway }
  if (dice < 80) return { code: random.pick([301, 304]), upstream, gateway }
  if (dice < 82) return { code: 101, upstream, gateway }
  if (dice < 83) return { code: 499, upstream: 0, gateway: gateway + upstream }
  return { code: random.pick([200, 200, 200, 201, 204]), upstream, gateway }
}

function responseText(code: number, random: Random): string {
  const body = JSON.stringify({
    id: uuid(random),
    note: 'Grüße',
    values: Array.from({ length: 40 }, () => random.integer(1000)),
  })
  return `HTTP/1.1 ${code} Status\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
