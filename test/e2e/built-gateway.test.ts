/** The gateway as it is shipped: built into a few files, with all that is loaded only when it is asked for. */
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { analyticsKey } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { bundleGateway } from '../../scripts/jobs/bundle-gateway.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway } from '../support/gateway.ts'
import { type RedisServer, redisSkipReason, startRedis } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const gateway = fileURLToPath(new URL('../../packages/gateway/', import.meta.url))

const apiWith = (upstream: Upstream, changes: object): object => ({
  name: 'app',
  api_id: 'app',
  org_id: 'default',
  active: true,
  version_data: { not_versioned: true, versions: { Default: { name: 'Default' } } },
  proxy: { listen_path: '/app/', target_url: upstream.url, strip_listen_path: true },
  ...changes,
})

describe.skipIf(redisSkipReason())('the built gateway', () => {
  let redis: RedisServer
  let client: Redis
  let upstream: Upstream
  beforeAll(async () => {
    vi.stubEnv('TEK_USE_DIST', '1')
    await bundleGateway()
    redis = await startRedis()
    client = new Redis(redis.url)
    upstream = await startUpstream((request, response) => response.end(request.url))
  }, 60_000)
  afterAll(async () => {
    vi.unstubAllEnvs()
    client?.disconnect()
    await upstream?.close()
    await redis?.stop()
  })

  test.each([
    { workers: 1, upstream_transport: 'direct' },
    { workers: 2, upstream_transport: 'direct' },
    { workers: 2, upstream_transport: 'http-proxy' },
  ])('serves who may call and records it with %j', async (conf) => {
    await client.flushall()
    await using started = await startGateway({
      redisPort: redis.port,
      apis: { 'app.json': apiWith(upstream, { use_basic_auth: true, use_keyless: false }) },
      conf,
    })
    const session = {
      org_id: 'default',
      access_rights: { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } },
      basic_auth_data: { password: 'secret', hash_type: '' },
    }
    const made = await fetch(`${started.url}/tyk/keys/ann`, {
      method: 'POST',
      headers: { 'x-tyk-authorization': started.secret },
      body: JSON.stringify(session),
    })
    expect(made.status).toBe(200)
    const statusFor = async (password: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`
      return (await fetch(`${started.url}/app/x`, { headers: { authorization } })).status
    }
    expect(await statusFor('secret')).toBe(200)
    expect(await statusFor('wrong')).toBe(401)
    await eventually(async () => expect(await client.llen(analyticsKey('msgpack'))).toBe(2))
    expect(await started.stop()).toBeUndefined()
    expect(started.program.output()).not.toMatch(/level=error|ERR_MODULE_NOT_FOUND/)
  })

  test('is built anew when a source is newer, several times at once, and only the builds before the last one go', async () => {
    const dist = `${gateway}dist`
    const stale = `${dist}/of-an-older-build.js`
    await writeFile(stale, '')
    const before = (await readdir(dist)).filter((name) => name.endsWith('.js') && !stale.endsWith(name))
    const now = new Date()
    await utimes(`${gateway}src/main.ts`, now, now)
    await Promise.all([bundleGateway(), bundleGateway(), bundleGateway()])
    const after = await readdir(dist)
    expect(after).toEqual(expect.arrayContaining(before))
    expect(after).not.toContain('of-an-older-build.js')
  })
})
