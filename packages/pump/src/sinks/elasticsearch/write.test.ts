import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { describeSink } from '../../../test/support/describe-sink.ts'
import {
  type FakeElasticsearch,
  type FakeOptions,
  startFakeElasticsearch,
} from '../../../test/support/fake-elasticsearch.ts'
import { optionsOf } from '../../../test/support/sink-options.ts'
import { jwtRecord, keylessRecord, numberedBatch, pumpRecord, sinkDeps } from '../../../test/support/sink-records.ts'
import { SinkBatchTooLargeError, SinkOptionError, SinkRefusedError, SinkUnavailableError } from '../../errors.ts'
import type { Sink } from '../types.ts'
import { elasticsearchSink } from './index.ts'

const never = new AbortController().signal

type Options = Readonly<Record<string, unknown>>

const fixture = (server: FakeOptions, options: Options = {}) => ({
  abilities: ['idempotent', 'refuse', 'busyOnce', 'away', 'hang'] as const,
  start: async () => {
    const target = await startFakeElasticsearch(server)
    return Object.assign(target, {
      options: optionsOf(elasticsearchSink.options, { elasticsearch_url: target.url, ...options }),
      stored: async () => target.documents.map(({ source }) => String(source['api_id'])),
    })
  },
})

describe('with the official client', () => {
  describeSink(elasticsearchSink, fixture({ version: '8.19.0' }))
})
describe('over plain HTTP', () => {
  describeSink(elasticsearchSink, fixture({ version: '6.8.23' }))
})

async function started(server: FakeOptions = {}, options: Options = {}) {
  const target = await startFakeElasticsearch(server)
  const deps = sinkDeps()
  const sink = createSink({ elasticsearch_url: target.url, ...options }, deps)
  const dispose = async (): Promise<void> => {
    await sink.close()
    await target[Symbol.asyncDispose]()
  }
  return { target, sink, deps, [Symbol.asyncDispose]: dispose }
}

function createSink(options: Options, deps = sinkDeps()): Sink {
  return elasticsearchSink.create(optionsOf(elasticsearchSink.options, options), deps)
}

/** `official` or `http`, by the user agent of the last write. */
function clientOf(target: FakeElasticsearch): string {
  return /elasticsearch-js|elastic-transport/.test(`${target.writes().at(-1)?.headers['user-agent']}`)
    ? 'official'
    : 'http'
}

describe('choosing client and form by the server', () => {
  it.each([
    [{ version: '9.2.0' }, 'official', false],
    [{ version: '8.0.0' }, 'official', false],
    [{ version: '7.17.29' }, 'official', false],
    [{ version: '7.13.4' }, 'http', false],
    [{ version: '7.10.2' }, 'http', false],
    [{ version: '6.8.23' }, 'http', true],
    [{ version: '5.6.16', product: true }, 'http', true],
    [{ version: '2.19.6', distribution: 'opensearch' }, 'http', false],
  ] as const)('writes to %o over %s, typed: %s, whatever version is configured', async (server, client, typed) => {
    for (const version of ['', '6', '7', 'auto']) {
      await using it = await started(server, { version })
      expect(await it.sink.write(numberedBatch(2), never)).toEqual(['delivered', 'delivered'])
      expect(clientOf(it.target)).toBe(client)
      expect(it.target.documents.map(({ type }) => type)).toEqual(Array(2).fill(typed ? 'tyk_analytics' : undefined))
    }
  })

  it('turns to plain HTTP when a server names the product but refuses the client', async () => {
    await using it = await started({ version: '8.1.0', refuseVendoredTypes: true })
    expect(await it.sink.write(numberedBatch(1), never)).toEqual(['delivered'])
    expect(clientOf(it.target)).toBe('http')
    await it.sink.write(numberedBatch(2), never)
    expect(it.target.writes()).toHaveLength(3)
  })

  it.each([
    ['6', 'tyk_analytics'],
    ['7', undefined],
    ['', undefined],
  ])('goes by the configured version %j when the server does not show its own', async (version, type) => {
    await using it = await started({ rootStatus: 403 }, { version })
    expect(await it.sink.write(numberedBatch(1), never)).toEqual(['delivered'])
    expect(it.target.documents[0]?.type).toBe(type)
  })

  it('looks at the server again after an outage, in which it may have been upgraded', async () => {
    await using first = await startFakeElasticsearch({ version: '6.8.23' })
    const sink = createSink({ elasticsearch_url: first.url })
    await sink.write(numberedBatch(1), never)
    await first.away(true)
    await expect(sink.write(numberedBatch(1), never)).rejects.toBeInstanceOf(SinkUnavailableError)
    await first.away(false)
    await sink.write(numberedBatch(1), never)
    expect(first.requests.filter(({ url }) => url === '/')).toHaveLength(2)
    await sink.close()
  })
})

