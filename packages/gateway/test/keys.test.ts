import bcrypt from 'bcrypt'
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

const UNKNOWN_ID = `default${'0'.repeat(64)}`

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
    await redis.stores.main.pexpire(`quota-${hashKey(token)}`, 30_000)
    const { quota_renews } = json(await keys.getKey(using, token, query())) as { quota_renews: number }
    expect([NOW + 28, NOW + 29, NOW + 30]).toContain(quota_renews)
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
      'bound to a certificate that is not there',
      () => create(deps(), 'my-key', { ...plain, mtls_static_certificate_bindings: [UNKNOWN_ID] }),
      error(400, `certificate not found: ${UNKNOWN_ID}`),
    ],
    [
      'generated, bound to something that is no certificate',
      () =>
        keys.createGeneratedKey(
          deps(),
          JSON.stringify({ ...plain, mtls_static_certificate_bindings: ['/etc/passwd'] }),
        ),
      error(400, 'invalid certificate ID: /etc/passwd'),
    ],
    [
      'with a password that bcrypt would cut',
      () => create(deps(), 'my-key', { ...plain, basic_auth_data: { password: 'é'.repeat(37) } }),
      error(400, 'basic_auth_data: bcrypt takes passwords of at most 72 bytes'),
    ],
    [
      'generated, with such a password',
      () =>
        keys.createGeneratedKey(deps(), JSON.stringify({ ...plain, basic_auth_data: { password: 'x'.repeat(73) } })),
      error(400, 'basic_auth_data: bcrypt takes passwords of at most 72 bytes'),
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

  describe('a password', () => {
    const stored = async (using: keys.KeyDeps, name: string) =>
      (await using.sessions.read(name, 'default'))?.session.basic_auth_data

    test('is stored as a bcrypt hash and never shown; the answer leaves the key out', async () => {
      const using = deps()
      const answer = JSON.parse(
        (await create(using, 'ann', { ...plain, basic_auth_data: { password: 'secret' } })).body,
      )
      expect(answer).toEqual({
        key: '',
        status: 'ok',
        action: 'added',
        key_hash: expect.stringMatching(/^[0-9a-f]{16}$/),
      })
      const data = await stored(using, 'ann')
      expect(data).toEqual({ password: expect.stringMatching(/^\$2a\$10\$/), hash_type: 'bcrypt' })
      expect(await bcrypt.compare('secret', data?.password ?? '')).toBe(true)
      const shown = json(await keys.getKey(using, 'ann', query('username=true&org_id=default')))
      expect(shown).toMatchObject({ basic_auth_data: { hash_type: 'bcrypt' } })
      expect(JSON.stringify(shown)).not.toContain(data?.password)
    })

    test('is stored with the function of the configuration', async () => {
      const using = deps({ ...hashed, basic_auth_hash_key_function: 'sha256' })
      await create(using, 'ann', { ...plain, basic_auth_data: { password: 'hello' } })
      expect(await stored(using, 'ann')).toEqual({
        password: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
        hash_type: 'sha256',
      })
    })

    test('of a generated key is stored as a hash as well', async () => {
      const using = deps()
      const session = { ...plain, basic_auth_data: { password: 'secret', hash_type: '' } }
      const { key } = JSON.parse((await keys.createGeneratedKey(using, JSON.stringify(session))).body)
      expect(await stored(using, key)).toMatchObject({ hash_type: 'bcrypt' })
    })

    test.each<[string, object | undefined, boolean]>([
      ['stays with an update that has none', undefined, true],
      ['stays with an update that has an empty one', { password: '', hash_type: 'bcrypt' }, true],
      ['is hashed anew when it is another one', { password: 'other' }, false],
    ])('%s', async (_, basic_auth_data, stays) => {
      const using = deps()
      await create(using, 'ann', { ...plain, basic_auth_data: { password: 'secret' } })
      const before = await stored(using, 'ann')
      await keys.updateKey(using, 'ann', JSON.stringify({ ...plain, basic_auth_data }), query('username=true'))
      const after = await stored(using, 'ann')
      expect(after?.password === before?.password).toBe(stays)
      expect(await bcrypt.compare(stays ? 'secret' : 'other', after?.password ?? '')).toBe(true)
    })

    test('is not hashed again when the update holds its stored form', async () => {
      const using = deps()
      await create(using, 'ann', { ...plain, basic_auth_data: { password: 'secret' } })
      const before = await stored(using, 'ann')
      const given = { password: before?.password, hash_type: '' }
      await keys.updateKey(using, 'ann', JSON.stringify({ ...plain, basic_auth_data: given }), query('username=true'))
      expect(await stored(using, 'ann')).toEqual(before)
    })
  })

  test('one that belongs to a certificate goes by its id', async () => {
    const session = JSON.stringify({ ...plain, certificate: UNKNOWN_ID })
    const { key } = JSON.parse((await keys.createGeneratedKey(deps(), session)).body)
    expect(Buffer.from(key, 'base64').toString()).toBe(`{"org":"default","id":"${'0'.repeat(64)}","h":"murmur64"}`)
    expect(await keys.createGeneratedKey(deps(), session)).toEqual(
      error(500, `Failed to create key - Key with given certificate already found:${key}`),
    )
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
    await redis.stores.main.mset('quota-96ec98ff6d9e2683', '7', 'rate-limit-96ec98ff6d9e2683', '7')
    const answer = await keys.setKeyPolicies(using, '96ec98ff6d9e2683', '{"policy":"p1","apply_policies":["trial"]}')
    expect(json(answer)).toEqual({ key: '96ec98ff6d9e2683', status: 'ok', action: 'updated' })
    expect(json(await keys.getKey(using, '96ec98ff6d9e2683', query('hashed=1')))).toMatchObject({
      apply_policies: ['p1', 'trial'],
    })
    const counted = await redis.stores.main.mget('quota-96ec98ff6d9e2683', 'rate-limit-96ec98ff6d9e2683')
    expect(counted).toEqual(['7', null])
    expect(await keys.setKeyPolicies(using, 'none', '{}')).toEqual(error(404, 'Key not found'))
    expect(await keys.setKeyPolicies(using, 'none', '[')).toEqual(error(400, "Couldn't decode instruction"))
  })

  test('no two changes in one second have the same time', async () => {
    const using = deps()
    const updatedAfter = async (change: Promise<keys.KeyAnswer>): Promise<unknown> => {
      expect((await change).status).toBe(200)
      return (await using.sessions.load('96ec98ff6d9e2683', ''))?.session.last_updated
    }
    expect([
      await updatedAfter(create(using, 'my-custom-key')),
      await updatedAfter(create(using, 'my-custom-key')),
      await updatedAfter(keys.updateKey(using, 'my-custom-key', JSON.stringify(plain), query('username=true'))),
      await updatedAfter(keys.setKeyPolicies(using, '96ec98ff6d9e2683', '{"policy":"p1"}')),
    ]).toEqual([0, 1, 2, 3].map((seconds) => String(NOW + seconds)))
  })

  test('a preview stores nothing', async () => {
    expect(json(keys.previewKey(deps(), '{"org_id":"default","apply_policies":["p1"]}'))).toMatchObject({
      rate: 3,
      tags: ['t'],
    })
    expect(await redis.stores.main.keys('*')).toEqual([])
  })
})
