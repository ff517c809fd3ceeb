import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, startRedis } from '../../../test/support/redis.ts'
import { apiAt } from './support/api.ts'
import { startReceiver, type Receiver } from './support/receiver.ts'

const access_rights = { keys: { api_id: 'keys', api_name: 'keys', versions: ['Default'] } }

describe.skipIf(redisSkipReason())('keys', () => {
  const resources = new AsyncDisposableStack()
  let client: Redis
  let receiver: Receiver
  let gateway: Gateway

  beforeAll(async () => {
    const redis = resources.use(await startRedis())
    client = resources.adopt(new Redis(redis.port), (each) => each.disconnect())
    receiver = resources.use(await startReceiver())
    const configuration = { method: 'POST', target_path: `${receiver.url}/monitor`, event_timeout: 100 }
    const monitor = { enable_trigger_monitors: true, monitor_user_keys: true, global_trigger_limit: 90, configuration }
    const apis = { 'keys.json': apiAt('keys', receiver.url, { use_keyless: false }) }
    gateway = resources.use(await startGateway({ redisPort: redis.port, apis, conf: { monitor } }))
  })
  afterAll(() => resources.disposeAsync())
  beforeEach(async () => {
    await client.flushdb()
    receiver.received.length = 0
  })

  async function createKey(session: Record<string, unknown>): Promise<string> {
    const answer = await fetch(`${gateway.url}/tyk/keys`, {
      method: 'POST',
      headers: { 'x-tyk-authorization': gateway.secret },
      body: JSON.stringify({ org_id: 'default', quota_max: 10, quota_renewal_rate: 100, access_rights, ...session }),
    })
    return ((await answer.json()) as { key: string }).key
  }
  const ask = async (path: string, key: string): Promise<Record<string, unknown> | number> => {
    const answer = await fetch(`${gateway.url}${path}`, { headers: { authorization: key } })
    const text = await answer.text()
    return answer.status === 200 && text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : answer.status
  }
  const useTimes = async (key: string, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) expect(await ask('/keys/x', key)).toBe(200)
  }
  const limitsTold = (count: number): Promise<string[]> =>
    eventually(() => {
      const told = receiver.at('/monitor').map(({ body }) => /"trigger_limit": "(\d+)"/.exec(body)?.[1] ?? '')
      expect(told).toHaveLength(count)
      return told
    })

  test('tell their monitor when the quota is used to a limit, once each', async () => {
    const key = await createKey({ monitor: { trigger_limits: [80, 50] } })
    await useTimes(key, 4)
    expect(receiver.at('/monitor')).toEqual([])
    await useTimes(key, 6)
    expect(await limitsTold(3)).toEqual(['50', '80', '90'])
    expect(receiver.at('/monitor')[0]?.body).toBe(
      '\n{\n    "event": "TriggerExceeded",\n    "message": "Quota trigger reached",\n    "org": "default",\n' +
        `    "key": "${key}",\n    "trigger_limit": "50"\n}\n`,
    )
    expect(gateway.program.output()).not.toContain(key)
  })

  test('with limits of their own for an API are watched there', async () => {
    const limit = { rate: 1000, per: 1, quota_max: 2, quota_renewal_rate: 100 }
    const key = await createKey({
      quota_max: -1,
      access_rights: { keys: { ...access_rights.keys, limit } },
      monitor: { trigger_limits: [50] },
    })
    await useTimes(key, 1)
    expect(await limitsTold(1)).toEqual(['50'])
  })

  test('are told their limits', async () => {
    const key = await createKey({ rate: 5, per: 1, quota_max: 10 })
    await useTimes(key, 3)
    const told = await ask('/keys/tyk/rate-limits/', key)
    expect(told).toEqual({
      quota: { quota_max: 10, quota_remaining: 7, quota_renews: expect.any(Number) },
      rate_limit: { requests: 5, per_unit: 1 },
    })
    expect(await ask('/keys/tyk/rate-limits/', key)).toEqual(told)
    expect(await ask('/keys/tyk/rate-limits/', 'no-such-key')).toBe(403)
    expect(await ask('/keys/other/tyk/rate-limits/', key)).toBe(200)
    expect(receiver.received.map(({ url }) => url)).toContain('/other/tyk/rate-limits/')
    expect(receiver.received.map(({ url }) => url)).not.toContain('/tyk/rate-limits/')
  })
})