describe('requests', () => {
  it('creates documents by id in one NDJSON request', async () => {
    await using it = await started({ version: '7.10.2' }, { index_name: 'traffic' })
    await it.sink.write([pumpRecord(keylessRecord(), 'first'), pumpRecord(jwtRecord(), 'second')], never)
    const [request] = it.target.writes()
    expect(request).toMatchObject({ method: 'POST', url: '/_bulk' })
    expect(request?.headers['content-type']).toBe('application/x-ndjson')
    const lines = request?.body.split('\n') ?? []
    expect(lines).toHaveLength(5)
    expect(lines[0]).toBe('{"create":{"_index":"traffic","_id":"first"}}')
    expect(lines[2]).toBe('{"create":{"_index":"traffic","_id":"second"}}')
    expect(lines[4]).toBe('')
  })

  it('keeps a path prefix', async () => {
    await using target = await startFakeElasticsearch({ version: '6.8.0' })
    const sink = createSink({ elasticsearch_url: `${target.url}/es/?pretty` })
    await sink.write(numberedBatch(1), never)
    expect(target.requests.map(({ url }) => url)).toEqual(['/es/', '/es/_bulk'])
    await sink.close()
  })

  it.each(['8.19.0', '6.8.23', '2.19.6'])('sends one request per record with disable_bulk to %s', async (version) => {
    await using it = await started({ version }, { disable_bulk: true, index_name: 'single' })
    it.target.refuse('api1')
    const verdicts = await it.sink.write(numberedBatch(3), never)
    expect(verdicts).toEqual([
      'delivered',
      expect.objectContaining({ errorType: 'document_parsing_exception', index: 'single' }),
      'delivered',
    ])
    expect(it.target.writes()).toHaveLength(3)
    expect(await it.sink.write(numberedBatch(1), never)).toEqual(['delivered'])
    expect(it.target.documents.map(({ id }) => id)).toEqual(['id-0', 'id-2'])
  })

  it('keeps what was stored when single requests stop being answered', async () => {
    await using it = await started({}, { disable_bulk: true })
    it.target.next({ status: 201, body: {} }, { status: 429, body: {} })
    expect(await it.sink.write(numberedBatch(3), never)).toEqual(['delivered', 'retry', 'retry'])
  })

  it.each([
    [{ auth_basic_username: 'elastic', auth_basic_password: 'p:ä§' }, 'Basic ZWxhc3RpYzpwOsOkwqc='],
    [{ auth_api_key_id: 'kid', auth_api_key: 'ksecret' }, 'ApiKey a2lkOmtzZWNyZXQ='],
    [{ auth_api_key: 'ZW5jb2RlZA==' }, 'ApiKey ZW5jb2RlZA=='],
    [{ auth_api_key_id: 'kid', auth_api_key: 'ksecret', auth_basic_username: 'u' }, 'ApiKey a2lkOmtzZWNyZXQ='],
    [{}, 'Basic dXNlcjpwQHNz'],
  ])('sends credentials %o', async (options, authorization) => {
    for (const version of ['8.19.0', '6.8.0']) {
      await using target = await startFakeElasticsearch({ version })
      const deps = sinkDeps()
      const url = target.url.replace('//', '//user:p%40ss@')
      const sink = createSink({ elasticsearch_url: url, ...options }, deps)
      await sink.write(numberedBatch(1), never)
      await sink.close()
      expect(new Set(target.requests.map(({ headers }) => headers.authorization))).toEqual(new Set([authorization]))
      expect(JSON.stringify(deps.lines)).not.toMatch(/p%40ss|ksecret|p:ä§/)
    }
  })
})

