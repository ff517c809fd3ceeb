/** The store over real servers: what every store answers, and what is so in an index alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FIELDS } from '../src/fields.ts'
import { parseQuery } from '../src/query/parse.ts'
import { createElasticsearchStore } from '../src/store/elasticsearch/index.ts'
import { type PageQuestion, type Store, TooWideError } from '../src/store/types.ts'
import { describeStore, type StoreFixture } from './store-suite.ts'
import { createDataStream, createIndex, streamDocument, type TestIndex } from './support/elasticsearch-index.ts'
import { forEachEngine } from './support/engines.ts'
import { type StoredRecord, traffic } from './support/records.ts'

const never = new AbortController().signal

const openStore = (url: string, index: string): Store =>
  createElasticsearchStore({ url, index, username: '', password: '', apiKey: '', caFile: '', timeoutMs: 30_000 })

const HOUR = 3_600_000
const AT = Date.parse('2026-11-28T15:00:00Z')

const question = (line = '', changes: Partial<PageQuestion> = {}): PageQuestion => ({
  query: parseQuery(line, AT),
  fromMs: AT - HOUR,
  toMs: AT + HOUR,
  bucketMs: 60_000,
  size: 100,
  sort: '@timestamp',
  order: 'desc',
  columns: ['request_uri', 'user_agent', 'tags'],
  ...changes,
})

const NOT_IN_STREAMS = ['host', 'track_path']
const ONLY_IN_STREAMS = ['country', 'latency_gateway_ms', 'latency_upstream_ms', 'listen_path', 'original_path']

/** As the pump writes it, with what matters to a test. */
const documentOf = (changes: Record<string, unknown>): Record<string, unknown> => ({
  '@timestamp': '2026-11-28T15:00:00.000000001Z',
  alias: '',
  api_id: 'a',
  api_key: 'k',
  api_name: 'A',
  api_version: '',
  content_length: 0,
  http_method: 'GET',
  ip_address: '10.0.0.1',
  oauth_id: '',
  org_id: '',
  request_time_ms: 10,
  request_uri: '/get',
  request_uri_full: '/get',
  response_code: 200,
  tags: null,
  ...changes,
})

const WITH_STREAMS = new Set(['8', '9', 'opensearch2'])

async function filled(index: TestIndex, records: Iterable<StoredRecord>): Promise<StoreFixture> {
  await index.addRecords(records)
  return fixtureOf(index)
}

/** Of documents with the ids d0, d1 and so on. */
async function filledWith(url: string, documents: readonly object[]): Promise<StoreFixture> {
  const index = await createIndex(url)
  await index.add(documents.map((source, at) => ({ id: `d${at}`, source })))
  return fixtureOf(index)
}

function fixtureOf(index: TestIndex): StoreFixture {
  const store = openStore(index.url, index.name)
  return {
    store,
    close: async () => {
      await store.close()
      await index[Symbol.asyncDispose]()
    },
  }
}

