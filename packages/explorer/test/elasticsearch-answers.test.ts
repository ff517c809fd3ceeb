/** What the store makes of answers that a real server gives only in trouble. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { readBody, startUpstream } from '../../../test/support/upstream.ts'
import { ProblemError } from '../src/errors.ts'
import { createElasticsearchStore } from '../src/store/elasticsearch/index.ts'
import { MOST_CURSOR_CHARACTERS, type PageQuestion, StoreUnavailableError, TooWideError } from '../src/store/types.ts'

const never = (): AbortSignal => new AbortController().signal

const QUESTION = {
  query: { kind: 'all' as const },
  fromMs: 0,
  toMs: 1000,
  bucketMs: 10,
  size: 10,
  sort: '@timestamp',
  order: 'desc' as const,
  columns: ['request_uri'],
}

const ROOTS = {
  'Elasticsearch 8': { version: { number: '8.19.2' }, tagline: 'You Know, for Search' },
  'Elasticsearch 7.10': { version: { number: '7.10.2' } },
  OpenSearch: { version: { number: '2.19.0', distribution: 'opensearch' } },
  'a proxy': 'hello',
}

const EMPTY = { took: 1, timed_out: false, _shards: { total: 1, failed: 0 }, hits: { hits: [] } }

interface Seen {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Search = (response: ServerResponse, body: string) => unknown

async function startServer(search: Search, root: unknown = ROOTS['Elasticsearch 8']) {
  const seen: Seen[] = []
  const upstream = await startUpstream(async (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    const body = (await readBody(request)).toString()
    seen.push({ path, headers: request.headers, body })
    response.setHeader('content-type', 'application/json')
    if (root === ROOTS['Elasticsearch 8']) response.setHeader('x-elastic-product', 'Elasticsearch')
    if (path === '/') response.end(JSON.stringify(root))
    else if (path.endsWith('/_field_caps')) response.end('{"indices":[],"fields":{}}')
    else await search(response, body)
  })
  const store = createElasticsearchStore({
    url: upstream.url,
    index: 'tyk_analytics*,other-*',
    username: '',
    password: '',
    apiKey: '',
    caFile: '',
    timeoutMs: 10_000,
  })
  return {
    store,
    seen,
    upstream,
    [Symbol.asyncDispose]: async () => {
      await store.close()
      await upstream.close()
    },
  }
}

const answering = (status: number, body: unknown) => (response: ServerResponse) =>
  response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))

describe('a server', () => {
  it.each(Object.entries(ROOTS))('%s is asked in its own way', async (name, root) => {
    await using server = await startServer(answering(200, EMPTY), root)
    const { rows, total } = await server.store.requests(QUESTION, never())
    expect({ rows, total }).toEqual({ rows: [], total: { value: 0, exact: true } })
    const asked = server.seen.at(-1)
    expect(asked?.path).toBe('/tyk_analytics*,other-*/_search')
    expect(asked?.headers['user-agent']?.includes('elasticsearch-js')).toBe(name === 'Elasticsearch 8')
    expect(JSON.parse(asked?.body ?? '')).toMatchObject({ size: 11, timeout: '9000ms' })
  })

  it.each<[string, Record<string, string>, string]>([
    ['a user', { username: 'ann', password: 'secret' }, `Basic ${Buffer.from('ann:secret').toString('base64')}`],
    ['an API key', { apiKey: 'a2V5' }, 'ApiKey a2V5'],
  ])('is asked with the credentials of %s', async (_, credentials, expected) => {
    await using server = await startServer(answering(200, EMPTY))
    const store = createElasticsearchStore({
      url: server.upstream.url.replace('//', '//from:url@'),
      index: 'i',
      username: '',
      password: '',
      apiKey: '',
      caFile: '',
      timeoutMs: 1000,
      ...credentials,
    })
    await store.requests(QUESTION, never())
    await store.close()
    expect(server.seen.length).toBeGreaterThan(2)
    expect(server.seen.every(({ headers }) => headers.authorization === expected)).toBe(true)
    expect(store.target).not.toMatch(/from|secret/)
  })
})