describe('reading answers', () => {
  it.each([408, 429, 502, 503, 504, 507, 500])('asks for an item again that came back with %i', async (status) => {
    await using it = await started()
    it.target.next({ items: { 1: { status, type: 'busy' } } })
    expect(await it.sink.write(numberedBatch(3), never)).toEqual(['delivered', 'retry', 'delivered'])
  })

  it.each([400, 404, 405, 413])('rejects an item that came back with %i', async (status) => {
    await using it = await started()
    it.target.next({ items: { 0: { status, type: 'some_exception', reason: 'scripted' } } })
    const rejection = { rejected: `${status} some_exception: scripted`, errorType: 'some_exception' }
    const index = 'tyk_analytics'
    const expected = { ...rejection, ...(status === 413 && { errorType: 'too_large' }), index }
    expect(await it.sink.write(numberedBatch(2), never)).toEqual([expected, 'delivered'])
  })

  it('leaves out of a reason what the record held', async () => {
    await using it = await started()
    const reason =
      "failed to parse field [alias] of type [date] in document with id 'a'. Preview of field's value: 's3cret'"
    const cause = { type: 'illegal_argument_exception', reason: 'failed to parse date field [s3cret]' }
    it.target.next({ body: { items: [{ create: { status: 400, error: { type: 'x', reason, caused_by: cause } } }] } })
    it.target.next({ items: { 0: { status: 400, type: 'x', reason: 'no' } } })
    const rejected =
      "400 x: failed to parse field [alias] of type [date] in document with id 'a'; with alias moved aside: 400 x: no"
    expect(await it.sink.write(numberedBatch(1), never)).toMatchObject([{ rejected, errorType: 'x' }])
  })

  it('takes 409 for delivered', async () => {
    await using it = await started()
    it.target.next({ items: { 0: { status: 409, type: 'version_conflict_engine_exception' } } })
    expect(await it.sink.write(numberedBatch(1), never)).toEqual(['delivered'])
  })

  it('asks for those again that the answer leaves out', async () => {
    await using it = await started()
    it.target.next({ itemCount: 1 })
    expect(await it.sink.write(numberedBatch(3), never)).toEqual(['delivered', 'retry', 'retry'])
  })

  it.each([
    ['null', null],
    ['a number', 3],
    ['an empty object', {}],
    ['a result that is text', { create: 'ok' }],
    ['a status that is text', { create: { status: '201' } }],
  ])('asks for a record again whose item is %s', async (_, item) => {
    await using it = await started()
    it.target.next({ body: { errors: false, items: [item, { create: { status: 201 } }] } })
    expect(await it.sink.write(numberedBatch(2), never)).toEqual(['retry', 'delivered'])
  })

  it('holds everything when the index takes nothing until a person acts', async () => {
    await using it = await started()
    const blocked = {
      status: 403,
      type: 'cluster_block_exception',
      reason: 'index [tyk_analytics] blocked by: read-only',
    }
    it.target.next({ items: { 0: blocked, 1: blocked } })
    await expect(it.sink.write(numberedBatch(2), never)).rejects.toThrow(
      /403 cluster_block_exception: index .* blocked/,
    )
    it.target.next({ items: { 1: blocked } })
    expect(await it.sink.write(numberedBatch(3), never)).toEqual(['delivered', 'retry', 'delivered'])
  })

  it.each(['8.19.0', '6.8.23'])('reports a request that is too large on %s', async (version) => {
    await using it = await started({ version })
    it.target.next({ status: 413 })
    await expect(it.sink.write(numberedBatch(2), never)).rejects.toBeInstanceOf(SinkBatchTooLargeError)
  })

  it.each([401, 403, 400, 404])('holds everything when the request is refused with %i', async (status) => {
    await using it = await started()
    it.target.next({ status, body: { error: { type: 'security_exception', reason: 'action is unauthorized' } } })
    const write = it.sink.write(numberedBatch(2), never)
    await expect(write).rejects.toBeInstanceOf(SinkRefusedError)
    await expect(write).rejects.toThrow(`${status}: security_exception: action is unauthorized`)
  })

  it('holds everything when plain HTTP is answered 406 as well', async () => {
    await using it = await started()
    it.target.next({ status: 406 }, { status: 406 })
    await expect(it.sink.write(numberedBatch(2), never)).rejects.toBeInstanceOf(SinkRefusedError)
  })

  it('says what to change when a server knows no types', async () => {
    await using it = await started({ rootStatus: 403 }, { version: '6' })
    const reason = 'Action/metadata line [1] contains an unknown parameter [_type]'
    it.target.next({ status: 400, body: { error: { type: 'illegal_argument_exception', reason } } })
    await expect(it.sink.write(numberedBatch(1), never)).rejects.toThrow(/set "version" to that of the server/)
  })

  it('holds everything when the credentials are refused at the first look', async () => {
    await using it = await started({ rootStatus: 401 })
    await expect(it.sink.write(numberedBatch(1), never)).rejects.toBeInstanceOf(SinkRefusedError)
    await expect(it.sink.check(never)).rejects.toBeInstanceOf(SinkRefusedError)
  })

  it.each([
    ['seconds', '7', 7000],
    ['a date in the past', 'Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['nonsense', 'soon', null],
  ])('passes Retry-After on when it is %s', async (_, header, retryAfterMs) => {
    for (const status of [429, 503]) {
      await using it = await started()
      it.target.next({ status, headers: { 'retry-after': header } })
      await expect(it.sink.write(numberedBatch(1), never)).rejects.toMatchObject({
        code: 'PUMP_SINK_UNAVAILABLE',
        retryAfterMs,
      })
    }
  })

  it.each([
    [
      'is cut in the middle',
      { half: true, body: { items: Array.from({ length: 50 }, () => ({ create: { status: 201 } })) } },
    ],
    ['never comes', { reset: true }],
    ['is no JSON', { body: '<html>It works!</html>' }],
    ['has no items', { body: { took: 1 } }],
    ['is 500', { status: 500 }],
  ] as const)('tries the batch again when the answer %s', async (_, scripted) => {
    for (const version of ['8.19.0', '6.8.23']) {
      await using it = await started({ version })
      it.target.next(scripted)
      await expect(it.sink.write(numberedBatch(2), never)).rejects.toBeInstanceOf(SinkUnavailableError)
      expect(await it.sink.write(numberedBatch(2), never)).toEqual(['delivered', 'delivered'])
    }
  })

  it('sends a single document that is too large without its raw texts', async () => {
    await using it = await started({}, { extended_stats: true })
    it.target.next({ status: 413 })
    const large = pumpRecord(keylessRecord({ rawRequest: 'QUJD', rawResponse: 'REVG' }), 'large')
    expect(await it.sink.write([large], never)).toEqual(['delivered'])
    expect(it.target.documents[0]?.source).toMatchObject({ raw_request: '', raw_response: '', api_id: 'httpbin' })
  })

  it('rejects a single document that is too large without raw texts', async () => {
    await using it = await started({}, { extended_stats: true })
    const rejected = 'Elasticsearch refused the request as too large (413)'
    it.target.next({ status: 413 })
    const rejection = { errorType: 'too_large', index: 'tyk_analytics' }
    expect(await it.sink.write(numberedBatch(1), never)).toEqual([{ rejected, ...rejection }])
    it.target.next({ status: 413 }, { status: 413 })
    const large = pumpRecord(keylessRecord({ rawRequest: 'QUJD' }), 'large')
    const both = `${rejected}; without its raw texts: ${rejected}`
    expect(await it.sink.write([large], never)).toEqual([{ rejected: both, ...rejection }])
    expect(it.target.documents).toEqual([])
  })

  it('rejects a record alone that has no document form', async () => {
    await using it = await started({}, { rolling_index: true })
    const broken = pumpRecord(keylessRecord({ timestamp: { seconds: 1e15, nanos: 0 } }), 'broken')
    const verdicts = await it.sink.write([broken, ...numberedBatch(1)], never)
    const rejected = expect.stringContaining('cannot be encoded') as string
    expect(verdicts).toEqual([{ rejected, errorType: 'not_encodable' }, 'delivered'])
  })
})

describe('several nodes', () => {
  it('takes turns and passes by the one that is down', async () => {
    await using one = await startFakeElasticsearch()
    await using two = await startFakeElasticsearch()
    const sink = createSink({ elasticsearch_url: ` ${one.url} , ${two.url}/,` })
    for (let i = 0; i < 4; i++) await sink.write(numberedBatch(1), never)
    expect([one.writes().length, two.writes().length]).toEqual([2, 2])
    await one.away(true)
    for (let i = 0; i < 4; i++) expect(await sink.write(numberedBatch(1), never)).toEqual(['delivered'])
    expect(two.writes()).toHaveLength(6)
    await sink.close()
  })

  it('sends to the next node what the first answered 503', async () => {
    await using one = await startFakeElasticsearch()
    await using two = await startFakeElasticsearch()
    one.next({ status: 503 })
    two.next({ status: 503 })
    const sink = createSink({ elasticsearch_url: `${one.url},${two.url}` })
    await expect(sink.write(numberedBatch(1), never)).rejects.toBeInstanceOf(SinkUnavailableError)
    one.next({ status: 503 })
    two.next()
    expect(await sink.write(numberedBatch(1), never)).toEqual(['delivered'])
    await sink.close()
  })

  it.each(['use_sniffing', 'enable_sniffing'])('finds the published address with %s', async (option) => {
    await using node = await startFakeElasticsearch()
    await using seed = await startFakeElasticsearch({ publishAddress: `127.0.0.1:${node.port}` })
    const sink = createSink({ elasticsearch_url: seed.url, [option]: true })
    expect(await sink.write(numberedBatch(2), never)).toEqual(['delivered', 'delivered'])
    expect([seed.writes().length, node.writes().length]).toEqual([0, 1])
    await node.away(true)
    expect(await sink.write(numberedBatch(2), never)).toEqual(['delivered', 'delivered'])
    expect(seed.writes()).toHaveLength(1)
    await sink.close()
  })
})

describe('TLS', () => {
  it('verifies with its own CA, presents a client certificate and keeps the API key', async () => {
    // Self-signed for 127.0.0.1, used nowhere else.
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) =>
      fileURLToPath(new URL(`../../../test/support/tls/${name}`, import.meta.url)),
    ) as [string, string]
    const pem = { key: readFileSync(key), cert: readFileSync(cert) }
    for (const version of ['8.19.0', '6.8.23']) {
      await using target = await startFakeElasticsearch({
        version,
        tls: { ...pem, ca: pem.cert, requestCert: true, rejectUnauthorized: true },
      })
      const pair = { ssl_cert_file: cert, ssl_key_file: key }
      const working = [
        { use_ssl: true, ssl_ca_file: cert, ...pair },
        { use_ssl: true, ssl_insecure_skip_verify: true, ...pair },
      ]
      for (const [i, options] of working.entries()) {
        const sink = createSink({
          elasticsearch_url: target.url,
          auth_api_key_id: 'kid',
          auth_api_key: 'ksecret',
          ...options,
        })
        expect(await sink.write(numberedBatch(1 + i), never)).toEqual(Array(1 + i).fill('delivered'))
        expect(target.writes().at(-1)?.headers.authorization).toBe('ApiKey a2lkOmtzZWNyZXQ=')
        await sink.close()
      }
      for (const options of [
        { ...pair, ssl_ca_file: cert },
        { use_ssl: true, ...pair },
        { use_ssl: true, ssl_ca_file: cert },
      ]) {
        const sink = createSink({ elasticsearch_url: target.url, ...options })
        await expect(sink.write(numberedBatch(1), never)).rejects.toBeInstanceOf(SinkUnavailableError)
        await sink.close()
      }
    }
  })
})

