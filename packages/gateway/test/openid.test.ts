import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { redisSkipReason } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { invalidateJwks } from '../src/auth/jwks.ts'
import { generateKey } from '../src/auth/key-format.ts'
import { hashKey } from '../src/auth/key-hash.ts'
import { contextVariable } from '../src/chain/context-variables.ts'
import type { ChainDeps } from '../src/chain/types.ts'
import { accessRightsMiddleware } from '../src/middleware/access-rights/index.ts'
import { openidMiddleware } from '../src/middleware/openid/index.ts'
import { startTestRedis, type TestRedis } from './support/redis-stores.ts'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf, type TestDepsOptions } from './support/steps.ts'
import { ecKeys, jwkOf, pemOf, rsaKeys, signToken, unsignedToken, type TestKeys } from './support/tokens.ts'

const NOW = 1_700_000_000
const REFUSED = '401 Key not authorised'
const rights = { app: { api_id: 'app', versions: ['Default'] } }
const policies = {
  pol1: { org_id: 'default', rate: 10, per: 1, quota_max: -1, access_rights: rights, tags: ['one'] },
  pol2: { org_id: 'default', rate: 20, per: 1, quota_max: -1, access_rights: rights },
  other: {
    org_id: 'default',
    rate: 20,
    per: 1,
    quota_max: -1,
    access_rights: { elsewhere: { versions: ['Default'] } },
  },
  alien: { org_id: 'elsewhere', rate: 20, per: 1, access_rights: rights },
}
const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** An issuer: its discovery document and its keys. */
class Issuer {
  discovery: (url: string) => unknown = (url) => ({ issuer: url, jwks_uri: `${url}/keys` })
  keys: unknown[] = []
  readonly asked: string[] = []
  #upstream: Upstream | null = null
  url = ''
  async listen(): Promise<this> {
    this.#upstream = await startUpstream((req, res) => {
      this.asked.push(req.url ?? '')
      const body = req.url === '/keys' ? { keys: this.keys } : this.discovery(this.url)
      res.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
    this.url = this.#upstream.url
    return this
  }
  close(): void {
    void this.#upstream?.close()
  }
}

