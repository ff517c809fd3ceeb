import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import type * as Api from '../src/api/schema.ts'
import { type Store, StoreUnavailableError, TooWideError } from '../src/store/types.ts'
import { startExplorer } from './support/explorer.ts'
import { scriptedStore, untilAborted } from './support/scripted-store.ts'

const VIEWS = ['overview', 'requests', 'errors', 'countries'] as const

describe('a view', () => {
  it.each(VIEWS)('%s says which range it is about and how good it is', async (view) => {
    await using explorer = await startExplorer({ store: scriptedStore() })
    const answer = await explorer.get(`/api/v1/${view}?from=2026-11-28T14:00Z&to=2026-11-28T15:00Z`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const { range, quality } = (await answer.json()) as Pick<Api.Overview, 'range' | 'quality'>
    expect(range).toEqual({ from: '2026-11-28T14:00:00.000Z', to: '2026-11-28T15:00:00.000Z', bucketMs: 15_000 })
    expect(quality).toEqual({ partial: null, tookMs: expect.any(Number) })
  })

  it('asks the store for what the query line means', async () => {
    const store = scriptedStore()
    await using explorer = await startExplorer({ store })
    await explorer.json(
      `/api/v1/requests?q=${encodeURIComponent('response_code:500')}&size=7&sort=api_name&order=asc&columns=tags,host`,
    )
    expect(store.asked).toEqual([
      {
        view: 'requests',
        question: expect.objectContaining({
          query: { kind: 'equals', field: 'response_code', value: 500 },
          size: 7,
          sort: 'api_name',
          order: 'asc',
          columns: ['tags', 'host'],
        }) as unknown,
      },
    ])
  })

  it.each([
    ['export?format=xml', 'format must be csv or ndjson'],
    ['requests?order=up', 'order must be asc or desc'],
  ])('names the values that there are for %s', async (path, message) => {
    await using explorer = await startExplorer({ store: scriptedStore() })
    const answer = await explorer.get(`/api/v1/${path}`)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ code: 'bad_request', message })
  })

  it('shows a mistake in the query line at its character', async () => {
    await using explorer = await startExplorer({ store: scriptedStore() })
    const answer = await explorer.get(`/api/v1/overview?q=${encodeURIComponent('response_code:500 and (')}`)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ code: 'query_syntax', position: 22, cure: expect.any(String) })
  })

  it.each([
    ['from=yesterday', 400, 'bad_request'],
    ['from=now&to=now-1h', 400, 'bad_request'],
    ['size=501', 400, 'bad_request'],
    ['size=0', 400, 'bad_request'],
    ['size=ten', 400, 'bad_request'],
    ['sort=colour', 400, 'bad_request'],
    ['sort=tags', 400, 'bad_request'],
    ['sort=raw_request', 400, 'bad_request'],
    ['sort=__proto__', 400, 'bad_request'],
    ['columns=constructor', 400, 'bad_request'],
    ['order=up', 400, 'bad_request'],
    ['q=a&q=b', 400, 'bad_request'],
    ['form=now-1h', 400, 'bad_request'],
    [`q=${'x'.repeat(5000)}`, 400, 'query_syntax'],
  ])('refuses %s', async (query, status, code) => {
    await using explorer = await startExplorer({ store: scriptedStore() })
    const answer = await explorer.get(`/api/v1/requests?${query}`)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ code, message: expect.any(String), cure: expect.any(String) })
  })

  it.each([...VIEWS, 'values', 'export', 'pipeline'])('%s knows no parameter that it does not name', async (path) => {
    const store = scriptedStore()
    await using explorer = await startExplorer({ store })
    const answer = await explorer.get(`/api/v1/${path}?field=alias&form=now-1h`)
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as Api.Problem).message).toMatch(/^there is no parameter (form|field)$/)
    expect(store.asked).toEqual([])
  })

  it('that fails in an unexpected way leaves one line in the log', async () => {
    const store = scriptedStore({ overview: () => Promise.reject(new Error('secret internals')) })
    await using explorer = await startExplorer({ store })
    await explorer.get('/api/v1/overview')
    expect(explorer.log.filter((line) => line.includes('secret internals'))).toHaveLength(1)
  })

  it.each([
    [new StoreUnavailableError('nobody at home'), 503, 'store_down', 'nobody at home'],
    [new TooWideError('too many buckets'), 413, 'too_wide', 'too many buckets'],
    [new Error('secret internals'), 500, 'internal', 'the explorer failed at this'],
  ])('answers %s with %d', async (error, status, code, message) => {
    await using explorer = await startExplorer({ store: scriptedStore({ overview: () => Promise.reject(error) }) })
    const answer = await explorer.get('/api/v1/overview')
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ code, message })
  })

  it('gives up at the deadline and says what to do', async () => {
    const store = scriptedStore({ overview: (_, signal) => untilAborted(signal) })
    await using explorer = await startExplorer({ store, env: { TEK_EXPLORER_TIMEOUT: '1' } })
    const answer = await explorer.get('/api/v1/overview')
    expect(answer.status).toBe(504)
    expect(await answer.json()).toMatchObject({
      code: 'timeout',
      cure: expect.stringContaining('TEK_EXPLORER_TIMEOUT'),
    })
    expect((await explorer.json<Api.About>('/api/v1/about')).store.state).toBe('degraded')
  })

  it('is asked once by clients that ask the same at the same time', async () => {
    const gate = Promise.withResolvers<void>()
    const plain = scriptedStore()
    const store = scriptedStore({
      overview: async (question, signal) => (await gate.promise, plain.overview(question, signal)),
    })
    await using explorer = await startExplorer({ store })
    const answers = [1, 2, 3].map(() => explorer.get('/api/v1/overview?q=tags:a'))
    await eventually(() => expect(store.asked.length).toBeGreaterThan(0))
    const other = explorer.get('/api/v1/overview?q=tags:b')
    await eventually(() => expect(store.asked).toHaveLength(2))
    gate.resolve()
    for (const answer of [...answers, other]) expect((await answer).status).toBe(200)
    expect(store.asked).toHaveLength(2)
  })

  it('is given up in the store when its client goes away', async () => {
    const store = scriptedStore({ overview: (_, signal) => untilAborted(signal) })
    await using explorer = await startExplorer({ store })
    const controller = new AbortController()
    const answer = explorer.get('/api/v1/overview', { signal: controller.signal })
    await eventually(() => expect(store.signals).toHaveLength(1))
    controller.abort()
    await expect(answer).rejects.toThrow('aborted')
    await eventually(() => expect(store.signals[0]?.aborted).toBe(true))
    expect((await explorer.json<Api.About>('/api/v1/about')).store.state).toBe('ok')
  })
})

