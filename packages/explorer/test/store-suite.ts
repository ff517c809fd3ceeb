/**
 * What every store answers about the same records, with the numbers that plain JavaScript gets from them. Each store's
 * test file runs it against the real thing.
 */
import type { AnalyticsRecord } from '@tek/analytics-record'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Numbers, Percentiles, StatusCounts, TopValue } from '../src/api/schema.ts'
import { parseQuery } from '../src/query/parse.ts'
import { pathPattern } from '../src/store/path-pattern.ts'
import { madeBy, reasonOf } from '../src/store/reasons.ts'
import type { Question, Store } from '../src/store/types.ts'
import { recordCount, type StoredRecord, traffic } from './support/records.ts'

export interface StoreFixture {
  readonly store: Store
  close(): Promise<void>
}

export interface StoreSuiteOptions {
  /** Makes a store that holds the records. */
  start(records: readonly StoredRecord[]): Promise<StoreFixture>
  /** How many records; default TEK_EXPLORER_RECORDS or 3000. */
  readonly count?: number
  /** Fields that it does not keep; default none. */
  readonly lacks?: readonly string[]
  /** Whether a length that is not known, -1 in a record, is left out; default false. */
  readonly leavesOutUnknownLength?: boolean
  /** Largest error of a percentile, of its value; default 0. */
  readonly percentileTolerance?: number
}

const FROM = Date.parse('2026-03-04T00:00:00Z')
const TO = Date.parse('2026-03-06T12:00:00Z')
const MIDDLE = Date.parse('2026-03-05T06:00:00Z')
const HOUR = 3_600_000
const TOP_FIELDS = [
  'api_name',
  'api_version',
  'request_uri',
  'alias',
  'tags',
  'user_agent',
  'http_method',
  'response_code',
]

const never = new AbortController().signal

type Test = (record: AnalyticsRecord) => boolean

/** Lines that mean the same in every store, and what they mean. */
const LINES: readonly (readonly [string, Test])[] = [
  ['', () => true],
  ['response_code:500', (r) => r.responseCode === 500],
  ['response_code:500 and api_name:httpbin', (r) => r.responseCode === 500 && r.apiName === 'httpbin'],
  ['response_code>=400 and response_code<500', (r) => r.responseCode >= 400 && r.responseCode < 500],
  ['response_code:[500 TO 599]', (r) => r.responseCode >= 500 && r.responseCode <= 599],
  ['response_code:{500 TO 504}', (r) => r.responseCode > 500 && r.responseCode < 504],
  ['response_code:(401 or 403 or 429)', (r) => [401, 403, 429].includes(r.responseCode)],
  ['request_time_ms:>200', (r) => Number(r.requestTime) > 200],
  ['request_time_ms:<9007199254740991', () => true],
  ['response_code:>9e15', () => false],
  ['api_name:"Orders, \\"new\\""', (r) => r.apiName === 'Orders, "new"'],
  ['api_name:HTTPBIN', () => false],
  ['not api_name:httpbin', (r) => r.apiName !== 'httpbin'],
  ['api_name:httpbin*', (r) => r.apiName.startsWith('httpbin')],
  ['api_version:v?', (r) => /^v.$/.test(r.apiVersion)],
  ['api_version:"v?"', () => false],
  ['api_version:*', (r) => r.apiVersion !== ''],
  ['-_exists_:alias', (r) => r.alias === ''],
  ['alias:""', (r) => r.alias === ''],
  ['mcp_method:""', (r) => r.mcpStats.jsonrpcMethod === ''],
  ['request_uri:/orders/*/items/*', (r) => /^\/orders\/.*\/items\/.*$/.test(r.path)],
  ['request_uri:"/anything/ünïcode%20path"', (r) => r.path === '/anything/ünïcode%20path'],
  ['ip_address:10.1.*', (r) => r.ipAddress.startsWith('10.1.')],
  ['tags:user12@example.com', (r) => hasTag(r, 'user12@example.com')],
  ['tags:api-search_api', (r) => hasTag(r, 'api-search_api')],
  ['tags:search_api', (r) => hasTag(r, 'search_api')],
  ['tags:*user1?@example.com', (r) => (r.tags ?? []).some((tag) => /user1.@example\.com$/.test(tag))],
  ['tags:*', (r) => (r.tags ?? []).length > 0],
  ['not tags:*', (r) => (r.tags ?? []).length === 0],
  ['user_agent:"<script>alert(1)</script>"', (r) => r.userAgent === '<script>alert(1)</script>'],
  ['user_agent:""', (r) => r.userAgent === ''],
  ['@timestamp:2026-03-05', (r) => utcDay(r) === '2026-03-05'],
  ['@timestamp>=2026-03-05T12:00', (r) => timeOf(r) >= Date.parse('2026-03-05T12:00Z')],
  ['http_method:(not get and not GET)', (r) => r.method !== 'GET'],
  [
    'api_name:httpbin or response_code:404 and http_method:POST',
    (r) => r.apiName === 'httpbin' || (r.responseCode === 404 && r.method === 'POST'),
  ],
  ['-(api_name:httpbin or http_method:POST)', (r) => r.apiName !== 'httpbin' && r.method !== 'POST'],
  ['curl', (r) => hasText(r, 'curl')],
  ['IPHONE', (r) => hasText(r, 'iphone')],
  ['"iPhone OS 17"', (r) => hasText(r, 'iphone os 17')],
  ['ÜNÏ*ode%20P', (r) => /ünï.*ode%20p/.test(r.path)],
  ['ün?CODE', (r) => hasText(r, 'ünïcode')],
  ['SESSIONS or user7@', (r) => hasText(r, 'sessions') || hasText(r, 'user7@')],
  ['nothing-has-this', () => false],
]