describe.skipIf(redisSkipReason())('ID tokens of OpenID Connect', () => {
  let redis: TestRedis
  let rsa: TestKeys
  let ec: TestKeys
  let issuer: Issuer
  const made: ChainDeps[] = []
  beforeAll(async () => {
    redis = await startTestRedis()
    rsa = rsaKeys()
    ec = ecKeys('P-256')
  })
  afterAll(() => redis[Symbol.asyncDispose]())
  beforeEach(async () => {
    await redis.stores.main.flushall()
    issuer = await new Issuer().listen()
    issuer.keys = [await jwkOf(rsa, 'k1'), await jwkOf(ec, 'k2')]
  })
  afterEach(async () => {
    issuer.close()
    await Promise.all(made.splice(0).map(({ sessions }) => sessions.close()))
  })

  const deps = (options: TestDepsOptions = {}): ChainDeps => {
    const config = { hash_keys: true, hash_key_function: 'murmur64' }
    const all = depsWith({ config, redis: redis.stores, policies, clock: { ms: NOW * 1000 }, ...options })
    made.push(all)
    return all
  }
  const definition = (changes: object = {}, clients: Record<string, string> = { client: 'pol1' }) => ({
    use_openid: true,
    openid_options: {
      providers: [
        {
          issuer: issuer.url,
          client_ids: Object.fromEntries(Object.entries(clients).map(([id, policy]) => [base64(id), policy])),
        },
      ],
    },
    ...changes,
  })
  const claims = (changes: object = {}) => ({
    iss: issuer.url,
    aud: 'client',
    sub: 'user-1',
    exp: NOW + 60,
    ...changes,
  })
  const tokenOf = (changes: object = {}, header: object = {}, keys = rsa) =>
    signToken(claims(changes), keys.privateKey, { alg: 'RS256', kid: 'k1', ...header })

  function asker(using = deps(), of = apiWith(definition())) {
    const steps = stepsOf(of, using, [openidMiddleware, accessRightsMiddleware])
    return async (token: string) => {
      const ctx = contextFor(of, { headers: token === '' ? [] : ['Authorization', `Bearer ${token}`] })
      return { outcome: outcomeOf(await runSteps(steps, ctx)), ctx }
    }
  }
  const outcome = async (token: string): Promise<string> => (await asker()(token)).outcome

  test('open the API with a session of their user, made from the policy of their client', async () => {
    const using = deps()
    const of = apiWith(definition({ enable_context_vars: true }))
    const { outcome: result, ctx } = await asker(using, of)(await tokenOf({ name: 'Ann' }))
    expect(result).toBe('passed')
    expect(ctx.session).toMatchObject({
      rate: 10,
      apply_policies: ['pol1'],
      alias: 'client:user-1',
      tags: ['one'],
      meta_data: { ClientID: 'client', TykJWTSessionID: ctx.token },
    })
    expect(contextVariable(ctx, 'jwt_claims_name')).toBe('Ann')
    expect(ctx.variables?.get('token')).toBe(ctx.token)
    await using.sessions.flush()
    const [stored] = await redis.stores.main.keys('apikey-*')
    expect(JSON.parse((await redis.stores.main.get(stored as string)) as string)).toMatchObject({
      alias: 'client:user-1',
    })
    // MD5 of the user is part of the name, as it is in the sessions of other gateways.
    expect(Buffer.from(ctx.token, 'base64').toString()).toBe(
      '{"org":"default","id":"d6d7705392bc7af633328bea8c4c6904","h":"murmur64"}',
    )
  })

  test('are verified once, and then do not wait', async () => {
    const of = apiWith(definition())
    const [step] = stepsOf(of, deps(), [openidMiddleware])
    const headers = ['Authorization', `Bearer ${await tokenOf()}`]
    expect(await step?.(contextFor(of, { headers }))).toBeUndefined()
    expect(step?.(contextFor(of, { headers }))).toBeUndefined()
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/keys'])
  })

  test('may be signed with an elliptic curve, and name several audiences', async () => {
    expect(await outcome(await tokenOf({}, { alg: 'ES256', kid: 'k2' }, ec))).toBe('passed')
    expect(await outcome(await tokenOf({ aud: ['someone', 'client'] }))).toBe('passed')
  })

  test('of one user share a session over clients, unless they are to be kept apart', async () => {
    const clients = { client: 'pol1', second: 'pol2' }
    for (const [segregated, names] of [
      [false, 1],
      [true, 2],
    ] as const) {
      const options = definition({}, clients).openid_options
      const of = apiWith(definition({ openid_options: { ...options, segregate_by_client: segregated } }))
      const ask = asker(deps(), of)
      const tokens = new Set<string>()
      for (const aud of ['client', 'second']) tokens.add((await ask(await tokenOf({ aud }))).ctx.token)
      expect(tokens.size).toBe(names)
    }
  })

  test('of another client bring its policy, and drop the rights of the one before', async () => {
    const using = deps()
    const ask = asker(using, apiWith(definition({}, { client: 'pol1', second: 'other' })))
    expect((await ask(await tokenOf())).outcome).toBe('passed')
    expect((await ask(await tokenOf({ aud: 'second' }))).outcome).toBe('403 Access to this API has been disallowed')
    expect((await ask(await tokenOf())).outcome).toBe('passed')
  })

  test('choose policies by their scopes where those are mapped', async () => {
    const scopes = { oidc: { scope_to_policy: { read: 'pol1', write: 'pol2', gone: 'nope' } } }
    const of = apiWith(definition({ scopes }, { client: '' }))
    const ask = asker(deps(), of)
    expect((await ask(await tokenOf({ scope: 'openid read' }))).ctx.session?.apply_policies).toEqual(['pol1'])
    expect((await ask(await tokenOf({ scope: ['write', 'read'] }))).ctx.session?.apply_policies).toEqual([
      'pol2',
      'pol1',
    ])
    expect((await ask(await tokenOf({ scope: 'openid' }))).outcome).toBe('403 Key not authorized: no matching policy')
    expect((await ask(await tokenOf({}))).outcome).toBe('403 Key not authorized: no matching policy')
    expect((await ask(await tokenOf({ scope: 'gone' }))).outcome).toBe('403 Key not authorized: no matching policy')
    expect((await ask(await tokenOf({ scope: 'gone read' }))).outcome).toBe('passed')
  })

  test('are refused when their session cannot have the policy', async () => {
    const name = generateKey('default', 'd6d7705392bc7af633328bea8c4c6904', 'murmur64')
    await redis.stores.main.set(
      `apikey-${hashKey(name)}`,
      JSON.stringify({ org_id: 'elsewhere', access_rights: rights }),
    )
    expect(await outcome(await tokenOf())).toBe('403 Key not authorized: could not apply new policy')
  })

  test.each<[string, Record<string, string>, string]>([
    ['none', { client: '' }, '403 Key not authorized: no matching policy'],
    ['one that is not there', { client: 'nope' }, '403 Key not authorized: no matching policy'],
    ['one of another organisation', { client: 'alien' }, '403 Key not authorized: no matching policy'],
  ])('are refused when the policy of the client is %s', async (_, clients, result) => {
    const ask = asker(deps(), apiWith(definition({}, clients)))
    expect((await ask(await tokenOf())).outcome).toBe(result)
  })

  const refused: [string, () => string | Promise<string>][] = [
    ['no token', () => ''],
    ['no token in what was sent', () => 'text'],
    ['another issuer', () => tokenOf({ iss: 'http://elsewhere' })],
    ['no issuer', () => tokenOf({ iss: undefined })],
    ['another audience', () => tokenOf({ aud: 'someone' })],
    ['no audience', () => tokenOf({ aud: undefined })],
    ['an audience of another type', () => tokenOf({ aud: { client: 1 } })],
    ['no subject', () => tokenOf({ sub: undefined })],
    ['an empty subject', () => tokenOf({ sub: '' })],
    ['an expiry in the past', () => tokenOf({ exp: NOW - 1 })],
    ['no expiry', () => tokenOf({ exp: undefined })],
    ['an expiry of zero', () => tokenOf({ exp: 0 })],
    ['an expiry that is a text', () => tokenOf({ exp: String(NOW + 60) })],
    ['a beginning in the future', () => tokenOf({ nbf: NOW + 60 })],
    ['a key that is not the issuer’s', () => tokenOf({}, {}, rsaKeys())],
    ['an unknown key', () => tokenOf({}, { kid: 'k9' })],
    ['no key named', () => tokenOf({}, { kid: undefined })],
    ['no signature', () => unsignedToken({ alg: 'none', kid: 'k1' }, claims())],
    ['a signature left out', async () => (await tokenOf()).replace(/[^.]+$/, '')],
    ['a secret made of the public key', async () => signToken(claims(), pemOf(rsa), { alg: 'HS256', kid: 'k1' })],
    ['the key of another family', () => tokenOf({}, { alg: 'ES256', kid: 'k1' }, ec)],
  ]
  test.each(refused)('are refused with %s', async (_, make) => {
    const { outcome: result, ctx } = await asker()(await make())
    expect([result, ctx.session]).toEqual([REFUSED, null])
  })

  test.each<[string, (url: string) => unknown]>([
    ['names another issuer', (url) => ({ issuer: 'http://elsewhere', jwks_uri: `${url}/keys` })],
    ['names no keys', (url) => ({ issuer: url })],
    ['names keys that are no URL', (url) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' })],
    ['is no JSON', () => 'text'],
    ['is a list', () => []],
  ])('are refused when the discovery document %s', async (_, discovery) => {
    issuer.discovery = discovery
    expect(await outcome(await tokenOf())).toBe(REFUSED)
  })

  test('are checked with new keys once the issuer has changed them', async () => {
    const clock = { ms: NOW * 1000 }
    const using = deps({ clock })
    const ask = asker(using)
    const [first, next] = [await tokenOf(), rsaKeys()]
    expect((await ask(first)).outcome).toBe('passed')
    issuer.keys = [await jwkOf(next, 'k1')]
    expect((await ask(first)).outcome).toBe('passed')
    invalidateJwks(using.sessions, 'app')
    expect((await ask(first)).outcome).toBe(REFUSED)
    expect((await ask(await tokenOf({}, {}, next))).outcome).toBe('passed')
  })

  test('of strangers do not have the keys fetched over and over', async () => {
    const ask = asker()
    for (let i = 0; i < 50; i++) expect((await ask(await tokenOf({}, { kid: `k${i + 10}` }))).outcome).toBe(REFUSED)
    expect(issuer.asked.length).toBeLessThanOrEqual(4)
  })

  test('give the identity only where they are chosen for it', async () => {
    const chosen = asker(deps(), apiWith(definition({ base_identity_provided_by: 'oidc_user' })))
    const of = apiWith(definition({ base_identity_provided_by: 'auth_token' }))
    const ctx = contextFor(of, { headers: ['Authorization', `Bearer ${await tokenOf()}`] })
    expect(outcomeOf(await runSteps(stepsOf(of, deps(), [openidMiddleware]), ctx))).toBe('passed')
    expect(ctx.session).toBeNull()
    expect((await chosen(await tokenOf())).ctx.session).not.toBeNull()
  })

  test('a client id that is not base64 is left out and named', async () => {
    const lines: unknown[] = []
    const using = deps()
    const log = Object.assign(Object.create(using.log) as typeof using.log, {
      error: (fields: unknown) => lines.push(fields),
    })
    const options = {
      providers: [{ issuer: issuer.url, client_ids: { 'not base64!': 'pol1', [base64('client')]: 'pol1' } }],
    }
    const ask = asker({ ...using, log }, apiWith(definition({ openid_options: options })))
    expect((await ask(await tokenOf())).outcome).toBe('passed')
    expect(lines).toEqual([expect.objectContaining({ client_id: 'not base64!' })])
  })
})
