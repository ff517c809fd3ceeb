/** What two gateways on one Redis make of each other's keys, with cluster messages and without. */
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { generateKey } from '../src/auth/key-format.ts'
import { hashKey } from '../src/auth/key-hash.ts'
import { keylessApi } from './support/api.ts'
import { openConnection, type Connection } from './support/connection.ts'

/** How long a copy of a session is used, and some time for the requests themselves. */
const CACHE_MS = 10_000 + 5000

const access_rights = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
const session = { org_id: 'default', rate: 0, per: 0, quota_max: -1, access_rights }

describe.skipIf(redisSkipReason())('two gateways on one Redis', () => {
  const resources = new AsyncDisposableStack()
  let redis: RedisServer
  let client: Redis
  let upstream: Upstream
  let one: Gateway
  let two: Gateway
  let deaf: Gateway
  beforeAll(async () => {
    redis = resources.use(await startRedis())
    client = resources.adopt(new Redis(redis.port), (each) => each.disconnect())
    upstream = resources.use(await startUpstream((_, res) => res.end('ok')))
    const start = async (conf: Record<string, unknown> = {}): Promise<Gateway> =>
      resources.use(
        await startGateway({
          redisPort: redis.port,
          apis: { 'app.json': keylessApi(upstream.url, { use_keyless: false, use_standard_auth: true }) },
          conf: { enable_analytics: false, ...conf },
        }),
      )
    one = await start()
    two = await start()
    // Hears nothing of the others: only the age of its copies ends them.
    deaf = await start({ suppress_redis_signal_reload: true })
  })
  afterAll(() => resources.disposeAsync())

  const ask = async (gateway: Gateway, key: string): Promise<number> =>
    (await fetch(`${gateway.url}/app/x`, { headers: { authorization: key } })).status
  async function control(gateway: Gateway, method: string, key: string, body?: object): Promise<void> {
    const answer = await fetch(`${gateway.url}/tyk/keys/${key}${method === 'DELETE' ? '?org_id=default' : ''}`, {
      method,
      headers: { 'x-tyk-authorization': gateway.secret },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    expect(answer.status).toBe(200)
  }

  test.each([
    ['that hears the other', () => two, undefined],
    ['that hears nothing, within the time of its copies', () => deaf, CACHE_MS],
  ])(
    'one %s honours a key that the other makes, changes and deletes',
    async (name, other, withinMs) => {
      const key = `made-for-${name.length}`
      const becomes = (status: number) => eventually(async () => expect(await ask(other(), key)).toBe(status), withinMs)
      expect(await ask(other(), key)).toBe(403)
      await control(one, 'POST', key, session)
      await becomes(200)
      await control(one, 'PUT', key, { ...session, is_inactive: true })
      await becomes(403)
      await control(one, 'PUT', key, session)
      await becomes(200)
      await control(one, 'DELETE', key)
      await becomes(403)
    },
    60_000,
  )

  /** Requests on several connections until it is disposed of. */
  function keepBusy(gateway: Gateway, key: string) {
    const stop = new AbortController()
    const statuses: number[] = []
    const loop = async (connection: Connection): Promise<void> => {
      while (!stop.signal.aborted) statuses.push((await connection.get('/app/x', { authorization: key })).status)
      connection[Symbol.dispose]()
    }
    const loops = Array.from({ length: 4 }, () => loop(openConnection(gateway.port)))
    return {
      statuses,
      async [Symbol.asyncDispose]() {
        stop.abort()
        await Promise.all(loops)
      },
    }
  }

  test.each([
    ['that hears the other', () => two],
    ['that hears nothing', () => deaf],
  ])(
    'a change through one stays, though one %s writes the quota of the key all the time',
    async (name, other) => {
      const key = `busy-${name.length}`
      const stored = `apikey-${hashKey(generateKey('default', key, 'murmur64'))}`
      const quota = { quota_max: 1_000_000, quota_renewal_rate: 3600 }
      await control(one, 'POST', key, { ...session, ...quota })
      await using load = keepBusy(other(), key)
      await eventually(() => expect(load.statuses.length).toBeGreaterThan(200))
      await eventually(async () => expect(await client.get(stored)).toContain('"quota_remaining":9'))
      await control(one, 'PUT', `${key}?suppress_reset=1`, { ...session, ...quota, quota_max: 5 })
      // Reads the new session beside the copy of the old one that its requests go on using.
      await control(other(), 'GET', `${key}?org_id=default`)
      // The smaller quota is used up already.
      await eventually(() => expect(load.statuses.at(-1)).toBe(403), CACHE_MS)
      await eventually(() => expect(load.statuses.slice(-200).every((status) => status === 403)).toBe(true), CACHE_MS)
      expect(await client.get(stored)).toContain('"quota_max":5,')
    },
    60_000,
  )

  test('the quota of a key is one, whichever of them is asked', async () => {
    await control(one, 'POST', 'shared-quota', { ...session, quota_max: 1000, quota_renewal_rate: 3600 })
    const seen = await Promise.all(
      Array.from({ length: 16 }, async (_, i) => {
        using connection = openConnection((i % 2 === 0 ? one : two).port)
        const statuses: number[] = []
        for (let n = 0; n < 80; n++) {
          statuses.push((await connection.get('/app/x', { authorization: 'shared-quota' })).status)
        }
        return statuses
      }),
    )
    const all = seen.flat()
    expect(all.filter((status) => status === 200)).toHaveLength(1000)
    expect(all.filter((status) => status === 403)).toHaveLength(all.length - 1000)
  })
})
