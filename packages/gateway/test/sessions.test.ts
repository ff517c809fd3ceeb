import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { redisSkipReason } from '../../../test/support/redis.ts'
import { generateKey } from '../src/auth/key-format.ts'
import { hashKey } from '../src/auth/key-hash.ts'
import type { ChainDeps } from '../src/chain/types.ts'
import { countQuota } from '../src/limits/quota.ts'
import { rateLimitHeaders } from '../src/limits/request-quota.ts'
import { authTokenMiddleware } from '../src/middleware/auth-token/index.ts'
import { jwtMiddleware } from '../src/middleware/jwt/index.ts'
import { rateLimitAndQuotaMiddleware } from '../src/middleware/rate-limit-and-quota/index.ts'
import { CLUSTER_CHANNEL } from '../src/session/key-space-message.ts'
import { startTestRedis, type TestRedis } from './support/redis-stores.ts'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf, type TestDepsOptions } from './support/steps.ts'
import { pemOf, rsaKeys, signToken } from './support/tokens.ts'

const hashed = { hash_keys: true, hash_key_function: 'murmur64' }
const rights = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
const policies = {
  pol1: { org_id: 'default', rate: 1000, per: 60, quota_max: -1, access_rights: rights },
  pol2: { org_id: 'default', rate: 500, per: 60, quota_max: -1, access_rights: rights },
}
const UNKNOWN = '403 Access to this API has been disallowed'