describe('trouble', () => {
  it.each<[string, number, unknown, new (...args: never[]) => Error, RegExp]>([
    ['busy', 503, { error: { type: 'cluster_block', reason: 'no master' } }, StoreUnavailableError, /503.*no master/],
    [
      'refused',
      401,
      { error: { type: 'security_exception', reason: 'no' } },
      StoreUnavailableError,
      /credentials \(401\)/,
    ],
    [
      'forbidden',
      403,
      { error: { type: 'security_exception', reason: 'no' } },
      StoreUnavailableError,
      /let this user read/,
    ],
    ['half', 200, '{"took":', StoreUnavailableError, /./],
    ['a page', 200, '<html>', StoreUnavailableError, /./],
    [
      'too wide',
      400,
      {
        error: {
          type: 'search_phase_execution_exception',
          reason: 'all shards failed',
          root_cause: [{ type: 'too_many_buckets_exception', reason: 'Trying to create too many buckets' }],
        },
      },
      TooWideError,
      /too many buckets/,
    ],
    [
      'short of memory',
      429,
      { error: { root_cause: [{ type: 'circuit_breaking_exception', reason: 'Data too large' }] } },
      TooWideError,
      /Data too large/,
    ],
    [
      'wrong',
      400,
      {
        error: {
          type: 'search_phase_execution_exception',
          reason: 'all shards failed',
          root_cause: [{ type: 'query_shard_exception', reason: 'failed to create query: Value out of range' }],
        },
      },
      ProblemError,
      /refuses the question: query_shard_exception.*out of range/,
    ],
    ['for another program', 400, { message: 'bad request' }, StoreUnavailableError, /answers 400/],
    [
      'without any shard',
      200,
      { ...EMPTY, _shards: { total: 2, failed: 2, failures: [{ reason: { type: 'x', reason: 'disk gone' } }] } },
      StoreUnavailableError,
      /no shard.*disk gone/,
    ],
  ])('%s is told in the words of the server', async (_, status, body, kind, message) => {
    for (const root of [ROOTS['Elasticsearch 8'], ROOTS.OpenSearch]) {
      await using server = await startServer(answering(status, body), root)
      const failed = await server.store.requests(QUESTION, never()).catch((error: unknown) => error)
      expect(failed).toBeInstanceOf(kind)
      expect((failed as Error).message).toMatch(message)
    }
  })

  it('of nobody who listens is one, and passes by itself', async () => {
    let port = 0
    {
      await using gone = await startServer(answering(200, EMPTY))
      port = gone.upstream.port
    }
    const store = createElasticsearchStore({
      url: `http://127.0.0.1:${port}`,
      index: 'i',
      username: '',
      password: '',
      apiKey: '',
      caFile: '',
      timeoutMs: 1000,
    })
    await expect(store.extent(never())).rejects.toThrow(/does not answer.*ECONNREFUSED/)
    await expect(store.extent(never())).rejects.toBeInstanceOf(StoreUnavailableError)
    await store.close()
  })

  it('of some shards makes the answer a part of the truth', async () => {
    const failures = [{ reason: { type: 'io', reason: 'disk' } }]
    await using server = await startServer(answering(200, { ...EMPTY, _shards: { total: 5, failed: 1, failures } }))
    const { partial, total } = await server.store.requests(QUESTION, never())
    expect(partial).toBe('1 of 5 shards did not answer (io: disk)')
    expect(total.exact).toBe(false)
  })

  it('of time makes the answer a part of the truth', async () => {
    await using server = await startServer(answering(200, { ...EMPTY, timed_out: true }))
    expect((await server.store.requests(QUESTION, never())).partial).toMatch(/stopped counting/)
  })
})