describe.each(['about', 'pipeline'])('a client that leaves before %s is answered', (path) => {
  it('leaves no error in the log and no store that is down', async () => {
    const signals: AbortSignal[] = []
    const plain = scriptedStore()
    const store = scriptedStore({
      extent: (signal) => (signals.push(signal) === 1 ? untilAborted(signal) : plain.extent(signal)),
    })
    await using explorer = await startExplorer({ store })
    const controller = new AbortController()
    const answer = explorer.get(`/api/v1/${path}`, { signal: controller.signal })
    await eventually(() => expect(signals).toHaveLength(1))
    controller.abort()
    await expect(answer).rejects.toThrow('aborted')
    await eventually(() => expect(signals[0]?.aborted).toBe(true))
    expect((await explorer.json<Api.About>('/api/v1/about')).store).toMatchObject({ state: 'ok', since: null })
    expect(explorer.log.filter((line) => line.includes('"level":"error"'))).toEqual([])
  })
})

describe('one request', () => {
  it('is found by its id, whatever signs that has', async () => {
    const row = { id: 'a/b c', fields: { request_uri: '/x' } }
    const store = scriptedStore({
      request: async (id) => (id === row.id ? { row, rawRequest: null, rawResponse: null } : null),
    })
    await using explorer = await startExplorer({ store })
    expect(await explorer.json(`/api/v1/requests/${encodeURIComponent(row.id)}`)).toMatchObject({ row })
    const missing = await explorer.get('/api/v1/requests/none')
    expect(missing.status).toBe(404)
    expect(await missing.json()).toMatchObject({ code: 'not_found' })
  })

  it('keeps what a hostile record has in it as text', async () => {
    const fields = {
      user_agent: '<script>alert(1)</script>',
      request_uri: `/${'x'.repeat(1_000_000)}`,
      tags: ['\u0000', '\uD800'],
    }
    const store = scriptedStore({
      request: async () => ({ row: { id: 'x', fields }, rawRequest: null, rawResponse: null }),
    })
    await using explorer = await startExplorer({ store })
    const answer = await explorer.get('/api/v1/requests/x')
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    const { row } = (await answer.json()) as Api.RequestDetail
    expect(row.fields['user_agent']).toBe(fields.user_agent)
    expect(row.fields['request_uri']).toBe(fields.request_uri)
  })
})