describe('options', () => {
  it.each([
    [{ version: '99' }, 'Invalid version: Only 3, 5, 6, 7 are valid values for this field'],
    [{ elasticsearch_url: ' , ' }, 'elasticsearch_url names no node'],
    [{ elasticsearch_url: 'ftp://u:secret@h' }, 'no http:// or https:// URL: ftp://***:***@h'],
    [{ use_ssl: true, ssl_ca_file: '/nonexistent/ca.pem' }, 'failed to read CA certificate file "/nonexistent/ca.pem"'],
    [
      { use_ssl: true, ssl_cert_file: '/nonexistent/c', ssl_key_file: '/nonexistent/k' },
      'failed to load cert/key pair(cert: "/nonexistent/c", key: "/nonexistent/k")',
    ],
  ])('refuses %o', (options, message) => {
    expect(() => createSink(options)).toThrow(SinkOptionError)
    expect(() => createSink(options)).toThrow(message)
  })

  it('starts with the lines of Tyk and hides credentials', async () => {
    const deps = sinkDeps()
    await createSink(
      { elasticsearch_url: 'http://elastic:s3@cr@t@es:9200', rolling_index: true, version: '7' },
      deps,
    ).close()
    expect(deps.lines.map(({ msg }) => msg)).toEqual([
      'Elasticsearch URL: http://***:***@es:9200',
      'Elasticsearch Index: tyk_analytics',
      'Index will have date appended to it in the format tyk_analytics-YYYY.MM.DD',
      'Elasticsearch Pump Initialized',
    ])
  })

  it('accepts a node without scheme and says so', async () => {
    await using target = await startFakeElasticsearch()
    const deps = sinkDeps()
    const sink = createSink({ elasticsearch_url: `127.0.0.1:${target.port}` }, deps)
    expect(await sink.write(numberedBatch(1), never)).toEqual(['delivered'])
    expect(deps.lines.map(({ msg }) => msg)).toContain('elasticsearch_url has no scheme, one was added')
    await sink.close()
  })

  it('logs an outage once, not per attempt', async () => {
    await using it = await started()
    await it.target.away(true)
    for (let i = 0; i < 3; i++) await it.sink.write(numberedBatch(1), never).catch(() => {})
    expect(it.deps.lines.filter(({ msg }) => String(msg).startsWith('Elasticsearch connection failed: '))).toHaveLength(
      1,
    )
  })

  it.each([
    [{}, { maxRecords: 1000, maxBytes: 5_242_880, inFlight: 1, flushIntervalMs: 0 }],
    [
      { workers: 4, flush_interval: 60, bulk_actions: 0, bulk_size: 0 },
      { maxRecords: 1000, maxBytes: 5_242_880, inFlight: 4, flushIntervalMs: 60_000 },
    ],
    [
      { workers: -1, flush_interval: -1, bulk_actions: -1, bulk_size: -1 },
      { maxRecords: Infinity, maxBytes: Infinity, inFlight: 1, flushIntervalMs: 0 },
    ],
  ])('batches by bulk_config %o', (bulk, expected) => {
    const options = optionsOf(elasticsearchSink.options, { bulk_config: bulk })
    expect(elasticsearchSink.batching(options)).toEqual(expected)
  })
})