describe.skipIf(redisSkipReason())('sessions in Redis', () => {
  let redis: TestRedis
  beforeAll(async () => void (redis = await startTestRedis()))
  afterAll(() => redis[Symbol.asyncDispose]())
  beforeEach(() => redis.stores.main.flushall())

  // What a test has left to be written must not reach the next one.
  const made: ChainDeps[] = []
  afterEach(async () => void (await Promise.all(made.splice(0).map(({ sessions }) => sessions.close()))))
  const deps = (options: TestDepsOptions = {}): ChainDeps => {
    const all = depsWith({ config: hashed, redis: redis.stores, policies, ...options })
    made.push(all)
    return all
  }
  const put = (token: string, session: unknown, hash = true): Promise<unknown> =>
    redis.stores.main.set(`apikey-${hash ? hashKey(token) : token}`, JSON.stringify(session))
  const keyApi = apiWith({ use_standard_auth: true })

  async function present(using: ChainDeps, key: string, api = keyApi) {
    const ctx = contextFor(api, { headers: key === '' ? [] : ['Authorization', key] })
    return { outcome: outcomeOf(await runSteps(stepsOf(api, using, [authTokenMiddleware]), ctx)), ctx }
  }

  describe('a key', () => {
    const full = generateKey('default', 'my-key', 'murmur64')

    test.each([
      ['by its whole text', full],
      ['by its name', 'my-key'],
      ['behind the word Bearer', 'Bearer my-key'],
    ])('is found %s, under its whole text', async (_, presented) => {
      await put(full, { org_id: 'default', access_rights: rights, alias: 'Ann' })
      const { outcome, ctx } = await present(deps(), presented)
      expect(outcome).toBe('passed')
      expect([ctx.token, ctx.session?.alias]).toEqual([full, 'Ann'])
    })

    test('is found by name under an earlier hash function', async () => {
      const older = generateKey('default', 'my-key', 'sha256')
      await put(older, { org_id: 'default', access_rights: rights })
      const config = { ...hashed, hash_key_function_fallback: ['murmur32', 'sha256'] }
      expect((await present(deps({ config }), 'my-key')).ctx.token).toBe(older)
    })

    test('is found by its whole text only, when names are off', async () => {
      await put(full, { org_id: 'default', access_rights: rights })
      const config = { ...hashed, disable_key_actions_by_username: true }
      expect((await present(deps({ config }), 'my-key')).outcome).toBe(UNKNOWN)
      expect((await present(deps({ config }), full)).outcome).toBe('passed')
    })

    test('is found under its plain text without hashing', async () => {
      await put('defaultmy-key', { org_id: 'default', access_rights: rights }, false)
      expect((await present(deps({ config: {} }), 'my-key')).ctx.token).toBe('defaultmy-key')
    })

    const bad: [string, string, unknown][] = [
      ['is not there', 'no-such-key', null],
      ['is too short', 'ab', {}],
      ['holds no JSON object', 'my-key', 'text'],
      ['has an unknown policy', 'my-key', { apply_policies: ['nope'] }],
      ['belongs to a certificate', 'my-key', { access_rights: rights, certificate: 'x' }],
    ]
    test.each(bad)('is refused when it %s', async (_, presented, session) => {
      if (session !== null) await put(generateKey('default', presented, 'murmur64'), session)
      const { outcome, ctx } = await present(deps(), presented)
      expect([outcome, ctx.session]).toEqual([UNKNOWN, null])
    })

    test('must be presented', async () => {
      expect((await present(deps(), '')).outcome).toBe('401 Authorization field missing')
    })

    test('gets its policies anew when they change, though its session is remembered', async () => {
      await put(full, { org_id: 'default', apply_policies: ['pol1'] })
      const using = deps()
      expect((await present(using, 'my-key')).ctx.session?.rate).toBe(1000)
      using.policies.replace([])
      expect((await present(using, 'my-key')).outcome).toBe(UNKNOWN)
    })

    test('is remembered for ten seconds, and not longer', async () => {
      await put(full, { org_id: 'default', access_rights: rights })
      const clock = { ms: Date.now() }
      const using = deps({ clock })
      expect((await present(using, 'my-key')).outcome).toBe('passed')
      await redis.stores.main.flushall()
      clock.ms += 9_999
      expect((await present(using, 'my-key')).outcome).toBe('passed')
      clock.ms += 1
      expect((await present(using, 'my-key')).outcome).toBe(UNKNOWN)
    })

    test('is forgotten under every form it was presented in when a gateway says so', async () => {
      await put(full, { org_id: 'default', access_rights: rights })
      const using = deps()
      for (const presented of ['my-key', full]) await present(using, presented)
      await redis.stores.main.flushall()
      using.sessions.forget(hashKey(full))
      for (const presented of ['my-key', full]) expect((await present(using, presented)).outcome).toBe(UNKNOWN)
    })

    test('is read every time when remembering is off', async () => {
      await put(full, { org_id: 'default', access_rights: rights })
      const using = deps({ config: { ...hashed, 'local_session_cache.disable_cached_session_state': true } })
      expect((await present(using, 'my-key')).outcome).toBe('passed')
      await redis.stores.main.flushall()
      expect((await present(using, 'my-key')).outcome).toBe(UNKNOWN)
    })
  })

  describe('a quota', () => {
    const full = generateKey('default', 'q', 'murmur64')
    const steps = (using: ChainDeps) => stepsOf(keyApi, using, [authTokenMiddleware, rateLimitAndQuotaMiddleware])
    const ask = async (using: ChainDeps, key = full) => {
      const ctx = contextFor(keyApi, { headers: ['Authorization', key] })
      return { outcome: outcomeOf(await runSteps(steps(using), ctx)), ctx }
    }

    test('counts exactly, over requests at once and over gateways', async () => {
      await put(full, { org_id: 'default', access_rights: rights, quota_max: 50, quota_renewal_rate: 3600 })
      const gateways = [deps(), deps()]
      const outcomes = await Promise.all(Array.from({ length: 120 }, (_, i) => ask(gateways[i % 2] as ChainDeps)))
      expect(outcomes.filter(({ outcome }) => outcome === 'passed')).toHaveLength(50)
      expect(outcomes.filter(({ outcome }) => outcome === '403 Quota exceeded')).toHaveLength(70)
      expect(await redis.stores.main.get(`quota-${hashKey(full)}`)).toBe('120')
      expect(await redis.stores.main.ttl(`quota-${hashKey(full)}`)).toBeGreaterThan(3590)
    })

    test('shows each request its own figures', async () => {
      await put(full, { org_id: 'default', access_rights: rights, quota_max: 3, quota_renewal_rate: 3600 })
      const clock = { ms: 1_700_000_000_000 }
      const using = deps({ clock })
      const shown = [await ask(using), await ask(using), await ask(using), await ask(using)].map(({ ctx }) =>
        rateLimitHeaders(ctx),
      )
      expect(shown.map(([max, remaining]) => [max, remaining])).toEqual([
        [3, 2],
        [3, 1],
        [3, 0],
        [3, 0],
      ])
      expect(Math.abs(shown[0]![2] - 1_700_003_600)).toBeLessThan(5)
    })

    test('begins again when its period has ended', async () => {
      await put(full, { org_id: 'default', access_rights: rights, quota_max: 1, quota_renewal_rate: 3600 })
      const using = deps()
      expect((await ask(using)).outcome).toBe('passed')
      expect((await ask(using)).outcome).toBe('403 Quota exceeded')
      await redis.stores.main.pexpire(`quota-${hashKey(full)}`, 1)
      await eventually(async () => expect(await redis.stores.main.exists(`quota-${hashKey(full)}`)).toBe(0))
      expect((await ask(using)).outcome).toBe('passed')
    })

    test('without a period never ends', async () => {
      const counted = [
        await countQuota(redis.stores.main, 'quota-x', -1),
        await countQuota(redis.stores.main, 'quota-x', -1),
      ]
      expect(counted.map(({ count }) => count)).toEqual([1, 2])
      expect(await redis.stores.main.ttl('quota-x')).toBe(-1)
    })

    test('gives a counter that has lost its end a new period', async () => {
      await redis.stores.main.set('quota-x', '7')
      expect(await countQuota(redis.stores.main, 'quota-x', 60)).toEqual({ count: 1, leftMs: 60_000 })
    })

    test('is refused when the counter holds something else', async () => {
      await put(full, { org_id: 'default', access_rights: rights, quota_max: 5, quota_renewal_rate: 60 })
      await redis.stores.main.lpush(`quota-${hashKey(full)}`, 'x')
      await redis.stores.main.expire(`quota-${hashKey(full)}`, 60)
      expect((await ask(deps())).outcome).toBe('403 Quota exceeded')
    })

    test('is counted per scope, and copied into the stored session', async () => {
      const limit = { quota_max: 9, quota_renewal_rate: 3600 }
      await put(full, {
        org_id: 'default',
        quota_max: 50,
        quota_renewal_rate: 60,
        access_rights: { app: { limit }, other: {} },
      })
      const using = deps()
      await ask(using)
      await using.sessions.flush()
      expect(await redis.stores.main.get(`quota-app-${hashKey(full)}`)).toBe('1')
      const stored = JSON.parse((await redis.stores.main.get(`apikey-${hashKey(full)}`)) ?? '')
      expect(stored.access_rights.app).toMatchObject({
        allowance_scope: 'app',
        limit: { quota_max: 9, quota_remaining: 8 },
      })
    })

    test('does not bring a deleted key back', async () => {
      await put(full, { org_id: 'default', access_rights: rights, quota_max: 5, quota_renewal_rate: 60 })
      const using = deps()
      await ask(using)
      await redis.stores.main.del(`apikey-${hashKey(full)}`)
      await ask(using)
      await using.sessions.flush()
      expect(await redis.stores.main.exists(`apikey-${hashKey(full)}`)).toBe(0)
    })
  })

  describe('the session of a token’s identity', () => {
    const SECRET = 'secret'
    const definition = {
      enable_jwt: true,
      jwt_signing_method: 'hmac',
      jwt_source: Buffer.from(SECRET).toString('base64'),
      jwt_identity_base_field: 'sub',
      jwt_default_policies: ['pol1'],
    }
    const ask = async (using: ChainDeps, claims: Record<string, unknown>, extra: Record<string, unknown> = {}) => {
      const api = apiWith({ ...definition, ...extra })
      const ctx = contextFor(api, { headers: ['Authorization', await signToken(claims, SECRET)] })
      return { outcome: outcomeOf(await runSteps(stepsOf(api, using, [jwtMiddleware]), ctx)), ctx }
    }
    const stored = async (token: string) =>
      JSON.parse((await redis.stores.main.get(`apikey-${hashKey(token)}`)) ?? 'null')

    test('is stored beside the request and told to the cluster', async () => {
      const listener = (redis.stores.main as Redis).duplicate()
      const heard: Record<string, unknown>[] = []
      listener.on('message', (_: string, text: string) => void heard.push(JSON.parse(text)))
      await eventually(() => listener.subscribe(CLUSTER_CHANNEL))
      const using = deps({ config: { ...hashed, node_secret: 's' } })
      const { ctx } = await ask(using, { sub: 'ann' })
      await using.sessions.flush()
      expect(await stored(ctx.token)).toMatchObject({
        org_id: 'default',
        alias: 'ann',
        apply_policies: ['pol1'],
        rate: 1000,
      })
      await eventually(() => expect(heard).toHaveLength(1))
      expect(heard[0]).toMatchObject({
        command: 'KeySpaceUpdateNotification',
        payload: hashKey(ctx.token),
        algorithm: 5,
      })
      listener.disconnect()
    })

    test('lives as long as the API says', async () => {
      const using = deps()
      const { ctx } = await ask(using, { sub: 'ann' }, { session_lifetime: 500 })
      await using.sessions.flush()
      expect(await redis.stores.main.ttl(`apikey-${hashKey(ctx.token)}`)).toBeGreaterThan(490)
    })

    test('is shared by its tokens, takes over the later expiry and never an earlier one', async () => {
      const now = Math.floor(Date.now() / 1000)
      const first = deps()
      await ask(first, { sub: 'ann', exp: now + 100 })
      await first.sessions.flush()
      for (const [using, exp, expires] of [
        [deps(), now + 200, now + 200],
        [deps(), now + 50, now + 200],
      ] as const) {
        const { ctx } = await ask(using, { sub: 'ann', exp })
        await using.sessions.flush()
        expect([ctx.session?.expires, (await stored(ctx.token)).expires]).toEqual([expires, expires])
      }
    })

    const existing: [
      string,
      Record<string, unknown>,
      Record<string, unknown>,
      Record<string, unknown>,
      string,
      string[] | undefined,
    ][] = [
      [
        'keeps a policy that the token names',
        { apply_policies: ['pol2', 'pol1'] },
        { jwt_policy_field_name: 'pol' },
        { pol: 'pol1' },
        'passed',
        ['pol2', 'pol1'],
      ],
      [
        'is switched to the policy that the token names',
        { apply_policies: ['pol2'] },
        { jwt_policy_field_name: 'pol' },
        { pol: 'pol1' },
        'passed',
        ['pol1'],
      ],
      ['is switched to the defaults', { apply_policies: ['pol2'] }, {}, {}, 'passed', ['pol1']],
      [
        'refuses an unknown policy',
        { apply_policies: ['pol2'] },
        { jwt_policy_field_name: 'pol' },
        { pol: 'x' },
        '403 key not authorized: no matching policy',
        undefined,
      ],
      [
        'without policies is refused',
        { access_rights: rights },
        {},
        {},
        '403 key not authorized: no matching policy found',
        undefined,
      ],
      [
        'is refused when nothing names a policy',
        { apply_policies: ['pol1'] },
        { jwt_default_policies: [] },
        {},
        '403 key not authorized: no matching policy found',
        undefined,
      ],
      [
        'is refused when neither scope nor policy is named',
        { apply_policies: ['pol1'] },
        { jwt_default_policies: [], jwt_scope_to_policy_mapping: { a: 'pol1' } },
        {},
        '403 key not authorized: no scope or policy in token',
        undefined,
      ],
      ['is made anew when its policies are gone', { apply_policies: ['gone'] }, {}, {}, 'passed', ['pol1']],
    ]
    test.each(existing)('%s', async (_, session, extra, claims, outcome, ids) => {
      const { ctx } = await ask(deps(), { sub: 'ann' })
      await put(ctx.token, { org_id: 'default', ...session })
      const result = await ask(deps(), { sub: 'ann', ...claims }, extra)
      expect([result.outcome, result.ctx.session?.apply_policies]).toEqual([outcome, ids])
    })

    test('cannot be switched to a policy that gives no rights', async () => {
      const withEmpty = { ...policies, empty: { org_id: 'default', rate: 1, per: 1 } }
      const first = deps()
      await ask(first, { sub: 'ann' })
      await first.sessions.flush()
      const using = deps({ policies: withEmpty })
      const { outcome, ctx } = await ask(using, { sub: 'ann', pol: 'empty' }, { jwt_policy_field_name: 'pol' })
      expect([outcome, ctx.session]).toEqual(['403 key not authorized: could not apply new policy', null])
    })

    test('may take its policy from the key that the token’s client has', async () => {
      await put(generateKey('default', 'client-1', 'murmur64'), { org_id: 'default', apply_policies: ['pol2'] })
      const { ctx } = await ask(deps(), { sub: 'ann', azp: 'client-1' }, { jwt_client_base_field: 'azp' })
      expect(ctx.session?.apply_policies).toEqual(['pol2'])
    })

    test('takes over what is registered for the client', async () => {
      const meta_data = { tyk_developer_id: 'dev1', tags: ['gold'], other: 1 }
      await redis.stores.main.set('oauth-data.app.oauth-clientid.c1', JSON.stringify({ id: 'c1', meta_data }))
      const { ctx } = await ask(deps(), { sub: 'ann', client_id: 'c1' })
      expect(ctx.session).toMatchObject({
        oauth_client_id: 'c1',
        tags: ['gold'],
        meta_data: { tyk_developer_id: 'dev1' },
      })
      expect(ctx.session?.meta_data).not.toHaveProperty('other')
    })
  })

  describe('one key per token', () => {
    const definition = {
      enable_jwt: true,
      jwt_signing_method: 'hmac',
      jwt_identity_base_field: 'sub',
      jwt_default_policies: ['pol2'],
    }
    const full = generateKey('default', 'dev-key', 'murmur64')
    const session = { org_id: 'default', apply_policies: ['pol1'], jwt_data: { secret: 'its own' } }
    const ask = async (token: string, using = deps(), extra: Record<string, unknown> = {}) => {
      const api = apiWith({ ...definition, ...extra })
      const ctx = contextFor(api, { headers: ['Authorization', token] })
      const steps = stepsOf(api, using, [jwtMiddleware])
      return { outcome: outcomeOf(await runSteps(steps, ctx)), ctx, steps, api }
    }

    test('is found by the token’s kid, with the key’s own policies', async () => {
      await put(full, session)
      const { outcome, ctx } = await ask(await signToken({ sub: 'x' }, 'its own', { kid: 'dev-key' }))
      expect([outcome, ctx.token, ctx.session?.apply_policies]).toEqual(['passed', full, ['pol1']])
    })

    test('is found by the identity when kid is skipped', async () => {
      await put(full, session)
      const token = await signToken({ sub: 'dev-key' }, 'its own', { kid: 'no-such-key' })
      expect((await ask(token)).outcome).toBe('403 Key not authorized')
      expect((await ask(token, deps(), { jwt_skip_kid: true })).outcome).toBe('passed')
    })

    test.each([
      ['the secret is another', 'not its own', session],
      ['the key has no secret', 'its own', { ...session, jwt_data: null }],
      ['the key’s policy is unknown', 'its own', { ...session, apply_policies: ['gone'] }],
    ])('refuses when %s', async (_, secret, stored) => {
      await put(full, stored)
      expect((await ask(await signToken({ sub: 'dev-key' }, secret))).outcome).toBe('403 Key not authorized')
    })

    test.each([undefined, 'hmac', 'RSA'])('refuses a public key as the secret: method %s', async (method) => {
      const rsa = rsaKeys()
      for (const secret of [pemOf(rsa), rsa.source]) {
        await put(full, { ...session, jwt_data: { secret } })
        const token = await signToken({ sub: 'dev-key' }, secret)
        expect((await ask(token, deps(), { jwt_signing_method: method })).outcome).toBe('403 Key not authorized')
      }
    })

    test('refuses a remembered token once the key has another secret', async () => {
      await put(full, session)
      const using = deps()
      const token = await signToken({ sub: 'dev-key' }, 'its own')
      const { outcome, steps, api } = await ask(token, using)
      expect(outcome).toBe('passed')
      await put(full, { ...session, jwt_data: { secret: 'changed' } })
      using.sessions.forget(hashKey(full))
      const again = contextFor(api, { headers: ['Authorization', token] })
      expect(outcomeOf(await runSteps(steps, again))).toBe('403 Key not authorized')
    })
  })
})