/** Only where the store keeps the field that is named last. */
const WIDE_LINES: readonly (readonly [string, Test, string])[] = [
  ['country:DE', (r) => r.geo.country.isoCode === 'DE', 'country'],
  ['-country:*', (r) => r.geo.country.isoCode === '', 'country'],
  ['latency_upstream_ms:0', (r) => r.latency.upstream === 0, 'latency_upstream_ms'],
  ['latency_gateway_ms>=30000', (r) => Number(r.latency.gateway) >= 30_000, 'latency_gateway_ms'],
  ['track_path:true', (r) => r.trackPath, 'track_path'],
  ['original_path:*search*', (r) => r.originalPath.includes('search'), 'original_path'],
  ['listen_path:"/search (beta)/"', (r) => r.listenPath === '/search (beta)/', 'listen_path'],
  ['host:upstream* and original_path:*search*', (r) => r.originalPath.includes('search'), 'host'],
]

export function describeStore(name: string, options: StoreSuiteOptions): void {
  const { count = recordCount(3000), lacks = [], leavesOutUnknownLength = false, percentileTolerance = 0 } = options
  const keeps = (field: string): boolean => !lacks.includes(field)
  const knowsUpstream = keeps('latency_upstream_ms')
  const lines = [
    ...LINES,
    ...WIDE_LINES.filter(([, , field]) => keeps(field)),
    ['content_length:-1', (r) => !leavesOutUnknownLength && r.contentLength === -1],
    ['-content_length:*', (r) => leavesOutUnknownLength && r.contentLength === -1],
  ] as const satisfies readonly (readonly [string, Test, string?])[]
  const all = [...traffic({ count, fromMs: FROM, toMs: TO, seed: 7 })]
  const question = (line = '', changes: Partial<Question> = {}): Question => ({
    query: parseQuery(line, TO),
    fromMs: FROM,
    toMs: TO,
    bucketMs: HOUR,
    ...changes,
  })
  const page = (line = '', changes: object = {}) => ({
    ...question(line),
    size: 50,
    sort: '@timestamp',
    order: 'desc' as const,
    columns: ['@timestamp'],
    ...changes,
  })
  const expectMs = (actual: number | null, expected: number | null, what: string): void => {
    if (expected === null || actual === null || percentileTolerance === 0) expect(actual, what).toBe(expected)
    else
      expect(Math.abs(actual - expected), `${what}: ${actual} for ${expected}`).toBeLessThanOrEqual(
        expected * percentileTolerance,
      )
  }

  describe(`${name} over ${count} records`, () => {
    let fixture: StoreFixture
    let store: Store
    beforeAll(async () => {
      fixture = await options.start(all)
      store = fixture.store
    }, 300_000)
    afterAll(() => fixture.close())

    it('says what it holds', async () => {
      const times = all.map(({ record }) => timeOf(record))
      const extent = { records: count, oldestMs: Math.min(...times), newestMs: Math.max(...times) }
      expect(await store.extent(never)).toEqual(extent)
      const fields = await store.fields(never)
      for (const field of ['@timestamp', 'response_code', 'tags', 'raw_request']) expect(fields).toContain(field)
      for (const field of ['country', 'latency_upstream_ms', 'host']) expect(fields.has(field)).toBe(keeps(field))
    })

    it.each(lines.map(([line, test]): [string, Test] => [line, test]))('finds %s', async (line, test) => {
      const { total, partial } = await store.requests(page(line, { size: 1 }), never)
      expect({ total, partial }).toEqual({
        total: { value: all.filter(({ record }) => test(record)).length, exact: true },
        partial: null,
      })
    })

    describe('the overview', () => {
      it.each<[string, Test, number, number]>([
        ['', () => true, FROM, TO],
        ['', () => true, MIDDLE, TO],
        ['response_code>=400', (r) => r.responseCode >= 400, MIDDLE, TO],
        ['api_name:httpbin', (r) => r.apiName === 'httpbin', MIDDLE + 1_234_567, TO - 7_654_321],
        ['api_name:none', () => false, FROM, TO],
      ])('of "%s" (%#)', async (line, test, fromMs, toMs) => {
        const size = 5
        const answer = await store.overview({ ...question(line, { fromMs, toMs }), fields: TOP_FIELDS, size }, never)
        const inside = all.filter(({ record }) => test(record) && isIn(record, fromMs, toMs))
        const before = all.filter(({ record }) => test(record) && isIn(record, fromMs - (toMs - fromMs), fromMs))
        expect(answer.partial).toBeNull()
        for (const [actual, records] of [
          [answer.numbers, inside],
          [answer.before, before],
        ] as const) {
          const expected = numbersOf(records)
          expect({ ...actual, p95Ms: 0 }).toEqual({ ...expected, p95Ms: 0 })
          expectMs(actual.p95Ms, expected.p95Ms, 'p95')
        }
        expect(answer.traffic).toEqual(trafficOf(inside))
        expectLatency(answer.latency, inside)
        for (const [index, field] of TOP_FIELDS.entries()) {
          const expected = topOf(inside, field, size)
          const { values, others, field: named } = answer.top[index] ?? { values: [], others: -1, field: '' }
          expect({ named, others }).toEqual({ named: field, others: expected.others })
          expect(values.map((value) => ({ ...value, p95Ms: 0 }))).toEqual(
            expected.values.map((value) => ({ ...value, p95Ms: 0 })),
          )
          for (const [at, value] of values.entries())
            expectMs(value.p95Ms, expected.values[at]?.p95Ms ?? null, `p95 of ${value.value}`)
        }
      })

      function expectLatency(
        latency: readonly {
          time: string
          total: Percentiles
          gateway: Percentiles | null
          upstream: Percentiles | null
        }[],
        records: readonly StoredRecord[],
      ): void {
        const buckets = [...bucketsOf(records)]
        expect(latency.map(({ time }) => time)).toEqual(buckets.map(([time]) => time))
        for (const [at, [time, inBucket]] of buckets.entries()) {
          const kinds = knowsUpstream ? (['total', 'gateway', 'upstream'] as const) : (['total'] as const)
          for (const kind of kinds) {
            const values = inBucket.map(({ record }) => Number(record.latency[kind]))
            for (const percent of [50, 95, 99] as const) {
              const actual = latency[at]?.[kind]?.[`p${percent}`] ?? null
              expectMs(actual, percentileOf(values, percent), `p${percent} of ${kind} at ${time}`)
            }
          }
          if (!knowsUpstream) expect([latency[at]?.gateway, latency[at]?.upstream]).toEqual([null, null])
        }
      }
    })

    describe('requests', () => {
      it('come with total, traffic and the asked fields', async () => {
        const columns = [
          '@timestamp',
          'http_method',
          'request_uri',
          'response_code',
          'tags',
          'alias',
          'request_time_ms',
        ]
        const line = 'api_name:httpbin-jwt and response_code:404'
        const { total, traffic: buckets, rows } = await store.requests(page(line, { columns, size: 500 }), never)
        const expected = all.filter(({ record: r }) => r.apiName === 'httpbin-jwt' && r.responseCode === 404)
        expect(total).toEqual({ value: expected.length, exact: true })
        expect(buckets).toEqual(trafficOf(expected))
        const byId = new Map(expected.map(({ id, record }) => [id, record]))
        expect(rows).toHaveLength(Math.min(500, expected.length))
        for (const { id, fields } of rows) {
          const record = byId.get(id)
          if (record === undefined) throw new Error(`${id} is not asked for`)
          expect({ ...fields, tags: fields['tags'] ?? [] }).toEqual({
            '@timestamp': new Date(timeOf(record)).toISOString(),
            http_method: record.method,
            request_uri: record.path,
            response_code: record.responseCode,
            tags: record.tags ?? [],
            alias: record.alias,
            request_time_ms: record.requestTime,
          })
        }
      })

      it.each<[string, 'asc' | 'desc', (r: AnalyticsRecord) => string | number]>([
        ['@timestamp', 'desc', timeOf],
        ['@timestamp', 'asc', timeOf],
        ['response_code', 'asc', (r) => r.responseCode],
        ['request_time_ms', 'desc', (r) => Number(r.requestTime)],
        ['alias', 'desc', (r) => r.alias],
        ['http_method', 'asc', (r) => r.method],
      ])('sorted by %s %s come in pages, each once', async (sort, order, keyOf) => {
        const line = 'http_method:GET'
        const expected = all.filter(({ record }) => record.method === 'GET')
        const seen: string[] = []
        let after: string | null = null
        do {
          const size = Math.max(97, Math.ceil(expected.length / 10))
          const { rows, next } = await store.requests(
            page(line, { sort, order, size, ...(after !== null && { after }) }),
            never,
          )
          seen.push(...rows.map(({ id }) => id))
          after = next
        } while (after !== null)
        expect(new Set(seen).size).toBe(seen.length)
        const records = new Map(expected.map(({ id, record }) => [id, record]))
        const keyOfId = (id: string): [string | number, number] => {
          const record = records.get(id)
          if (record === undefined) throw new Error(`${id} is not asked for`)
          return [keyOf(record), timeOf(record)]
        }
        const sign = order === 'asc' ? 1 : -1
        // Equal ones: newest first, unless it is the time itself that decides.
        const keys = expected.map(({ id }) => keyOfId(id)).sort((a, b) => compare(a[0], b[0]) * sign || b[1] - a[1])
        expect(seen.map(keyOfId)).toEqual(keys)
      })

      it('are all in an export, in order', async () => {
        const ids: string[] = []
        const times: string[] = []
        const export_ = store.rows({ ...page('response_code>=400', { order: 'asc' }), size: 100 }, never)
        for await (const rows of export_) {
          ids.push(...rows.map(({ id }) => id))
          times.push(...rows.map(({ fields }) => String(fields['@timestamp'])))
        }
        expect([...ids].sort()).toEqual(idsOf(all.filter(({ record }) => record.responseCode >= 400)))
        expect(times).toEqual([...times].sort())
      })

      it('are found by id, with all fields', async () => {
        const { id, record } = all[all.length >> 1] as StoredRecord
        const detail = await store.request(id, never)
        expect(detail?.row.id).toBe(id)
        expect(detail?.row.fields).toMatchObject({
          '@timestamp': new Date(timeOf(record)).toISOString(),
          request_uri: record.path,
          response_code: record.responseCode,
          api_key: record.apiKey,
          user_agent: record.userAgent,
          content_length: leavesOutUnknownLength && record.contentLength < 0 ? null : record.contentLength,
          request_uri_full: record.rawPath,
          ip_address: record.ipAddress,
          ...(keeps('country') && { country: record.geo.country.isoCode || expect.toSatisfy(isNothing) }),
          ...(keeps('original_path') && { original_path: record.originalPath }),
        })
        expect([detail?.rawRequest, detail?.rawResponse]).toEqual([null, null])
        expect(await store.request('nobody', never)).toBeNull()
      })
    })

    it.each<[string, Test]>([
      ['', () => true],
      ['api_name:*"new"*', (r) => r.apiName.includes('new')],
      ['response_code<400', (r) => r.responseCode < 400],
    ])('groups the errors of "%s"', async (line, test) => {
      const { groups, others, partial } = await store.errors(question(line), never)
      const expected = errorGroups(
        all.filter(({ record }) => test(record)),
        all,
        knowsUpstream,
      )
      expect(partial).toBeNull()
      expect(groups.map(keyOfGroup)).toEqual(expected.map(keyOfGroup).slice(0, 200))
      expect(others).toBe(expected.slice(200).reduce((sum, group) => sum + group.count, 0))
      const byKey = new Map(expected.map((group) => [keyOfGroup(group), group]))
      for (const { example, shareOfApi, ...group } of groups) {
        const { examples, shareOfApi: share, ...rest } = byKey.get(keyOfGroup(group)) ?? { examples: [], shareOfApi: 0 }
        expect(group).toEqual(rest)
        expect(shareOfApi).toBeCloseTo(share, 6)
        expect(examples).toContain(example)
      }
    })

    it('counts countries, where it knows them', async () => {
      const { available, countries, partial } = await store.countries(question('http_method:GET'), never)
      const expected = topOf(
        all.filter(({ record }) => record.method === 'GET'),
        'country',
        300,
      )
      expect({ available, partial }).toEqual({ available: keeps('country'), partial: null })
      const values = keeps('country') ? expected.values : []
      const withoutTime = <T extends object>(country: T): T => ({ ...country, p95Ms: 0 })
      const found = countries.map(({ iso, ...rest }) => Object.assign(rest, { value: iso }))
      expect(found.map(withoutTime)).toEqual(values.map(withoutTime))
      for (const [at, { p95Ms, value }] of found.entries())
        expectMs(p95Ms, values[at]?.p95Ms ?? null, `p95 of ${value}`)
    })

    it.each<[string, string, string]>([
      ['api_name', '', ''],
      ['api_name', 'HTTP', ''],
      ['request_uri', '/ANYTHING/ÜNÏ', ''],
      ['alias', 'user1', 'response_code:200'],
      ['tags', 'api-', ''],
      ['response_code', '50', ''],
    ])('completes %s:%s', async (field, prefix, line) => {
      const { values } = await store.values(question(line), field, prefix, never)
      const asked = all.filter(({ record }) => line === '' || record.responseCode === 200)
      const expected = topOf(asked, field, Infinity)
        .values.filter(({ value }) => value !== '' && value.toLowerCase().startsWith(prefix.toLowerCase()))
        .map(({ value, count: number }) => ({ value, count: number }))
      expect(values).toEqual(expected.slice(0, 20))
    })

    it('stops at once when nobody waits any more', async () => {
      const asked = new AbortController()
      const answer = store.overview({ ...question(), fields: TOP_FIELDS, size: 5 }, asked.signal)
      const reason = new Error('given up')
      asked.abort(reason)
      await expect(answer).rejects.toBe(reason)
      await expect(store.extent(AbortSignal.abort(reason))).rejects.toBe(reason)
    })
  })
}

