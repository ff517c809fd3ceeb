import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { redisSkipReason } from '../../../test/support/redis.ts'
import { hashKey } from '../src/auth/key-hash.ts'
import * as keys from '../src/session/keys.ts'
import { startTestRedis, type TestRedis } from './support/redis-stores.ts'
import { apiWith, depsWith } from './support/steps.ts'

const NOW = 1_700_000_000
const hashed = { hash_keys: true, hash_key_function: 'murmur64' }
const access_rights = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
const plain = { org_id: 'default', rate: 1000, per: 60, quota_max: -1, quota_renewal_rate: -1, access_rights }
const policies = {
  p1: {
    name: 'p1',
    org_id: 'default',
    rate: 3,
    per: 9,
    quota_max: 5,
    quota_renewal_rate: 60,
    tags: ['t'],
    access_rights,
  },
  trial: { org_id: 'default', rate: 1, per: 1, access_rights, key_expires_in: 100 },
  alien: { org_id: 'elsewhere', rate: 1, per: 1, access_rights },
}

const query = (text = ''): keys.KeyQuery => {
  const params = new URLSearchParams(text)
  return keys.readKeyQuery((name) => params.get(name))
}
const error = (status: number, message: string) => ({ status, body: `{"status":"error","message":"${message}"}\n` })
const json = ({ status, body }: keys.KeyAnswer): unknown => (status === 200 ? JSON.parse(body) : { status, body })

