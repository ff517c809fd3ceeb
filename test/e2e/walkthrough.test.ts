/**
 * The article's walk-through with its own files: two APIs, one policy, the pump's configuration unchanged but for the
 * addresses. Thirteen requests become thirteen documents that its two searches find.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSampleUpstream } from '../../scripts/sample-upstream/server.ts'
import { ARTICLE_TOKEN } from '../../scripts/start/article.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { startPump, type Pump } from '../support/pump.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../support/redis.ts'
import { storeKinds, type DocumentStore } from '../support/stores.ts'

const examples = fileURLToPath(new URL('../../deploy/examples/', import.meta.url))
const readJson = async (file: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(examples, file), 'utf8')) as Record<string, unknown>

describe.skipIf(redisSkipReason()).each([...storeKinds])('with $name', ({ create, searches }) => {
  let redis: RedisServer
  let store: DocumentStore
  let gateway: Gateway
  let pump: Pump
  const upstream = createSampleUpstream()

  beforeAll(async () => {
    redis = await startRedis()
    store = await create()
    const target = await upstream.listen({ port: 0, host: '127.0.0.1' })
    gateway = await startGateway({
      redisPort: redis.port,
      apis: {
        'httpbin.json': await withTarget('apps/httpbin.json', target),
        'httpbin-jwt.json': await withTarget('apps/httpbin-jwt.json', target),
      },
      policies: await readJson('policies/policies.json'),
    })
    const conf = await readJson('pump.json')
    pump = await startPump({
      redisPort: redis.port,
      pumps: conf['pumps'] as Record<string, unknown>,
      conf: { purge_delay: conf['purge_delay'] },
      env: { TYK_PMP_PUMPS_ELASTICSEARCH_META_ELASTICSEARCHURL: store.url },
    })
  })
  afterAll(async () => {
    await pump?.stop()
    await gateway?.stop()
    await upstream.close()
    await store?.close()
    await redis?.stop()
  })

  async function withTarget(file: string, target: string): Promise<unknown> {
    const definition = await readJson(file)
    return { ...definition, proxy: { ...(definition['proxy'] as object), target_url: `${target}/` } }
  }

  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(gateway.url + path, { headers: { 'user-agent': 'curl/8.5.0', ...headers } })

  test('answers as the article shows', async () => {
    const keyless = await get('/httpbin/get?foo=bar')
    expect(keyless.status).toBe(200)
    expect(keyless.headers.get('x-ratelimit-limit')).toBe('0')
    expect(await keyless.json()).toMatchObject({ args: { foo: 'bar' } })
    for (let i = 0; i < 10; i++) expect((await get('/httpbin/get')).status).toBe(200)
    expect((await get('/httpbin/status/500')).status).toBe(500)
    const jwt = await get('/httpbin-jwt/get', { authorization: `Bearer ${ARTICLE_TOKEN}` })
    expect(jwt.status).toBe(200)
    expect(jwt.headers.get('x-ratelimit-limit')).toBe('-1')
    const seen = (await jwt.json()) as { headers: Record<string, string> }
    expect(seen.headers).toMatchObject({ User: 'foo@bar.com' })
    expect(seen.headers).not.toHaveProperty('Authorization')
  })

  test('stores one document per request, without waiting for a full batch', async () => {
    const documents = await eventually(async () => {
      const all = await store.documents()
      expect(all).toHaveLength(13)
      return all
    })
    const times = { '@timestamp': expect.any(String), request_time_ms: expect.any(Number) }
    const common = {
      ...times,
      alias: '',
      api_id: 'httpbin',
      api_key: '00000000',
      api_name: 'httpbin',
      api_version: 'Non Versioned',
      content_length: 0,
      http_method: 'GET',
      ip_address: '127.0.0.1',
      oauth_id: '',
      org_id: '',
      request_uri: '/get',
      request_uri_full: '/get',
      response_code: 200,
      tags: ['key-00000000', 'api-httpbin'],
    }
    expect(documents.filter((document) => document['request_uri'] === '/get' && document['alias'] === '')).toEqual(
      Array.from({ length: 11 }, () => common),
    )
    expect(documents.find((document) => document['alias'] === 'foo@bar.com')).toEqual({
      ...common,
      alias: 'foo@bar.com',
      api_id: 'httpbin-jwt',
      api_key: '49ec9641d8e3e942',
      api_name: 'httpbin-jwt',
      tags: ['pol-5e189590801287e42a6cf5ce', 'user-foo@bar.com', 'key-49ec9641d8e3e942', 'api-httpbin-jwt'],
    })
  })

  test.skipIf(!searches)('finds the failed request and the token’s requests', async () => {
    expect(await store.documents('response_code:500')).toMatchObject([{ request_uri: '/status/500' }])
    expect(await store.documents('tags:"foo@bar.com"')).toMatchObject([{ api_id: 'httpbin-jwt' }])
  })

  test('logs what the article’s reader looks for', async () => {
    const log = gateway.program.output()
    for (const line of [
      'Tyk API Gateway v',
      'Loading API Specification from',
      'Detected 2 APIs',
      'Checking security policy: JWT',
    ]) {
      expect(log).toContain(line)
    }
    await pump.program.waitForLine('Purged')
  })
})
