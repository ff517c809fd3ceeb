import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'

async function control(gateway: Gateway, method: string, path: string, body?: object): Promise<[number, unknown]> {
  const answer = await fetch(gateway.url + path, {
    method,
    headers: { 'x-tyk-authorization': gateway.secret },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return [answer.status, await answer.json()]
}

describe('policies written through the control API', () => {
  const refused = [
    400,
    { status: 'error', message: 'Invalid Policy ID: Allowed characters: a-z, A-Z, 0-9, ., _, -, ~' },
  ]
  const names = (gateway: Gateway): Promise<string[]> => readdir(join(gateway.dir, 'written'))
  const start = (conf: Record<string, unknown> = {}): Promise<Gateway> =>
    startGateway({ conf: { enable_analytics: false, policies: { policy_path: 'written' }, ...conf } })

  test('have an id of letters, digits and a few signs; the older member for it counts as well', async () => {
    await using gateway = await start()
    expect(await control(gateway, 'POST', '/tyk/policies', { id: 'gold plan' })).toEqual(refused)
    expect(await control(gateway, 'POST', '/tyk/policies', { name: 'none' })).toEqual([
      400,
      { status: 'error', message: 'Unable to create policy without id.' },
    ])
    expect(await control(gateway, 'POST', '/tyk/policies', { _id: 'gold', name: 'Gold' })).toEqual([
      200,
      { key: 'gold', status: 'ok', action: 'added' },
    ])
    expect(await names(gateway)).toEqual(['gold.json'])
    expect(JSON.parse(await readFile(join(gateway.dir, 'written', 'gold.json'), 'utf8'))).toMatchObject({ id: 'gold' })
  })

  test('may have any id that is a file name where the configuration says so, and never lead out of their folder', async () => {
    await using gateway = await start({ allow_unsafe_policy_ids: true })
    expect((await control(gateway, 'POST', '/tyk/policies', { id: 'gold plan' }))[0]).toBe(200)
    for (const id of ['../gold', '..', 'a/b', 'a\\b', '%2e%2e%2fgold', 'a\0b']) {
      expect([id, await control(gateway, 'POST', '/tyk/policies', { id })]).toEqual([id, refused])
    }
    expect(await names(gateway)).toEqual(['gold plan.json'])
  })
})

describe.skipIf(redisSkipReason())('a change of a key', () => {
  const access_rights = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
  const session = { org_id: 'default', rate: 1, per: 1000, quota_max: -1, access_rights }
  let redis: RedisServer
  let upstream: Upstream
  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startUpstream((_, res) => res.end('ok'))
  })
  afterAll(async () => {
    await upstream?.close()
    await redis?.stop()
  })

  test.each([
    ['counted in the gateway', {}],
    ['sliding log', { enable_redis_rolling_limiter: true }],
    ['fixed window', { enable_fixed_window_rate_limiter: true }],
  ])('lets its rate begin anew, unless it is to go on: %s', async (name, conf) => {
    await using gateway = await startGateway({
      redisPort: redis.port,
      apis: { 'app.json': keylessApi(upstream.url, { use_keyless: false, use_standard_auth: true }) },
      conf: { enable_analytics: false, ...conf },
    })
    const key = `limited-${name.replaceAll(' ', '-')}`
    const ask = async (): Promise<number> =>
      (await fetch(`${gateway.url}/app/x`, { headers: { authorization: key } })).status
    const update = (query: string) => control(gateway, 'PUT', `/tyk/keys/${key}${query}`, { ...session, alias: query })
    expect((await control(gateway, 'POST', `/tyk/keys/${key}`, session))[0]).toBe(200)
    expect([await ask(), await ask()]).toEqual([200, 429])
    expect((await update('?suppress_reset=1'))[0]).toBe(200)
    expect(await ask()).toBe(429)
    expect((await update(''))[0]).toBe(200)
    expect([await ask(), await ask()]).toEqual([200, 429])
  })
})
