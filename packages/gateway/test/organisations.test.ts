import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { readRecords } from '../../../test/support/read-records.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { hashKey } from '../src/auth/key-hash.ts'
import { apiAt } from './support/api.ts'
import { startReceiver, type Receiver } from './support/receiver.ts'

const DISABLED = 'this organisation access has been disabled, please contact your API administrator'
const QUOTA = 'This organisation quota has been exceeded, please contact your API administrator'
const RATE = 'This organisation rate limit has been exceeded, please contact your API administrator'

describe.skipIf(redisSkipReason())('organisations', () => {
  const resources = new AsyncDisposableStack()
  let redis: RedisServer
  let client: Redis
  let receiver: Receiver
  let gateway: Gateway
  let plain: Gateway

  beforeAll(async () => {
    redis = resources.use(await startRedis())
    client = resources.adopt(new Redis(redis.port), (each) => each.disconnect())
    receiver = resources.use(await startReceiver())
    const handler = (path: string) => [
      { handler_name: 'eh_web_hook_handler', handler_meta: { method: 'POST', target_path: receiver.url + path } },
    ]
    const events = { OrgQuotaExceeded: handler('/quota'), OrgRateLimitExceeded: handler('/rate') }
    const apis = {
      'one.json': apiAt('one', receiver.url, { org_id: 'acme', event_handlers: { events } }),
      'two.json': apiAt('two', receiver.url, { org_id: 'acme' }),
      'other.json': apiAt('other', receiver.url, { org_id: 'other' }),
    }
    const monitor = {
      enable_trigger_monitors: true,
      monitor_org_keys: true,
      global_trigger_limit: 50,
      configuration: { method: 'POST', target_path: `${receiver.url}/monitor`, event_timeout: 100 },
    }
    const recording = {
      suppress_default_org_store: true,
      enforce_org_data_age: true,
      enforce_org_data_detail_logging: true,
    }
    const options = { redisPort: redis.port, apis }
    gateway = resources.use(await startGateway({ ...options, conf: { enforce_org_quotas: true, monitor } }))
    plain = resources.use(await startGateway({ ...options, conf: recording }))
  })
  afterAll(() => resources.disposeAsync())
  beforeEach(async () => {
    for (const org of ['acme', 'other']) await control('DELETE', `/tyk/org/keys/${org}`)
    await client.flushdb()
    receiver.received.length = 0
  })

  async function ask(path: string, at = gateway): Promise<string> {
    const answer = await fetch(`${at.url}${path}`)
    const text = await answer.text()
    return answer.status === 200 ? '200' : `${answer.status} ${(JSON.parse(text) as { error: string }).error}`
  }
  async function control(method: string, path: string, body?: unknown, at = gateway): Promise<[number, unknown]> {
    const answer = await fetch(`${at.url}${path}`, {
      method,
      headers: { 'x-tyk-authorization': at.secret },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return [answer.status, await answer.json()]
  }
  const bodyAt = (path: string): Promise<string> =>
    eventually(() => {
      const [first] = receiver.at(path)
      expect(first).toBeDefined()
      return first?.body ?? ''
    })

  test('without a session nothing is limited, and a new one holds at once', async () => {
    expect(await ask('/one/x')).toBe('200')
    expect(await control('POST', '/tyk/org/keys/acme', { is_inactive: true })).toEqual([
      200,
      { key: 'acme', status: 'ok', action: 'added' },
    ])
    expect([await ask('/one/x'), await ask('/two/x'), await ask('/other/x')]).toEqual([
      `403 ${DISABLED}`,
      `403 ${DISABLED}`,
      '200',
    ])
    expect(await ask('/one/x', plain)).toBe('200')
  })

  test('a quota is shared by the APIs of the organisation, and begins anew when asked', async () => {
    const session = { quota_max: 2, quota_renewal_rate: 100 }
    await control('POST', '/tyk/org/keys/acme', session)
    expect([await ask('/one/x'), await ask('/two/x'), await ask('/one/x')]).toEqual(['200', '200', `403 ${QUOTA}`])
    expect(await bodyAt('/quota')).toContain('"message": "Organisation quota has been exceeded"')
    expect(await bodyAt('/quota')).toContain('"key": "acme"')
    expect(await client.get(`quota-${hashKey('acme')}`)).toBe('3')
    await eventually(async () => expect(await client.get('orgkey.acme')).toContain('"quota_renews":'))
    expect(await control('PUT', '/tyk/org/keys/acme', session)).toEqual([
      200,
      { key: 'acme', status: 'ok', action: 'modified' },
    ])
    expect(await ask('/one/x')).toBe(`403 ${QUOTA}`)
    await control('PUT', '/tyk/org/keys/acme?reset_quota=1', session)
    expect(await ask('/one/x')).toBe('200')
    expect(await control('GET', '/tyk/org/keys/acme')).toEqual([
      200,
      expect.objectContaining({ quota_max: 2, quota_remaining: 1 }),
    ])
  })

  test('the figures of a quota do not undo a change that the gateway has not heard of, though it has read it', async () => {
    await using deaf = await startGateway({
      redisPort: redis.port,
      apis: {
        'one.json': apiAt('one', receiver.url, { org_id: 'acme' }),
        'other.json': apiAt('other', receiver.url, { org_id: 'other' }),
      },
      conf: { enforce_org_quotas: true, suppress_redis_signal_reload: true },
    })
    const session = { quota_max: 100, quota_renewal_rate: 100 }
    for (const org of ['acme', 'other']) await control('POST', `/tyk/org/keys/${org}`, session, deaf)
    expect(await ask('/one/x', deaf)).toBe('200')
    await eventually(async () => expect(await client.get('orgkey.acme')).toContain('"quota_remaining":99'))
    await client.set('orgkey.acme', JSON.stringify({ ...session, quota_max: 50 }))
    expect(await control('GET', '/tyk/org/keys/acme', undefined, deaf)).toMatchObject([200, { quota_max: 50 }])
    expect([await ask('/one/x', deaf), await ask('/other/x', deaf)]).toEqual(['200', '200'])
    // Written after those of the first organisation.
    await eventually(async () => expect(await client.get('orgkey.other')).toContain('"quota_remaining":99'))
    expect(await client.get('orgkey.acme')).toContain('"quota_max":50,')
  })

  test('a rate is shared as well, and needs its period', async () => {
    await control('POST', '/tyk/org/keys/acme', { rate: 1, per: 100 })
    expect([await ask('/one/x'), await ask('/two/x'), await ask('/one/x')]).toEqual([
      '200',
      `403 ${RATE}`,
      `403 ${RATE}`,
    ])
    expect(await bodyAt('/rate')).toContain('"event": "OrgRateLimitExceeded"')
    // Each change has it begin anew, also within one second.
    for (let change = 0; change < 3; change++) {
      await control('PUT', '/tyk/org/keys/acme', { rate: 1, per: 100 })
      expect([await ask('/one/x'), await ask('/two/x')]).toEqual(['200', `403 ${RATE}`])
    }
    await control('PUT', '/tyk/org/keys/acme', { rate: 1 })
    expect([await ask('/one/x'), await ask('/one/x')]).toEqual(['200', '200'])
  })

  test('a monitor is told when half of the quota is used', async () => {
    await control('POST', '/tyk/org/keys/acme', { org_id: 'acme', quota_max: 4, quota_renewal_rate: 100 })
    expect(await ask('/one/x')).toBe('200')
    expect(await ask('/one/x')).toBe('200')
    expect(await bodyAt('/monitor')).toBe(
      '\n{\n    "event": "TriggerExceeded",\n    "message": "Quota trigger reached",\n    "org": "acme",\n' +
        '    "key": "",\n    "trigger_limit": "50"\n}\n',
    )
    expect(receiver.at('/monitor')).toHaveLength(1)
  })

  test('records live as long and hold as much as the session says', async () => {
    await control('POST', '/tyk/org/keys/acme', { data_expires: 100, enable_detailed_recording: true }, plain)
    const recorded = (path: string) =>
      eventually(async () => {
        await ask(path, plain)
        const records = await readRecords(redis.url)
        const found = records.findLast(({ originalPath, rawRequest }) => originalPath === path && rawRequest !== '')
        if (path.startsWith('/one/')) expect(found).toBeDefined()
        const record = found ?? records.findLast(({ originalPath }) => originalPath === path)
        if (record === undefined) throw new Error('no record yet')
        const { expireAt, timestamp, rawRequest } = record
        return [expireAt.seconds - timestamp.seconds, rawRequest !== '']
      })
    expect(await recorded('/one/recorded')).toEqual([100, true])
    expect(await recorded('/other/recorded')).toEqual([604_800, false])
  })

  test('sessions are listed, shown and deleted', async () => {
    expect(await control('GET', '/tyk/org/keys')).toEqual([200, { keys: [] }])
    await control('POST', '/tyk/org/keys/other', { rate: 5, per: 1 })
    await control('POST', '/tyk/org/keys/acme', { data_expires: 100, is_inactive: true })
    expect(await control('GET', '/tyk/org/keys')).toEqual([200, { keys: ['acme', 'other'] }])
    expect(await control('GET', '/tyk/org/keys/acme')).toEqual([
      200,
      { data_expires: 100, is_inactive: true, last_updated: expect.stringMatching(/^\d+$/) },
    ])
    expect(await ask('/one/x')).toBe(`403 ${DISABLED}`)
    expect(await control('DELETE', '/tyk/org/keys/acme')).toEqual([
      200,
      { key: 'acme', status: 'ok', action: 'deleted' },
    ])
    expect(await ask('/one/x')).toBe('200')
    const notFound = { status: 'error', message: 'Org not found' }
    expect(await control('DELETE', '/tyk/org/keys/acme')).toEqual([404, notFound])
    expect(await control('GET', '/tyk/org/keys/acme')).toEqual([404, notFound])
  })

  test('checks beside the request answer by what those before have found, for all APIs of the organisation', async () => {
    const refused =
      '403 This organization access has been disabled or quota/rate limit is exceeded, please contact your API administrator'
    await using beside = await startGateway({
      redisPort: redis.port,
      apis: {
        'one.json': apiAt('one', receiver.url, { org_id: 'acme' }),
        'two.json': apiAt('two', receiver.url, { org_id: 'acme' }),
      },
      conf: { enforce_org_quotas: true, experimental_process_org_off_thread: true },
    })
    const counter = async (): Promise<number> => Number(await client.get(`quota-${hashKey('acme')}`))
    const counted = (count: number) => eventually(async () => expect(await counter()).toBe(count))
    await control('POST', '/tyk/org/keys/acme', { quota_max: 2, quota_renewal_rate: 100 }, beside)
    // The third is one too many, and is let through by what the second has found.
    for (const count of [1, 2, 3]) {
      expect(await ask('/one/x', beside)).toBe('200')
      await counted(count)
    }
    // What a check has found comes to be known a moment after Redis has counted.
    await eventually(async () => expect(await ask('/two/x', beside)).toBe(refused))
    await eventually(async () => expect(await counter()).toBeGreaterThan(3))
    await control('PUT', '/tyk/org/keys/acme?reset_quota=1', { quota_max: 2, quota_renewal_rate: 100 }, beside)
    await eventually(async () => expect(await ask('/one/x', beside)).toBe('200'))
    await control('PUT', '/tyk/org/keys/acme', { is_inactive: true }, beside)
    await eventually(async () => expect(await ask('/two/x', beside)).toBe(refused))
    expect(await ask('/one/x', beside)).toBe(refused)
    await control('DELETE', '/tyk/org/keys/acme', undefined, beside)
    await eventually(async () => expect(await ask('/one/x', beside)).toBe('200'))
  })

  test('every process of a gateway knows of a change at once', async () => {
    await using several = await startGateway({
      redisPort: redis.port,
      apis: { 'one.json': apiAt('one', receiver.url, { org_id: 'acme' }) },
      conf: { enforce_org_quotas: true, workers: 2 },
    })
    const statuses = async (): Promise<Set<string>> =>
      new Set(await Promise.all(Array.from({ length: 30 }, () => ask('/one/x', several))))
    expect(await statuses()).toEqual(new Set(['200']))
    await control('POST', '/tyk/org/keys/acme', { is_inactive: true }, several)
    expect(await statuses()).toEqual(new Set([`403 ${DISABLED}`]))
    await control('POST', '/tyk/org/keys/acme', { quota_max: 40, quota_renewal_rate: 100 }, several)
    expect(await statuses()).toEqual(new Set(['200']))
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => ask('/one/x', several)))
    expect(outcomes.filter((outcome) => outcome === '200')).toHaveLength(10)
    await control('DELETE', '/tyk/org/keys/acme', undefined, several)
    expect(await statuses()).toEqual(new Set(['200']))
  })

  test('what is no session, or belongs to nobody here, is refused', async () => {
    expect(await control('POST', '/tyk/org/keys/acme', '{')).toEqual([
      400,
      { status: 'error', message: 'Request malformed' },
    ])
    const inactive = { status: 'error', message: 'No such organisation found in Active API list' }
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      const body = method === 'POST' || method === 'PUT' ? {} : undefined
      expect(await control(method, '/tyk/org/keys/stranger', body, plain)).toEqual([404, inactive])
    }
    expect(await control('POST', '/tyk/org/keys/acme', {}, plain)).toMatchObject([200, { status: 'ok' }])
    expect(await control('POST', '/tyk/org/keys/stranger', {})).toMatchObject([200, { status: 'ok' }])
    expect(await control('PATCH', '/tyk/org/keys/acme', {})).toMatchObject([405, { message: 'Method not supported' }])
  })
})