function describeStreams(url: string): void {
  describeStore('a data stream', {
    lacks: NOT_IN_STREAMS,
    leavesOutUnknownLength: true,
    percentileTolerance: 0.01,
    start: async (records) => filled(await createDataStream(url), records),
  })

  describe('a data stream and an index under one pattern', () => {
    const records = [...traffic({ count: 400, fromMs: AT - HOUR, toMs: AT, detailed: true })].map(
      ({ id, record }): StoredRecord => ({ id, record: { ...record, rawResponse: fromBase64(record.rawResponse) } }),
    )
    const fixtures: StoreFixture[] = []
    let one: Store
    let both: Store
    beforeAll(async () => {
      const [whole, index, stream] = [await createIndex(url), await createIndex(url), await createDataStream(url)]
      const isOld = ({ id }: StoredRecord): boolean => records.findIndex((record) => record.id === id) % 2 === 0
      fixtures.push(await filled(whole, records))
      fixtures.push(await filled(index, records.filter(isOld)))
      fixtures.push(
        await filled(
          stream,
          records.filter((record) => !isOld(record)),
        ),
      )
      one = openStore(url, whole.name)
      both = openStore(url, `${index.name},${stream.name}`)
    })
    afterAll(async () => {
      for (const { close } of fixtures) await close()
      await Promise.all([one.close(), both.close()])
    })

    it('are counted as if all were in one index', async () => {
      const fields = FIELDS.filter(({ kind, elasticsearch }) => elasticsearch !== null && kind !== 'text')
        .map(({ name }) => name)
        // What no document has is nowhere in an index, and empty in a stream.
        .filter((name) => !['@timestamp', 'content_length'].includes(name) && !name.startsWith('mcp_'))
      const asked = { ...question(), fields, size: 20 }
      const { latency: _, ...expected } = await one.overview(asked, never)
      expect(await both.overview(asked, never)).toMatchObject(expected)
    })

    it.each([
      'response_code>=400',
      'user_agent:curl*',
      'tags:api-*',
      'ip_address:10.1.*',
      'request_uri_full:/orders/*',
      'not alias:*',
      'iphone',
      'raw_response:status',
    ])('are found by %s, and all their fields are shown', async (line) => {
      const columns = FIELDS.filter(({ elasticsearch }) => elasticsearch !== null).map(({ name }) => name)
      const asked = question(line, { size: 500, columns })
      const found = await both.requests(asked, never)
      const expected = await one.requests(asked, never)
      const rowsOf = ({ rows }: typeof found) =>
        rows
          .map(({ id, fields }) => ({ id, fields: { ...fields, ...withoutUnknownLength(fields['content_length']) } }))
          .sort((a, b) => (a.id < b.id ? -1 : 1))
      expect(expected.rows.length).toBeGreaterThan(0)
      expect(rowsOf(found)).toEqual(rowsOf(expected))
      expect(found.total).toEqual(expected.total)
    })

    it.each(FIELDS.filter(({ kind }) => kind !== 'text' && kind !== 'list').map(({ name }) => name))(
      'come in pages that are sorted by %s, each once',
      async (sort) => {
        for (const order of ['asc', 'desc'] as const) {
          const seen: string[] = []
          let after: string | null = null
          do {
            const page: PageQuestion = question('', { size: 150, sort, order, ...(after !== null && { after }) })
            const { rows, next, partial } = await both.requests(page, never)
            expect(partial).toBeNull()
            seen.push(...rows.map(({ id }) => id))
            after = next
          } while (after !== null)
          expect([...seen].sort()).toEqual(records.map(({ id }) => id).sort())
        }
      },
    )

    it('are opened with what each kind keeps', async () => {
      const [inIndex, inStream] = [records[0], records[1]] as [StoredRecord, StoredRecord]
      const old = await both.request(inIndex.id, never)
      const young = await both.request(inStream.id, never)
      expect(old?.row.fields).toMatchObject({ latency_upstream_ms: null, listen_path: null })
      expect(young?.row.fields).toMatchObject({
        latency_upstream_ms: inStream.record.latency.upstream,
        listen_path: inStream.record.listenPath,
      })
      for (const detail of [old, young]) expect(detail?.rawResponse?.text).toMatch(/^HTTP\/1\.1 /)
    })
  })
}

const fromBase64 = (text: string): string => Buffer.from(text, 'base64').toString('utf8')
function describeOddStreams(url: string, engine: string): void {
  describe('odd documents of a data stream', () => {
    const LONG = `/${'x'.repeat(2000)}`
    const odd: readonly StoredRecord[] = [...traffic({ count: 20, fromMs: AT - HOUR, toMs: AT })].map(
      ({ id, record }, at) => ({
        id,
        record: { ...record, responseCode: at < 5 ? 503 : 200, ...(at === 0 && { path: LONG }) },
      }),
    )
    const withStore = async (index: TestIndex, use: (store: Store) => Promise<void>): Promise<void> => {
      const { store, close } = await filled(index, odd)
      try {
        await use(store)
      } finally {
        await close()
      }
    }

    it('with a text that is too long have it all the same, where the server notes that it was there', async () => {
      const unknown = engine === 'opensearch2' ? 1 : 0
      await withStore(await createDataStream(url), async (store) => {
        const count = async (line: string): Promise<number> => (await store.requests(question(line), never)).total.value
        expect([await count('request_uri:*'), await count('-request_uri:*')]).toEqual([20 - unknown, unknown])
        expect(await count('request_uri:""')).toBe(unknown)
        const none = odd.filter(({ record }) => record.geo.country.isoCode === '').length
        expect([await count('country:""'), await count('-country:*')]).toEqual([none, none])
      })
    })

    it('in an index that has no mapping for them are counted the same', async () => {
      await withStore(await createIndex(url, undefined, streamDocument), async (store) => {
        const { numbers, traffic: buckets } = await store.overview({ ...question(), fields: [], size: 5 }, never)
        expect(numbers).toMatchObject({ requests: 20, serverErrors: 5 })
        expect(buckets.reduce((sum, { counts }) => sum + counts['5xx'], 0)).toBe(5)
        const { groups } = await store.errors(question(), never)
        expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(5)
      })
    })
  })
}

/** A length that is not known is -1 in an index, and nothing in a stream. */
const withoutUnknownLength = (length: unknown): object => (length === -1 ? { content_length: null } : {})