describe('about', () => {
  it('says what is read, and which fields there are', async () => {
    await using explorer = await startExplorer({
      store: scriptedStore(),
      env: { TEK_EXPLORER_GATEWAY_URL: 'http://localhost:8080/' },
    })
    const about = await explorer.json<Api.About>('/api/v1/about')
    expect(about).toMatchObject({
      version: expect.stringMatching(/^v\d/),
      store: { kind: 'sqlite', target: 'scripted', state: 'ok', error: null, since: null },
      records: 3,
      oldestRecord: '1970-01-01T00:00:01.000Z',
      newestRecord: '1970-01-01T00:00:02.000Z',
      gatewayUrl: 'http://localhost:8080',
      traffic: { available: false, running: false },
      pipelineConfigured: false,
    })
    expect(about.fields.filter(({ available }) => available).map(({ name }) => name)).toEqual([
      '@timestamp',
      'request_uri',
      'response_code',
    ])
  })

  it('stays there while the store is down, says since when, and recovers alone', async () => {
    let isDown = true
    const store = scriptedStore({
      extent: async () => {
        if (isDown) throw new StoreUnavailableError('connection refused')
        return { records: 1, oldestMs: 1, newestMs: 1 }
      },
    })
    await using explorer = await startExplorer({ store })
    const first = await explorer.json<Api.About>('/api/v1/about')
    expect(first.store).toMatchObject({ state: 'down', error: 'connection refused', since: expect.any(String) })
    expect(first.records).toBeNull()
    expect((await explorer.json<Api.About>('/api/v1/about')).store.since).toBe(first.store.since)
    isDown = false
    expect((await explorer.json<Api.About>('/api/v1/about')).store).toMatchObject({ state: 'ok', since: null })
  })

  it.each([
    ['at work', true, { state: 'degraded', error: expect.stringMatching(/^busy with another question/) }],
    ['not at work', false, { state: 'down', error: 'the store did not answer in time' }],
  ])('tells a slow store that is %s by whether it is', async (_name, isAtWork, expected) => {
    let isSlow = false
    const extent: Store['extent'] = (signal) =>
      isSlow ? untilAborted(signal) : Promise.resolve({ records: 7, oldestMs: 1, newestMs: 1 })
    await using explorer = await startExplorer({ store: scriptedStore({ extent, isAtWork: () => isAtWork }) })
    const ask = () => explorer.json<Api.About>('/api/v1/about')
    expect(await ask()).toMatchObject({ store: { state: 'ok' }, records: 7 })
    isSlow = true
    // What was told just now is told again.
    const about = await eventually(async () => {
      const answer = await ask()
      expect(answer.store.state).not.toBe('ok')
      return answer
    }, 20_000)
    expect(about.store).toMatchObject({ ...expected, since: expect.any(String) })
    expect(about.records).toBe(isAtWork ? 7 : null)
    isSlow = false
    await eventually(async () => expect((await ask()).store).toMatchObject({ state: 'ok', since: null }))
  })

  it('says when a view was a part of the truth', async () => {
    const store = scriptedStore({
      errors: async () => ({ groups: [], others: 0, partial: '1 of 5 shards did not answer' }),
    })
    await using explorer = await startExplorer({ store })
    expect((await explorer.json<Api.Errors>('/api/v1/errors')).quality.partial).toBe('1 of 5 shards did not answer')
    expect((await explorer.json<Api.About>('/api/v1/about')).store).toMatchObject({ state: 'degraded' })
  })
})