describe.skipIf(redisSkipReason())('when Redis goes away', () => {
  test('remembered keys and tokens go on, others are unknown, and nothing throws', async () => {
    const redis = await startTestRedis()
    const full = generateKey('default', 'my-key', 'murmur64')
    await redis.stores.main.set(`apikey-${hashKey(full)}`, JSON.stringify({ org_id: 'default', access_rights: rights }))
    const using = depsWith({ config: hashed, redis: redis.stores, policies })
    const api = apiWith({ use_standard_auth: true })
    const jwtApi = apiWith({ enable_jwt: true, jwt_source: 'Zm9v', jwt_default_policies: ['pol1'] })
    const [keys] = [stepsOf(api, using, [authTokenMiddleware])]
    const [tokens] = [stepsOf(jwtApi, using, [jwtMiddleware])]
    const askKey = async (key: string) =>
      outcomeOf(await runSteps(keys, contextFor(api, { headers: ['Authorization', key] })))
    const askToken = async (sub: string) =>
      outcomeOf(
        await runSteps(tokens, contextFor(jwtApi, { headers: ['Authorization', await signToken({ sub }, 'foo')] })),
      )
    expect(await askKey('my-key')).toBe('passed')
    expect(await askToken('ann')).toBe('passed')
    await redis.server.stop()
    await eventually(() => expect(redis.stores.isUp).toBe(false))
    expect(await askKey('my-key')).toBe('passed')
    expect(await askKey('another-key')).toBe(UNKNOWN)
    expect(await askToken('ann')).toBe('passed')
    expect(await askToken('bob')).toBe('passed')
    await using.sessions.close()
    await redis[Symbol.asyncDispose]()
  })
})