const timeOf = ({ timestamp }: AnalyticsRecord): number => timestamp.seconds * 1000 + Math.floor(timestamp.nanos / 1e6)
const utcDay = (record: AnalyticsRecord): string => new Date(timeOf(record)).toISOString().slice(0, 10)
const isIn = (record: AnalyticsRecord, fromMs: number, toMs: number): boolean =>
  timeOf(record) >= fromMs && timeOf(record) < toMs
const isNothing = (value: unknown): boolean => value === null || value === ''
const idsOf = (records: readonly StoredRecord[]): string[] => records.map(({ id }) => id).sort()
const hasTag = ({ tags }: AnalyticsRecord, text: string): boolean =>
  (tags ?? []).some((tag) => tag === text || tag.endsWith(`-${text}`))
const hasText = (r: AnalyticsRecord, text: string): boolean =>
  [r.path, r.userAgent, ...(r.tags ?? [])].some((value) => value.toLowerCase().includes(text))
const compare = <T extends string | number>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0)

/** The one at rank max(1, floor(p * n + 0.5)). */
function percentileOf(values: readonly number[], percent: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(1, Math.floor((percent / 100) * sorted.length + 0.5)) - 1] ?? null
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}

function tallyOf(records: readonly StoredRecord[]): Omit<TopValue, 'value'> {
  const codes = records.map(({ record }) => record.responseCode)
  return {
    count: records.length,
    clientErrors: codes.filter((code) => code >= 400 && code < 500).length,
    serverErrors: codes.filter((code) => code >= 500 && code < 600).length,
    p95Ms: percentileOf(
      records.map(({ record }) => Number(record.requestTime)),
      95,
    ),
  }
}

