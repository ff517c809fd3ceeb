import { afterAll, beforeAll, expect, it } from 'vitest'
import type { PumpRecord } from '../src/sinks/types.ts'
import { elasticsearchSink } from '../src/sinks/elasticsearch/index.ts'
import { forEachEngine } from './support/engines.ts'
import { optionsOf } from './support/sink-options.ts'
import { jwtRecord, keylessRecord, pumpRecord, sinkDeps } from './support/sink-records.ts'

const never = new AbortController().signal

/** What the published walk-through stores, and a failed request among it. */
function batch(): PumpRecord[] {
  const second = (i: number) => ({ timestamp: { seconds: 1_578_687_600 + i, nanos: 0 } })
  return [
    pumpRecord(keylessRecord(), 'AAFvkwAAAA-keyless-get'),
    pumpRecord(jwtRecord(), 'AAFvkwAAAB-jwt-get'),
    ...Array.from({ length: 5 }, (_, i) => pumpRecord(keylessRecord(second(i)), `keyless-${i}`)),
    ...Array.from({ length: 5 }, (_, i) => pumpRecord(jwtRecord(second(i)), `jwt-${i}`)),
    pumpRecord(keylessRecord({ ...second(9), responseCode: 500, tags: null }), 'failed'),
  ]
}

const KEYLESS_DOCUMENT = {
  '@timestamp': '2020-01-10T20:18:53.123456789Z',
  alias: '',
  api_id: 'httpbin',
  api_key: '00000000',
  api_name: 'httpbin',
  api_version: 'Non Versioned',
  content_length: 0,
  http_method: 'GET',
  ip_address: '172.22.0.1',
  oauth_id: '',
  org_id: '',
  request_time_ms: 4,
  request_uri: '/get',
  request_uri_full: '/get',
  response_code: 200,
  tags: ['key-00000000', 'api-httpbin'],
}

const JWT_DOCUMENT = {
  ...KEYLESS_DOCUMENT,
  '@timestamp': '2020-01-10T20:21:07.0041203Z',
  alias: 'foo@bar.com',
  api_id: 'httpbin-jwt',
  api_key: 'df992c71',
  api_name: 'httpbin-jwt',
  request_time_ms: 7,
  tags: ['pol-5e189590801287e42a6cf5ce', 'user-foo@bar.com', 'key-df992c71', 'api-httpbin-jwt'],
}

/** The meta of the published pump.json. */
const ARTICLE_META = {
  document_type: 'tyk_analytics',
  enable_sniffing: false,
  rolling_index: false,
  extended_stats: false,
  version: '6',
}

interface Hit {
  readonly id: string
  readonly type: string | undefined
  readonly source: Readonly<Record<string, unknown>>
}

interface SearchAnswer {
  readonly hits: {
    readonly hits: readonly { _id: string; _type?: string; _source: Readonly<Record<string, unknown>> }[]
  }
}

forEachEngine(describeEngine)

function describeEngine(engine: string, url: string): void {
  const prefix = `tek_it_${process.pid}_${Date.now()}`
  let next = 0

  beforeAll(() => {
    process.env['TZ'] = 'UTC'
  })
  afterAll(() => fetch(`${url}/${prefix}_*?allow_no_indices=true`, { method: 'DELETE' }))

  const startSink = (meta: Readonly<Record<string, unknown>> = {}) => {
    const index = `${prefix}_${next++}`
    const deps = sinkDeps()
    const options = optionsOf(elasticsearchSink.options, { elasticsearch_url: url, index_name: index, ...meta })
    const sink = elasticsearchSink.create(options, deps)
    return { index, sink, deps, [Symbol.asyncDispose]: () => sink.close() }
  }

  const search = async (index: string, query = '*'): Promise<Hit[]> => {
    await fetch(`${url}/${index}/_refresh`, { method: 'POST' })
    const answer = await fetch(`${url}/${index}/_search?size=100&q=${encodeURIComponent(query)}`)
    const body = (await answer.json()) as SearchAnswer
    return body.hits.hits.map(({ _id: id, _type: type, _source: source }) => ({ id, type, source }))
  }

  it.each([
    ['no version', {}],
    ['the published configuration', ARTICLE_META],
    ['version 7', { version: '7' }],
    ['one request per record', { disable_bulk: true }],
  ])('stores 13 records with %s, once however often they are sent', async (_, meta) => {
    await using it = startSink(meta)
    expect(await it.sink.write(batch(), never)).toEqual(Array(13).fill('delivered'))
    expect(await it.sink.write(batch(), never)).toEqual(Array(13).fill('delivered'))
    const hits = await search(it.index)
    expect(hits).toHaveLength(13)
    const byId = new Map(hits.map((hit) => [hit.id, hit]))
    expect(byId.get('AAFvkwAAAA-keyless-get')?.source).toEqual(KEYLESS_DOCUMENT)
    expect(byId.get('AAFvkwAAAB-jwt-get')?.source).toEqual(JWT_DOCUMENT)
    if (engine === '6') expect(new Set(hits.map(({ type }) => type))).toEqual(new Set(['tyk_analytics']))
  })

  it('finds records by the queries of the walk-through', async () => {
    await using it = startSink(ARTICLE_META)
    await it.sink.write(batch(), never)
    expect((await search(it.index, 'response_code:500')).map(({ id }) => id)).toEqual(['failed'])
    expect(await search(it.index, 'tags:"foo@bar.com"')).toHaveLength(6)
    expect(await search(it.index, 'tags.keyword:"key-00000000"')).toHaveLength(6)
  })

  it('stores the one record that does not fit the mapping with its field moved aside', async () => {
    await using it = startSink()
    // The first value of a text field that looks like a date makes it one.
    const [first, second, third] = [
      pumpRecord(keylessRecord({ apiVersion: '2021-01-01' }), 'a'),
      pumpRecord(keylessRecord(), 'b'),
      pumpRecord(keylessRecord({ apiVersion: '2021-01-02' }), 'c'),
    ]
    expect(await it.sink.write([first], never)).toEqual(['delivered'])
    expect(await it.sink.write([second, third], never)).toEqual(['delivered', 'delivered'])
    const [hit] = await search(it.index, 'quarantined.fields:api_version')
    expect(hit).toMatchObject({
      id: 'b',
      source: {
        api_id: 'httpbin',
        quarantined: {
          fields: ['api_version'],
          values: ['api_version=Non Versioned'],
          reasons: [expect.stringMatching(/^400 (mapper|document)_parsing_exception: (\[\d+:\d+\] )?failed to parse/)],
        },
      },
    })
  })

  it('uses the client that fits the server', async () => {
    await using it = startSink()
    await it.sink.check(never)
    const line = it.deps.lines.find(({ msg }) => msg === 'Elasticsearch server recognised')
    const official = engine === '7' || engine === '8' || engine === '9'
    expect(line).toMatchObject({ client: official ? 'official' : 'http' })
  })

  it("writes into one index per day of the records' own time", async () => {
    await using it = startSink({ rolling_index: true })
    await it.sink.write(batch(), never)
    expect(await search(`${it.index}-2020.01.10`)).toHaveLength(13)
  })
}