describe.each([
  ['a shard', { _shards: { total: 5, failed: 1 } }],
  ['time', { timed_out: true }],
])('for want of %s', (_, lack) => {
  it('an export breaks off and does not end', async () => {
    const hits = { hits: [{ _id: 'a', sort: [5] }] }
    await using server = await startServer(answering(200, { ...EMPTY, ...lack, hits }))
    await expect(exported(server.store.rows(QUESTION, never()))).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  it('a request that is not found may be there all the same', async () => {
    await using server = await startServer(answering(200, { ...EMPTY, ...lack }))
    await expect(server.store.request('x', never())).rejects.toBeInstanceOf(StoreUnavailableError)
  })
})

async function exported<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = []
  for await (const page of pages) rows.push(...page)
  return rows
}

describe('more requests of one millisecond than a cursor can hold', () => {
  const ids = Array.from({ length: 4000 }, (_, at) => `${at}`.padStart(20, '0'))
  const search: Search = (response, body) => {
    const { size, post_filter: filter } = JSON.parse(body) as {
      size: number
      post_filter?: { bool: { must_not: [{ ids: { values: string[] } }] } }
    }
    const shown = new Set(filter?.bool.must_not[0].ids.values)
    const left = ids.filter((id) => !shown.has(id)).slice(0, size)
    response.end(JSON.stringify({ ...EMPTY, hits: { hits: left.map((id) => ({ _id: id, sort: [5] })) } }))
  }
  const question: PageQuestion = { ...QUESTION, size: 500 }

  it('end the pages, which say so', async () => {
    await using server = await startServer(search)
    const rows: string[] = []
    let after: string | null = null
    let partial: string | null = null
    do {
      expect(partial).toBeNull()
      const page = await server.store.requests({ ...question, ...(after !== null && { after }) }, never())
      rows.push(...page.rows.map(({ id }) => id))
      ;({ next: after, partial } = page)
      expect(after?.length ?? 0).toBeLessThanOrEqual(MOST_CURSOR_CHARACTERS)
    } while (after !== null)
    expect(partial).toMatch(/the list ends early/)
    expect(rows.length).toBeGreaterThan(1500)
    expect(rows).toEqual(ids.slice(0, rows.length))
  })

  it('break an export off', async () => {
    await using server = await startServer(search)
    await expect(exported(server.store.rows(question, never()))).rejects.toBeInstanceOf(StoreUnavailableError)
  })
})

it('completes a long text with a pattern that every server takes', async () => {
  const typed = 'Ab'.repeat(128)
  const buckets = [`${typed.toLowerCase()}/c`, `${typed.slice(0, 250)}/d`].map((key) => ({ key, doc_count: 1 }))
  await using server = await startServer(answering(200, { ...EMPTY, aggregations: { values: { buckets } } }))
  const { values } = await server.store.values(QUESTION, 'request_uri', typed, never())
  expect(values).toEqual([{ value: `${typed.toLowerCase()}/c`, count: 1 }])
  const { aggs } = JSON.parse(server.seen.at(-1)?.body ?? '') as { aggs: { values: { terms: { include: string } } } }
  expect(aggs.values.terms.include).toMatch(/^\[aA\]\[bB\].*\.\*$/)
  expect(aggs.values.terms.include.length).toBeLessThanOrEqual(1000)
})

describe('groups of errors', () => {
  const key = { id: 'a', name: 'A', version: '', code: 500, path: '/x' }
  const detail = {
    doc_count: 3,
    seen: { min: 1, max: 2 },
    time: { buckets: [] },
    example: { hits: { hits: [{ _id: 'one' }] } },
    aliases: { distinct: { value: 0 } },
    keys: { distinct: { value: 1 } },
  }
  const DETAILS = { groups: { buckets: { 0: detail, 1: detail } } }
  const NO_PATHS = { paths: { buckets: [] } }
  const apisOf = (...apis: [key: string, requests: number][]) => ({
    buckets: apis.map(([name, requests]) => ({ key: name, doc_count: requests })),
  })

  interface Asked {
    readonly what: 'apis' | 'paths' | 'details'
    readonly of: '4xx' | '5xx'
    readonly body: string
  }

  const askedOf = (body: string): Asked => {
    const what = body.includes('"apis"') ? 'apis' : body.includes('composite') ? 'paths' : 'details'
    return { what, of: body.includes('"lt":500') ? '4xx' : '5xx', body }
  }

  const startErrors = (answer: (asked: Asked) => object) =>
    startServer((response, body) => {
      const asked = askedOf(body)
      const total = asked.what === 'paths' && asked.of === '5xx' ? 3 : 0
      const base = { ...EMPTY, hits: { total: { value: total }, hits: [] } }
      response.end(JSON.stringify({ ...base, ...answer(asked) }))
    })

  const detailsAsked = (seen: readonly Seen[]) =>
    seen
      .map(({ body }) => askedOf(body))
      .filter(({ what, body }) => body !== '' && what === 'details')
      .flatMap(({ body }) => {
        const { aggs } = JSON.parse(body) as {
          aggs: { groups: { filters: { filters: Record<string, { bool: object }> } } }
        }
        return Object.entries(aggs.groups.filters.filters)
      })
      .toSorted(([a], [b]) => Number(a) - Number(b))
      .map(([, { bool }]) => bool)

  it('take a text that is not there for an empty one, and ask for all requests of each API', async () => {
    const buckets = [
      { key, doc_count: 2 },
      { key: { ...key, version: null }, doc_count: 1 },
    ]
    await using server = await startErrors(({ what, of }) => {
      if (what === 'apis') return { aggregations: { apis: apisOf(['a', 12]) } }
      if (what === 'details') return { aggregations: DETAILS }
      return { aggregations: of === '5xx' ? { paths: { buckets } } : NO_PATHS }
    })
    const { groups, others } = await server.store.errors(QUESTION, never())
    expect(others).toBe(0)
    expect(groups).toMatchObject([{ apiId: 'a', apiVersion: '', count: 3, shareOfApi: 0.25, consumers: 1 }])
    const apis = server.seen.map(({ body }) => body).filter((body) => body.includes('"apis"'))
    expect(apis.map((body) => (JSON.parse(body) as { aggs: object }).aggs)).toEqual([
      { apis: { terms: { field: 'api_id.keyword', size: 500, missing: '' } } },
    ])
  })

  it.each([{ sum_other_doc_count: 9 }, { doc_count_error_upper_bound: 1 }])(
    'ask for the requests of their own APIs where a shard tells only its first ones: %o',
    async (inexact) => {
      await using server = await startErrors(({ what, of, body }) => {
        const isOwn = body.includes('"include":["a"]')
        if (what === 'apis')
          return { aggregations: { apis: isOwn ? apisOf(['a', 12]) : { ...apisOf(['b', 99], ['a', 6]), ...inexact } } }
        if (what === 'details') return { aggregations: DETAILS }
        return { aggregations: of === '5xx' ? { paths: { buckets: [{ key, doc_count: 3 }] } } : NO_PATHS }
      })
      expect((await server.store.errors(QUESTION, never())).groups).toMatchObject([{ apiId: 'a', shareOfApi: 0.25 }])
    },
  )

  it('are none without an error, whatever becomes of the search for the requests of APIs', async () => {
    await using server = await startServer((response, body) =>
      askedOf(body).what === 'apis' ? response.writeHead(503).end('{}') : response.end(JSON.stringify(EMPTY)),
    )
    expect(await server.store.errors(QUESTION, never())).toEqual({ groups: [], others: 0, partial: null })
  })

  const paths = (from: number, count: number, code: number) =>
    Array.from({ length: count }, (_, at) => ({ key: { ...key, code, path: `/${code}/${from + at}` }, doc_count: 1 }))

  it('are told by the paths that they lack only if all are known', async () => {
    let isPartial = false
    await using server = await startErrors(({ what, of }) => {
      if (what === 'apis') return { aggregations: { apis: apisOf(['a', 1000]) } }
      if (what === 'details') return { aggregations: DETAILS }
      if (of === '4xx') return { aggregations: NO_PATHS }
      const _shards = { total: 2, failed: isPartial ? 1 : 0 }
      return { _shards, aggregations: { paths: { buckets: [...paths(0, 300, 500), { key, doc_count: 1 }] } } }
    })
    await server.store.errors(QUESTION, never())
    const whole = detailsAsked(server.seen)
    expect(whole).toMatchObject([
      { must_not: [{ terms: { 'request_uri.keyword': ['/x'] } }] },
      { should: [{ terms: { 'request_uri.keyword': ['/x'] } }] },
    ])
    expect(whole[0]).not.toHaveProperty('should')

    isPartial = true
    server.seen.length = 0
    const { partial } = await server.store.errors(QUESTION, never())
    expect(partial).toMatch('1 of 2 shards did not answer')
    const parts = detailsAsked(server.seen)
    expect(parts[0]).not.toHaveProperty('must_not')
    expect(JSON.stringify(parts[0])).toContain('"/500/299"')
  })

  it('are told by names and versions of APIs only if others are known, or may be', async () => {
    let more: object[] = []
    let isPartial = false
    await using server = await startErrors(({ what, of }) => {
      if (what === 'apis') return { aggregations: { apis: apisOf(['a', 1000]) } }
      if (what === 'details') return { aggregations: DETAILS }
      const _shards = { total: 2, failed: isPartial ? 1 : 0 }
      const others = [
        { key: { ...key, id: 'b', name: 'B' }, doc_count: 1 },
        { key: { ...key, code: 502, version: 'v2' }, doc_count: 1 },
      ]
      const buckets = [{ key: { ...key, version: 'v1' }, doc_count: 3 }, ...others, ...more]
      return { _shards, aggregations: of === '5xx' ? { paths: { buckets } } : NO_PATHS }
    })
    const clausesOfFirst = async (): Promise<unknown> => {
      server.seen.length = 0
      await server.store.errors(QUESTION, never())
      return (detailsAsked(server.seen)[0] as { filter: unknown }).filter
    }
    const id = { term: { 'api_id.keyword': 'a' } }
    const name = { term: { 'api_name.keyword': 'A' } }
    const version = { term: { 'api_version.keyword': 'v1' } }
    const code = { term: { response_code: 500 } }
    expect(await clausesOfFirst()).toEqual([id, code])
    more = [{ key, doc_count: 1 }]
    expect(await clausesOfFirst()).toEqual([id, version, code])
    more = [{ key: { ...key, name: 'a', version: 'v1' }, doc_count: 1 }]
    expect(await clausesOfFirst()).toEqual([id, name, code])
    isPartial = true
    expect(await clausesOfFirst()).toEqual([id, name, version, code])
  })

  it('of one class beyond the first 100,000 paths leave the other class whole', async () => {
    await using server = await startErrors(({ what, of, body }) => {
      if (what === 'apis') return { aggregations: { apis: apisOf(['a', 200_000]) } }
      if (what === 'details') return { aggregations: DETAILS }
      if (of === '5xx') return { aggregations: { paths: { buckets: paths(0, 30_000, 500) } } }
      const isSecond = body.includes('"after"')
      const buckets = paths(isSecond ? 50_000 : 0, 50_000, 404)
      return { hits: { total: { value: 100_007 }, hits: [] }, aggregations: { paths: { buckets, after_key: key } } }
    })
    const { groups, others, partial } = await server.store.errors(QUESTION, never())
    expect(groups.map(({ code, count }) => [code, count])).toEqual([
      [404, 100_000],
      [500, 30_000],
    ])
    expect(others).toBe(100_007 + 3 - 130_000)
    expect(partial?.split('; ')).toEqual([
      'of 4xx only the first 100000 different paths are in groups',
      'of groups with more than 20000 paths only these are in times and consumers',
    ])
    const [ofClients, ofServers] = detailsAsked(server.seen) as { should?: [{ terms: Record<string, string[]> }] }[]
    expect(ofClients?.should?.[0].terms['request_uri.keyword']).toHaveLength(20_000)
    expect(ofServers).not.toHaveProperty('should')
    expect(ofServers).toMatchObject({ must_not: [] })
  })
})

describe('a question that nobody waits for', () => {
  it.each(Object.entries(ROOTS))('ends the search in %s', async (_, root) => {
    let isCut = false
    await using server = await startServer((response) => response.on('close', () => (isCut = true)), root)
    const controller = new AbortController()
    const answer = server.store.requests(QUESTION, controller.signal)
    await eventually(() => expect(server.seen.at(-1)?.path).toMatch(/_search$/))
    controller.abort(new Error('gone'))
    await expect(answer).rejects.toThrow('gone')
    await eventually(() => expect(isCut).toBe(true))
  })
})

it('refuses a cursor that is none of its own', async () => {
  await using server = await startServer(answering(200, EMPTY))
  for (const after of ['x', 'bnVsbA', Buffer.from('{"value":{},"timeMs":1,"seen":[]}').toString('base64url')]) {
    await expect(server.store.requests({ ...QUESTION, after }, never())).rejects.toThrow('after is not from a page')
  }
})