const consumersOf = (records: readonly StoredRecord[]): Set<string> =>
  new Set(records.map(({ record: r }) => r.alias || r.apiKey).filter((name) => name !== ''))

function numbersOf(records: readonly StoredRecord[]): Numbers {
  const { count, ...rest } = tallyOf(records)
  return { requests: count, ...rest, consumers: consumersOf(records).size }
}

function bucketsOf(records: readonly StoredRecord[]): [string, StoredRecord[]][] {
  const bucketOf = ({ record }: StoredRecord): string =>
    new Date(Math.floor(timeOf(record) / HOUR) * HOUR).toISOString()
  return [...countBy(records, bucketOf)].sort(([a], [b]) => compare(a, b))
}

function trafficOf(records: readonly StoredRecord[]): { time: string; counts: StatusCounts }[] {
  const of = (group: readonly StoredRecord[], digit: number): number =>
    group.filter(({ record }) => Math.floor(record.responseCode / 100) === digit).length
  return bucketsOf(records).map(([time, group]) => {
    const counts = {
      '1xx': of(group, 1),
      '2xx': of(group, 2),
      '3xx': of(group, 3),
      '4xx': of(group, 4),
      '5xx': of(group, 5),
    }
    return {
      time,
      counts: { ...counts, other: group.length - Object.values(counts).reduce((sum, one) => sum + one, 0) },
    }
  })
}