describe('paths', () => {
  it.each([
    ['/api/v1/nothing', 404],
    ['/api/v2', 404],
    ['/nothing.js', 404],
    ['/..%2f..%2fetc%2fpasswd', 404],
    ['/api/v1/overview%00', 404],
  ])('answers %s with a problem', async (path, status) => {
    await using explorer = await startExplorer({ store: scriptedStore() })
    const answer = await explorer.get(path)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ code: 'not_found' })
  })

  it('is alive', async () => {
    await using explorer = await startExplorer({ store: scriptedStore() })
    expect(await explorer.json('/health')).toEqual({ status: 'ok' })
  })

  it('describes itself', async () => {
    await using explorer = await startExplorer({ store: scriptedStore() })
    const document = await explorer.json<{ openapi: string; paths: Record<string, unknown> }>('/api/v1/openapi.json')
    expect(document.openapi).toBe('3.1.0')
    expect(Object.keys(document.paths).toSorted()).toEqual(
      [
        '/about',
        '/countries',
        '/errors',
        '/export',
        '/overview',
        '/pipeline',
        '/requests',
        '/requests/{id}',
        '/traffic',
        '/values',
      ].map((path) => `/api/v1${path}`),
    )
  })

  it('never writes what was asked for into its log', async () => {
    await using explorer = await startExplorer({ store: scriptedStore(), env: { TEK_EXPLORER_TOKEN: 'hunter2' } })
    await explorer.get('/api/v1/overview?q=alias:hunter3', { headers: { authorization: 'Bearer hunter2' } })
    await explorer.get('/api/v1/overview', { headers: { authorization: 'Bearer hunter4' } })
    await eventually(() => expect(explorer.log.length).toBeGreaterThanOrEqual(2))
    expect(explorer.log.join('')).toContain('/api/v1/overview')
    expect(explorer.log.join('')).not.toMatch(/hunter/)
  })
})

describe('completion', () => {
  it('passes field and prefix on, and has none for times and messages', async () => {
    const store = scriptedStore({
      values: async (_, field, prefix) => ({ values: [{ value: `${field}=${prefix}`, count: 1 }], partial: null }),
    })
    await using explorer = await startExplorer({ store })
    expect(await explorer.json('/api/v1/values?field=tags&prefix=fo')).toEqual({
      field: 'tags',
      values: [{ value: 'tags=fo', count: 1 }],
    })
    expect(await explorer.json('/api/v1/values?field=raw_request')).toEqual({ field: 'raw_request', values: [] })
    expect((await explorer.get('/api/v1/values?field=nope')).status).toBe(400)
    expect((await explorer.get('/api/v1/values')).status).toBe(400)
  })
})

describe('broken clients', () => {
  it.each([
    ['POST', '/api/v1/overview'],
    ['DELETE', '/api/v1/requests/x'],
    ['PUT', '/'],
  ])('answers %s %s', async (method, path) => {
    await using explorer = await startExplorer({ store: scriptedStore() })
    expect((await explorer.get(path, { method })).status).toBe(404)
  })

  it('goes on after headers that are too large', async () => {
    await using explorer = await startExplorer({ store: scriptedStore() })
    const { promise, resolve } = Promise.withResolvers<number>()
    const headers = { 'x-large': 'x'.repeat(200_000) }
    const sent = request({ port: explorer.port, host: '127.0.0.1', path: '/health', headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    sent.on('error', () => resolve(0))
    sent.end()
    expect([0, 431]).toContain(await promise)
    expect((await explorer.get('/health')).status).toBe(200)
  })
})