describe.skipIf(redisSkipReason())('keys through the control API', () => {
  let redis: TestRedis
  beforeAll(async () => void (redis = await startTestRedis()))
  afterAll(() => redis[Symbol.asyncDispose]())
  beforeEach(() => redis.stores.main.flushall())

  const deps = (config: Record<string, unknown> = hashed, definition: Record<string, unknown> = {}): keys.KeyDeps => {
    const api = apiWith(definition)
    const chain = depsWith({ config, redis: redis.stores, policies, clock: { ms: NOW * 1000 } })
    return { ...chain, api: (id) => (id === 'app' ? api.definition : undefined) }
  }
  const create = (using: keys.KeyDeps, name: string, session: unknown = plain) =>
    keys.createKey(using, JSON.stringify(session), name)

  test('one is made with a generated token', async () => {
    const using = deps()
    const made = JSON.parse((await keys.createGeneratedKey(using, JSON.stringify(plain))).body)
    expect(made).toEqual({
      key: expect.stringMatching(/^ey/),
      status: 'ok',
      action: 'added',
      key_hash: hashKey(made.key),
    })
    expect(json(await keys.getKey(using, made.key, query()))).toEqual({
      rate: 1000,
      per: 60,
      date_created: new Date(NOW * 1000).toISOString(),
      quota_max: -1,
      quota_renews: NOW - 1,
      quota_renewal_rate: -1,
      access_rights,
      org_id: 'default',
      last_updated: String(NOW),
    })
  })

  test('one is made under a name and found by name, token and hash', async () => {
    const using = deps()
    const token = 'eyJvcmciOiJkZWZhdWx0IiwiaWQiOiJteS1jdXN0b20ta2V5IiwiaCI6Im11cm11cjY0In0='
    expect(await create(using, 'my-custom-key')).toEqual({
      status: 200,
      body: `{"key":"${token}","status":"ok","action":"added","key_hash":"96ec98ff6d9e2683"}\n`,
    })
    for (const [key, text] of [
      ['my-custom-key', 'username=true&org_id=default'],
      [token, ''],
      ['96ec98ff6d9e2683', 'hashed=1'],
    ] as const) {
      expect(json(await keys.getKey(using, key, query(text)))).toMatchObject({ org_id: 'default', rate: 1000 })
    }
    expect(await keys.getKey(using, 'my-custom-key', query())).toEqual(error(404, 'Key not found'))
  })

  test('a policy and the counters show in what is read', async () => {
    const using = deps()
    await create(using, 'detail-key', { org_id: 'default', apply_policies: ['p1'], alias: 'al', meta_data: { a: 1 } })
    const token = 'eyJvcmciOiJkZWZhdWx0IiwiaWQiOiJkZXRhaWwta2V5IiwiaCI6Im11cm11cjY0In0='
    await redis.stores.main.set(`quota-${hashKey(token)}`, '1')
    expect(json(await keys.getKey(using, token, query()))).toEqual({
      rate: 3,
      per: 9,
      date_created: expect.any(String),
      quota_max: 5,
      quota_remaining: 4,
      quota_renewal_rate: 60,
      access_rights: {
        app: {
          versions: ['Default'],
          limit: { rate: 3, per: 9, quota_max: 5, quota_remaining: 4, quota_renewal_rate: 60 },
        },
      },
      org_id: 'default',
      apply_policies: ['p1'],
      meta_data: { a: 1 },
      tags: ['t'],
      alias: 'al',
      last_updated: String(NOW),
    })
  })

  test('a policy may say how long a new key lives', async () => {
    const using = deps()
    await create(using, 'trial-key', { org_id: 'default', apply_policies: ['trial'] })
    expect(json(await keys.getKey(using, 'trial-key', query('username=true&org_id=default')))).toMatchObject({
      expires: NOW + 100,
    })
  })

  test('the lifetime of the API becomes the expiry in Redis', async () => {
    await create(deps(hashed, { session_lifetime: 500 }), 'my-key')
    const [name] = await redis.stores.main.keys('apikey-*')
    expect(await redis.stores.main.ttl(name as string)).toBeGreaterThan(490)
  })

  test.each<[string, () => Promise<keys.KeyAnswer> | keys.KeyAnswer, ReturnType<typeof error>]>([
    ['generated, malformed', () => keys.createGeneratedKey(deps(), '{'), error(500, 'Unmarshalling failed')],
    ['malformed', () => keys.createKey(deps(), '{', 'abc-def'), error(400, 'Request malformed')],
    ['a list', () => keys.createKey(deps(), '[]'), error(400, 'Request malformed')],
    [
      'generated, without rights',
      () => keys.createGeneratedKey(deps(), '{"org_id":"default","rate":1,"per":1}'),
      error(400, 'Failed to create key, keys must have at least one Access Rights record set.'),
    ],
    [
      'without rights',
      () => create(deps(), 'my-master', { org_id: 'default', rate: 1, per: 1 }),
      error(500, 'Failed to create key, ensure security settings are correct.'),
    ],
    [
      'with a policy of another organisation',
      () => create(deps(), 'key-of-alien', { org_id: 'default', apply_policies: ['alien'] }),
      error(500, 'Failed to create key, ensure security settings are correct.'),
    ],
    [
      'generated, with an unknown policy',
      () => keys.createGeneratedKey(deps(), '{"org_id":"default","apply_policies":["x"]}'),
      error(500, 'Failed to create key - policy not found: \\"x\\"'),
    ],
    [
      'with a certificate',
      () => create(deps(), 'my-key', { ...plain, certificate: 'c1' }),
      error(400, 'certificate not found: c1'),
    ],
    [
      'with a password',
      () => create(deps(), 'my-key', { ...plain, basic_auth_data: { password: 'p' } }),
      error(400, 'basic_auth_data: basic auth is not in force in this version, so no password is stored'),
    ],
    [
      'with a short name',
      () => create(deps(), 'ab'),
      error(
        400,
        'custom key ID length 2 is less than min_token_length (3); the key would be unreachable at auth time. Use an ID of at least min_token_length characters, or lower min_token_length in the gateway configuration.',
      ),
    ],
  ])('none is made from a body that is %s', async (_, make, answer) => {
    expect(await make()).toEqual(answer)
    expect(await redis.stores.main.keys('*')).toEqual([])
  })

  test('one without rights is made where master keys are allowed', async () => {
    expect(
      (await create(deps({ ...hashed, allow_master_keys: true }), 'my-master', { org_id: 'default' })).status,
    ).toBe(200)
  })

  describe('an update', () => {
    const token = 'eyJvcmciOiJkZWZhdWx0IiwiaWQiOiJ1cGQta2V5IiwiaCI6Im11cm11cjY0In0='
    const update = (using: keys.KeyDeps, session: unknown, text = 'username=true', key = 'upd-key') =>
      keys.updateKey(using, key, JSON.stringify(session), query(text))

    test('replaces the session, keeps when it was made and starts quotas anew', async () => {
      const using = deps()
      await create(using, 'upd-key')
      await redis.stores.main.set(`quota-${hashKey(token)}`, '7')
      expect(await update(using, { ...plain, rate: 7, alias: 'new' })).toEqual({
        status: 200,
        body: `{"key":"${token}","status":"ok","action":"modified"}\n`,
      })
      expect(json(await keys.getKey(using, token, query()))).toMatchObject({
        rate: 7,
        alias: 'new',
        date_created: expect.any(String),
      })
      expect(await redis.stores.main.exists(`quota-${hashKey(token)}`)).toBe(0)
    })

    test('keeps quotas and the time of the last update when told to', async () => {
      const using = deps()
      await create(using, 'upd-key', { ...plain, quota_renewal_rate: 60 })
      await redis.stores.main.set(`quota-${hashKey(token)}`, '7')
      await update(using, { ...plain, rate: 7 }, 'username=true&suppress_reset=1')
      expect(await redis.stores.main.get(`quota-${hashKey(token)}`)).toBe('7')
      expect(json(await keys.getKey(using, token, query()))).toMatchObject({
        last_updated: String(NOW),
        quota_renews: NOW + 60,
      })
    })

    test('comes into force at once', async () => {
      const using = deps()
      await create(using, 'upd-key')
      expect((await using.sessions.find('upd-key', 'default'))?.session.rate).toBe(1000)
      await update(using, { ...plain, rate: 7 })
      expect((await using.sessions.find('upd-key', 'default'))?.session.rate).toBe(7)
    })

    test('of a key made without a hash function finds it under its older form', async () => {
      await create(deps({ hash_keys: true }), 'upd-key')
      expect(json(await update(deps(), plain))).toMatchObject({ key: 'defaultupd-key' })
    })

    test('needs the key and a session', async () => {
      expect(await update(deps(), plain, 'username=true', 'nobody-here')).toEqual(error(404, 'Key is not found'))
      expect(await keys.updateKey(deps(), 'upd-key', '{', query('username=true'))).toEqual(
        error(400, 'Request malformed'),
      )
    })
  })

  describe('a deletion', () => {
    test('takes the key and its counters away', async () => {
      const using = deps()
      await create(using, 'my-key')
      const found = await using.sessions.find('my-key', 'default')
      await redis.stores.main.set(`quota-${found?.storageKey}`, '7')
      expect(json(await keys.deleteKey(using, 'my-key', query('username=true&org_id=default')))).toEqual({
        key: found?.token,
        status: 'ok',
        action: 'deleted',
      })
      expect(await redis.stores.main.keys('*')).toEqual([])
      expect(await using.sessions.find('my-key', 'default')).toBeNull()
    })

    test('for every API answers null', async () => {
      const using = deps()
      await create(using, 'my-key')
      expect(await keys.deleteKey(using, 'my-key', query('username=true&org_id=default&api_id=-1'))).toEqual({
        status: 200,
        body: 'null\n',
      })
    })

    test('of an unknown key is 404', async () => {
      expect(await keys.deleteKey(deps(), 'unknown-key', query())).toEqual(error(404, 'There is no such key found'))
    })
  })

  describe('the list', () => {
    const list = async (using: keys.KeyDeps, text = ''): Promise<unknown> =>
      json(await keys.listKeys(using, query(text)))

    test('of hashed keys needs the option', async () => {
      const message = 'Hashed key listing is disabled in config (enable_hashed_keys_listing)'
      expect(await keys.listKeys(deps(), query())).toEqual(error(404, message))
      const using = deps({ ...hashed, enable_hashed_keys_listing: true })
      await create(using, 'my-custom-key')
      expect(await list(using)).toEqual({ keys: ['96ec98ff6d9e2683'] })
    })

    test('of plain keys can be filtered by organisation and API', async () => {
      const using = deps({})
      await create(using, 'plain-1')
      await create(using, 'plain-2', { ...plain, access_rights: { other: {} } })
      expect(await list(using)).toEqual({ keys: ['defaultplain-1', 'defaultplain-2'] })
      expect(await list(using, 'filter=default')).toEqual({ keys: ['defaultplain-1', 'defaultplain-2'] })
      expect(await list(using, 'filter=nobody')).toEqual({ keys: [] })
      expect(await list(using, 'filter=default&api_id=other')).toEqual({ keys: ['defaultplain-2'] })
      expect((await keys.listKeys(using, query('api_id=other'))).status).toBe(400)
    })
  })

  test('a hash is of no use without hashing', async () => {
    expect(await keys.getKey(deps({}), 'abc', query('hashed=1'))).toEqual(
      error(400, 'Key requested by hash but key hashing is not enabled'),
    )
  })

  test('policies of a hashed key can be replaced', async () => {
    const using = deps()
    await create(using, 'my-custom-key')
    const answer = await keys.setKeyPolicies(using, '96ec98ff6d9e2683', '{"policy":"p1","apply_policies":["trial"]}')
    expect(json(answer)).toEqual({ key: '96ec98ff6d9e2683', status: 'ok', action: 'updated' })
    expect(json(await keys.getKey(using, '96ec98ff6d9e2683', query('hashed=1')))).toMatchObject({
      apply_policies: ['p1', 'trial'],
    })
    expect(await keys.setKeyPolicies(using, 'none', '{}')).toEqual(error(404, 'Key not found'))
    expect(await keys.setKeyPolicies(using, 'none', '[')).toEqual(error(400, "Couldn't decode instruction"))
  })

  test('a preview stores nothing', async () => {
    expect(json(keys.previewKey(deps(), '{"org_id":"default","apply_policies":["p1"]}'))).toMatchObject({
      rate: 3,
      tags: ['t'],
    })
    expect(await redis.stores.main.keys('*')).toEqual([])
  })
})