const VALUES: Readonly<Record<string, (record: AnalyticsRecord) => readonly string[]>> = {
  api_name: (r) => [r.apiName],
  api_version: (r) => [r.apiVersion],
  request_uri: (r) => [r.path],
  alias: (r) => [r.alias],
  tags: (r) => (r.tags === null || r.tags.length === 0 ? [''] : [...new Set(r.tags)]),
  user_agent: (r) => [r.userAgent],
  http_method: (r) => [r.method],
  response_code: (r) => [String(r.responseCode)],
  country: (r) => [r.geo.country.isoCode],
}

function topOf(records: readonly StoredRecord[], field: string, size: number): { values: TopValue[]; others: number } {
  const groups = new Map<string, StoredRecord[]>()
  let total = 0
  for (const stored of records) {
    for (const value of VALUES[field]?.(stored.record) ?? []) {
      total++
      const group = groups.get(value)
      if (group === undefined) groups.set(value, [stored])
      else group.push(stored)
    }
  }
  // Numbers of equal counts are in the order of numbers, which is that of their texts here.
  const sorted = [...groups].sort(([a, one], [b, other]) => other.length - one.length || compare(a, b)).slice(0, size)
  const values = sorted.map(([value, group]) => Object.assign(tallyOf(group), { value }))
  return { values, others: total - values.reduce((sum, { count }) => sum + count, 0) }
}