forEachEngine((url, engine) => {
  describeStore('an index', {
    lacks: [...NOT_IN_STREAMS, ...ONLY_IN_STREAMS],
    percentileTolerance: 0.01,
    start: async (records) => filled(await createIndex(url), records),
  })

  if (WITH_STREAMS.has(engine)) {
    describeStreams(url)
    describeOddStreams(url, engine)
  }

  describe('an index that is not there', () => {
    let store: Store
    beforeAll(() => {
      store = openStore(url, 'tyk_analytics-none-*')
    })
    afterAll(() => store.close())

    it('is one without records', async () => {
      expect(await store.extent(never)).toEqual({ records: 0, oldestMs: null, newestMs: null })
      expect((await store.fields(never)).has('request_uri')).toBe(true)
      const none = { requests: 0, clientErrors: 0, serverErrors: 0, p95Ms: null, consumers: 0 }
      expect(await store.overview({ ...question(), fields: ['alias'], size: 3 }, never)).toEqual({
        numbers: none,
        before: none,
        traffic: [],
        latency: [],
        top: [{ field: 'alias', values: [], others: 0 }],
        partial: null,
      })
      expect(await store.requests(question(), never)).toMatchObject({ rows: [], next: null, total: { value: 0 } })
      expect(await store.errors(question(), never)).toEqual({ groups: [], others: 0, partial: null })
      expect(await store.request('x', never)).toBeNull()
    })
  })

  describe('documents', () => {
    let store: Store
    let close: () => Promise<void>
    const long = `/long/${'part-'.repeat(80)}end`
    const raw = (text: string): string => Buffer.from(text).toString('base64')

    beforeAll(async () => {
      const documents = [
        documentOf({ request_uri: long, response_code: 500 }),
        documentOf({ request_uri: `${long}-of-another`, response_code: 500 }),
        documentOf({
          user_agent: 'decoded',
          raw_request: 'GET /secret-word HTTP/1.1\r\n\r\n',
          raw_response: raw('HTTP/1.1 200 OK\r\n\r\nü'),
        }),
        documentOf({ request_time_ms: -5 }),
        documentOf({ request_time_ms: 9_000_000_000_000 }),
        documentOf({ response_code: 700 }),
        ...Array.from({ length: 30 }, (_, at) => documentOf({ api_id: 'same', alias: `a${at}` })),
      ]
      ;({ store, close } = await filledWith(url, documents))
    })
    afterAll(() => close())

    it('with a path that is too long for a keyword count, and are found by the whole of it', async () => {
      const found = await store.requests(question(`request_uri:${long}`), never)
      expect(found.rows.map(({ id }) => id)).toContain('d0')
      expect((await store.requests(question('request_uri:*'), never)).total.value).toBe(36)
      const { top } = await store.overview({ ...question(), fields: ['request_uri'], size: 5 }, never)
      expect(top[0]).toMatchObject({ values: [{ value: '/get', count: 34 }], others: 2 })
      const { groups, others } = await store.errors(question(), never)
      expect(groups).toMatchObject([{ pathPattern: '(too long for the index)', count: 2, consumers: 1 }])
      expect(others).toBe(0)
    })

    it('with times that are none leave the percentiles of the others', async () => {
      const { numbers } = await store.overview({ ...question(), fields: [], size: 5 }, never)
      expect(numbers).toMatchObject({ requests: 36, p95Ms: 10 })
    })

    it('with a code that is none count as other', async () => {
      const { traffic: buckets } = await store.requests(question('response_code:700'), never)
      expect(buckets).toMatchObject([{ counts: { other: 1, '5xx': 0 } }])
    })

    it('show their messages, decoded or not, and are found by words of decoded ones', async () => {
      const detail = await store.request('d2', never)
      expect(detail?.rawRequest?.text).toBe('GET /secret-word HTTP/1.1\r\n\r\n')
      expect(detail?.rawResponse?.text).toBe('HTTP/1.1 200 OK\r\n\r\nü')
      expect(detail?.row.fields).not.toHaveProperty('raw_request')
      expect((await store.requests(question('secret-word'), never)).rows.map(({ id }) => id)).toEqual(['d2'])
      expect((await store.requests(question('raw_request:secret-word'), never)).rows.map(({ id }) => id)).toEqual([
        'd2',
      ])
    })

    it.each(['@timestamp', 'alias', 'api_id', 'request_time_ms'])(
      'of the same millisecond come once each, in pages sorted by %s',
      async (sort) => {
        for (const order of ['asc', 'desc'] as const) {
          const seen: string[] = []
          let after: string | null = null
          do {
            const page: PageQuestion = question('', { size: 7, sort, order, ...(after !== null && { after }) })
            const { rows, next, total } = await store.requests(page, never)
            expect(total.value).toBe(36)
            seen.push(...rows.map(({ id }) => id))
            after = next
          } while (after !== null)
          expect([...seen].sort()).toEqual(Array.from({ length: 36 }, (_, at) => `d${at}`).sort())
        }
      },
    )

    it.each([
      'request_uri:*a*b*c*d*e*f*g*h*',
      'request_uri:"\\\\"',
      'alias:"*?[](){}\\"\\\\/"',
      '".*"',
      `not ${'('.repeat(20)}alias:a${')'.repeat(20)}`,
      '"\u0000"',
      '"\uD800"',
    ])('are asked for by %s without harm', async (line) => {
      const { partial } = await store.requests(question(line), never)
      expect(partial).toBeNull()
    })

    it('asked for by a text that is too long are refused as too wide, where the server refuses it', async () => {
      const found = await store.requests(question(`"${'x'.repeat(1500)}"`), never).catch((error: unknown) => error)
      if (found instanceof Error) expect(found).toBeInstanceOf(TooWideError)
      else expect(found).toMatchObject({ rows: [] })
    })

    it('complete values with signs that mean something in a pattern', async () => {
      const { values } = await store.values(question(), 'request_uri', '/G', never)
      expect(values).toEqual([{ value: '/get', count: 34 }])
      for (const prefix of ['.*', '"', '[a', '\\', '#', '@&~<1-9>', '{', 'a'.repeat(256), '#'.repeat(256)]) {
        expect((await store.values(question(), 'alias', prefix, never)).values, prefix).toEqual([])
      }
    })
  })

  describe('errors', () => {
    let store: Store
    let close: () => Promise<void>
    beforeAll(async () => {
      const failed = (request_uri: string, alias: string, more: object = {}): object =>
        documentOf({ response_code: 500, api_id: 'many', request_uri, alias, ...more })
      const documents = [
        ...Array.from({ length: 700 }, (_, at) => failed(`/many/${at}`, `alias-${at % 7}`)),
        ...Array.from({ length: 250 }, (_, at) => {
          const time = `2026-11-28T15:00:00.${String(at).padStart(3, '0')}Z`
          return failed(`/single-${at}x`, 'one', { '@timestamp': time })
        }),
        failed(`/${'long-'.repeat(80)}`, 'long'),
        failed(`/${'long-'.repeat(90)}`, 'long'),
        ...Array.from({ length: 5 }, (_, at) => failed(`/many/${at}`, 'client', { response_code: 404 })),
        failed('/many/1', 'another version', { api_version: 'v2' }),
        failed('/many/1', 'another version', { api_version: 'v2' }),
        failed('/single-1x', 'another version', { api_version: 'v2' }),
        failed('/single-1x', 'another version', { api_version: 'v2' }),
        failed('/single-1x', 'another version', { api_version: 'v2' }),
      ]
      ;({ store, close } = await filledWith(url, documents))
    })
    afterAll(() => close())

    it('of more groups than are shown have the details of their own requests', async () => {
      const { groups, others, partial } = await store.errors(question(), never)
      const shown = groups.map(({ pathPattern, code, apiVersion, count, consumers, sparkline }) => {
        const inTime = sparkline.reduce((sum, one) => sum + one, 0)
        return [pathPattern, code, apiVersion, count, inTime, consumers]
      })
      const version = groups[0]?.apiVersion
      expect(shown.slice(0, 5)).toEqual([
        ['/many/{id}', 500, version, 700, 700, 7],
        ['/many/{id}', 404, version, 5, 5, 1],
        ['/single-1x', 500, 'v2', 3, 3, 1],
        ['(too long for the index)', 500, version, 2, 2, 1],
        ['/many/{id}', 500, 'v2', 2, 2, 1],
      ])
      const latest = Array.from({ length: 195 }, (_, at) => `/single-${249 - at}x`)
      expect(shown.slice(5)).toEqual(latest.map((pattern) => [pattern, 500, version, 1, 1, 1]))
      expect({ groups: groups.length, others, partial }).toEqual({ groups: 200, others: 55, partial: null })
      expect(new Set(groups.map(({ example }) => example)).size).toBe(200)
    })
  })

  describe('documents of an API that has no id', () => {
    let store: Store
    let close: () => Promise<void>
    beforeAll(async () => {
      const documents = [
        documentOf({ response_code: 500, api_id: '' }),
        documentOf({ response_code: 500, api_id: null }),
        documentOf({ response_code: 200, api_id: null }),
        documentOf({ response_code: 200, api_id: 'another' }),
        documentOf({ response_code: 503, api_id: 'another' }),
      ]
      ;({ store, close } = await filledWith(url, documents))
    })
    afterAll(() => close())

    it('are one group of errors with their share of all of them', async () => {
      const { groups, others, partial } = await store.errors(question('response_code>=500'), never)
      expect(groups.map(({ apiId, count, shareOfApi }) => ({ apiId, count, shareOfApi }))).toEqual([
        { apiId: '', count: 2, shareOfApi: 2 / 3 },
        { apiId: 'another', count: 1, shareOfApi: 0.5 },
      ])
      expect({ others, partial }).toEqual({ others: 0, partial: null })
    })
  })
})
