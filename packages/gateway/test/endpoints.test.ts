/** Steps of endpoints and versions as a client sees them, with a real upstream. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { recordsUntil } from '../../../test/support/read-records.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'

const withVersion = (version: Record<string, unknown>): Record<string, unknown> => ({
  version_data: {
    not_versioned: true,
    versions: { Default: { name: 'Default', use_extended_paths: true, ...version } },
  },
})

describe.skipIf(redisSkipReason()).each(['direct', 'http-proxy'])('on the %s lane', (transport) => {
  let redis: RedisServer
  let upstream: Upstream
  let other: Upstream
  let gateway: Gateway

  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startUpstream(async (request, response) => {
      response.setHeader('X-Secret', 's')
      response.end(`${request.method} ${request.url}`)
    })
    other = await startUpstream((request, response) => response.end(`other ${request.method} ${request.url}`))
    gateway = await startGateway({
      redisPort: redis.port,
      env: { TYK_GW_UPSTREAMTRANSPORT: transport },
      apis: {
        'versions.json': keylessApi(upstream.url, {
          api_id: 'versions',
          proxy: { listen_path: '/versions/' },
          definition: { location: 'header', key: 'X-Ver' },
          version_data: {
            not_versioned: false,
            default_version: 'v1',
            versions: { v1: { name: 'v1' }, v2: { name: 'v2', override_target: `${other.url}/two` } },
          },
          CORS: { options_passthrough: true, enable: true },
          allowed_ips: ['10.0.0.1'],
        }),
        'rewrite.json': keylessApi(upstream.url, {
          api_id: 'rewrite',
          proxy: { listen_path: '/rewrite/' },
          ...withVersion({
            global_response_headers: { 'X-Set': 'yes' },
            global_response_headers_remove: ['x-secret'],
            extended_paths: {
              method_transforms: [{ path: '/there', method: 'GET', to_method: 'PUT' }],
              url_rewrites: [
                { path: '/there', method: 'GET', match_pattern: '/there', rewrite_to: `${other.url}/as/it/is?q=1` },
              ],
            },
          }),
        }),
      },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
    await other?.[Symbol.asyncDispose]()
    await redis?.stop()
  })

  test('with options_passthrough no step takes part in OPTIONS, but the version still chooses the upstream', async () => {
    const ask = (method: string, version: string): Promise<Response> =>
      fetch(`${gateway.url}/versions/x`, { method, headers: { 'X-Ver': version } })
    expect((await ask('GET', 'v2')).status).toBe(403)
    const first = await ask('OPTIONS', 'v1')
    expect(await first.text()).toBe('OPTIONS /x')
    expect(first.headers.has('vary')).toBe(false)
    expect(await (await ask('OPTIONS', 'v2')).text()).toBe('other OPTIONS /two/x')
  })

  test('a rewrite to another host goes there as it is, with the new method, and the record says so', async () => {
    const response = await fetch(`${gateway.url}/rewrite/there?x=1`)
    expect(await response.text()).toBe('other PUT /as/it/is?q=1')
    const isIt = ({ apiId }: { apiId: string }): boolean => apiId === 'rewrite'
    const record = (await recordsUntil(redis.url, isIt)).find(isIt)
    expect(record).toMatchObject({
      method: 'PUT',
      host: other.url.slice('http://'.length),
      path: '/as/it/is',
      originalPath: '/rewrite/there',
    })
  })

  test('response headers are removed and set', async () => {
    const { headers } = await fetch(`${gateway.url}/rewrite/x`)
    expect([headers.get('x-set'), headers.get('x-secret')]).toEqual(['yes', null])
  })
})