interface NamedGroup {
  readonly apiId: string
  readonly apiVersion: string
  readonly pathPattern: string
  readonly code: number
}

const keyOfGroup = (group: NamedGroup): string =>
  JSON.stringify([group.apiId, group.apiVersion, group.pathPattern, group.code])

function errorGroups(records: readonly StoredRecord[], all: readonly StoredRecord[], knowsUpstream: boolean) {
  const failed = records.filter(({ record }) => record.responseCode >= 400 && record.responseCode < 600)
  const nameOf = ({ record: r }: StoredRecord) => {
    const named = { apiId: r.apiId, apiName: r.apiName, apiVersion: r.apiVersion, pathPattern: pathPattern(r.path) }
    return { ...named, code: r.responseCode }
  }
  const groups = countBy(failed, (stored) => keyOfGroup(nameOf(stored)))
  const first = Math.floor(FROM / HOUR)
  return [...groups.values()]
    .map((group) => {
      const named = nameOf(group[0] as StoredRecord)
      const times = group.map(({ record }) => timeOf(record))
      const sparkline = Array.from(
        { length: Math.ceil(TO / HOUR) - first },
        (_, at) => times.filter((ms) => Math.floor(ms / HOUR) - first === at).length,
      )
      const last = Math.max(...times)
      const atUpstream = group.filter(({ record }) => record.latency.upstream > 0).length
      const by = madeBy(named.code, knowsUpstream ? group.length : 0, knowsUpstream ? atUpstream : 0)
      return Object.assign(named, {
        reason: reasonOf(named.code, by),
        madeBy: by,
        count: group.length,
        shareOfApi: group.length / all.filter(({ record }) => record.apiId === named.apiId).length,
        firstSeen: new Date(Math.min(...times)).toISOString(),
        lastSeen: new Date(last).toISOString(),
        consumers: consumersOf(group).size,
        sparkline,
        examples: group.filter(({ record }) => timeOf(record) === last).map(({ id }) => id),
      })
    })
    .sort((a, b) => b.count - a.count || compare(b.lastSeen, a.lastSeen) || compare(keyOfGroup(a), keyOfGroup(b)))
}
