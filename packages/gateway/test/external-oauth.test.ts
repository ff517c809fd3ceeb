import type { IncomingMessage } from 'node:http'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startGateway } from '../../../test/support/gateway.ts'
import { redisSkipReason } from '../../../test/support/redis.ts'
import { readBody, startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { generateKey } from '../src/auth/key-format.ts'
import { hashKey } from '../src/auth/key-hash.ts'
import { UnusableAuthError } from '../src/auth/unusable-auth-error.ts'
import type { ChainDeps } from '../src/chain/types.ts'
import { accessRightsMiddleware } from '../src/middleware/access-rights/index.ts'
import { externalOauthMiddleware } from '../src/middleware/external-oauth/index.ts'
import { keylessApi } from './support/api.ts'
import { startTestRedis, type TestRedis } from './support/redis-stores.ts'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf, type TestDepsOptions } from './support/steps.ts'
import { jwkOf, pemOf, rsaKeys, signToken, unsignedToken } from './support/tokens.ts'

const NOW = 1_700_000_000
const INVALID = '401 access token is not valid'
const rights = { app: { api_id: 'app', versions: ['Default'] } }
const ANN_MD5 = '7e0d7f8a5d96c24ffcc840f31bce72b2'
const ANN = generateKey('default', ANN_MD5, 'murmur64')

/** An OAuth server: publishes keys and answers questions about tokens. */
class OauthServer {
  answer: unknown = { active: true, sub: 'ann' }
  status = 200
  location: string | null = null
  keys: unknown[] = []
  /** Set: answers wait for it. */
  hold: Promise<void> | null = null
  readonly questions: URLSearchParams[] = []
  #upstream: Upstream | null = null
  url = ''
  async listen(): Promise<this> {
    this.#upstream = await startUpstream(async (req, res) => {
      const text = await this.#respond(req)
      if (this.location !== null) res.setHeader('location', this.location)
      res.statusCode = this.status
      res.end(text)
    })
    this.url = this.#upstream.url
    return this
  }
  close(): void {
    void this.#upstream?.close()
  }
  async #respond(req: IncomingMessage): Promise<string> {
    if (req.url === '/keys') return JSON.stringify({ keys: this.keys })
    this.questions.push(new URLSearchParams((await readBody(req)).toString()))
    await this.hold
    return typeof this.answer === 'string' ? this.answer : JSON.stringify(this.answer)
  }
}

describe.skipIf(redisSkipReason())('access tokens of another OAuth server', () => {
  let redis: TestRedis
  let server: OauthServer
  const made: ChainDeps[] = []
  beforeAll(async () => void (redis = await startTestRedis()))
  afterAll(() => redis[Symbol.asyncDispose]())
  beforeEach(async () => {
    await redis.stores.main.flushall()
    server = await new OauthServer().listen()
  })
  afterEach(async () => {
    server.close()
    await Promise.all(made.splice(0).map(({ sessions }) => sessions.close()))
  })

  const deps = (options: TestDepsOptions = {}): ChainDeps => {
    const config = { hash_keys: true, hash_key_function: 'murmur64' }
    const all = depsWith({ config, redis: redis.stores, clock: { ms: NOW * 1000 }, ...options })
    made.push(all)
    return all
  }
  const put = (session: object) =>
    redis.stores.main.set(
      `apikey-${hashKey(ANN)}`,
      JSON.stringify({ org_id: 'default', access_rights: rights, ...session }),
    )

  function asker(provider: object, using = deps(), changes: object = {}) {
    const of = apiWith({ external_oauth: { enabled: true, providers: [provider] }, ...changes })
    const steps = stepsOf(of, using, [externalOauthMiddleware, accessRightsMiddleware])
    return async (token: string) => {
      const ctx = contextFor(of, { headers: token === '' ? [] : ['Authorization', `Bearer ${token}`] })
      return { outcome: outcomeOf(await runSteps(steps, ctx)), ctx }
    }
  }

  describe('that the server is asked about', () => {
    const introspection = (changes: object = {}) => ({
      introspection: {
        enabled: true,
        url: `${server.url}/introspect`,
        client_id: 'gate way',
        client_secret: 's&t',
        ...changes,
      },
    })
    const cached = (timeout: number) => introspection({ cache: { enabled: true, timeout } })

    test('open this API, and no other, without limits of their own', async () => {
      const { outcome, ctx } = await asker(introspection())('token')
      expect(outcome).toBe('passed')
      expect(ctx.token).toBe(ANN)
      expect(Object.keys(ctx.session?.access_rights ?? {})).toEqual(['app'])
      expect(Object.fromEntries(server.questions[0] as URLSearchParams)).toEqual({
        token: 'token',
        client_id: 'gate way',
        client_secret: 's&t',
      })
      expect(await redis.stores.main.keys('*')).toEqual([])
    })

    test('take over the session that is stored for who they speak for', async () => {
      await put({ alias: 'Ann', rate: 5, per: 1 })
      const { ctx } = await asker(introspection({ identity_base_field: 'user' }))('token')
      expect(ctx.session).toMatchObject({ alias: 'Ann', rate: 5 })
      server.answer = { active: true, user: 'ann', sub: 'somebody' }
      expect((await asker(introspection({ identity_base_field: 'user' }))('token')).ctx.session?.alias).toBe('Ann')
    })

    test('open nothing once the policies of that session are gone', async () => {
      await put({ apply_policies: ['gone'] })
      expect((await asker(introspection())('token')).outcome).toBe(INVALID)
    })

    test.each<[string, () => void, string]>([
      ['says no', () => (server.answer = { active: false, sub: 'ann' }), INVALID],
      [
        'says that it has expired',
        () => (server.answer = { active: true, sub: 'ann', exp: NOW }),
        '401 key not authorized: token has expired',
      ],
      ['does not say', () => (server.answer = { sub: 'ann' }), '500 error happened during the access token validation'],
      [
        'says it in a text',
        () => (server.answer = { active: 'true', sub: 'ann' }),
        '500 error happened during the access token validation',
      ],
      [
        'does not say whose it is',
        () => (server.answer = { active: true }),
        '500 error happened during the access token validation',
      ],
      [
        'answers a list',
        () => (server.answer = [{ active: true, sub: 'ann' }]),
        '500 error happened during the access token validation',
      ],
      ['answers no JSON', () => (server.answer = 'active'), '500 error happened during the access token validation'],
      [
        'answers without end',
        () => (server.answer = `{"active":true,"sub":"ann","x":"${'x'.repeat(300_000)}"}`),
        '500 error happened during the access token validation',
      ],
      ['refuses', () => (server.status = 401), '500 error happened during the access token validation'],
      ['answers 201', () => (server.status = 201), '500 error happened during the access token validation'],
      ['is gone', () => server.close(), '500 error happened during the access token validation'],
    ])('are refused when it %s', async (_, change, outcome) => {
      change()
      const { outcome: result, ctx } = await asker(introspection())('token')
      expect([result, ctx.session]).toEqual([outcome, null])
    })

    test.each(['4000000000', [4000000000], true, {}])('are refused when their expiry is %j', async (exp) => {
      server.answer = { active: true, sub: 'ann', exp }
      expect((await asker(introspection())('token')).outcome).toBe(
        '500 error happened during the access token validation',
      )
    })

    test('leave nothing of a malformed answer in the log', async () => {
      const lines: string[] = []
      server.answer = 's3cret of somebody'
      await asker(
        introspection(),
        deps({ log: pino({ level: 'debug' }, { write: (line) => void lines.push(line) }) }),
      )('token')
      expect(lines.join()).toContain('Introspection of an access token failed')
      expect(lines.join()).not.toContain('s3cret')
    })

    test('are not asked about at a place the server points to: the secret is for nobody else', async () => {
      await using other = await startUpstream((_, res) => res.end('{"active":true,"sub":"ann"}'))
      server.status = 307
      server.location = other.url
      expect((await asker(introspection())('token')).outcome).toBe(
        '500 error happened during the access token validation',
      )
    })

    test('must be there', async () => {
      expect((await asker(introspection())('')).outcome).toBe('400 authorization field missing')
      expect(server.questions).toEqual([])
    })

    test('are asked about every time, unless answers are to be remembered', async () => {
      const ask = asker(introspection())
      for (let i = 0; i < 2; i++) await ask('token')
      expect(server.questions).toHaveLength(2)
    })

    test('are asked about once for requests at the same time', async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      server.hold = promise
      const ask = asker(introspection())
      const answers = Array.from({ length: 10 }, () => ask('token'))
      resolve()
      for (const { outcome } of await Promise.all(answers)) expect(outcome).toBe('passed')
      expect(server.questions).toHaveLength(1)
    })

    test.each<[string, number, object, number]>([
      ['for the time of the definition', 30, {}, 30],
      ['not longer than the token lives', 30, { exp: NOW + 10 }, 10],
      ['as long as the token lives, when no time is said', 0, { exp: NOW + 10 }, 10],
      ['for a minute, when nobody says how long', 0, {}, 60],
    ])('are remembered %s', async (_, timeout, claims, seconds) => {
      const clock = { ms: NOW * 1000 }
      const ask = asker(cached(timeout), deps({ clock }))
      server.answer = { active: true, sub: 'ann', ...claims }
      await ask('token')
      clock.ms += seconds * 1000 - 1
      expect((await ask('token')).outcome).toBe('passed')
      expect(server.questions).toHaveLength(1)
      server.answer = { active: false }
      clock.ms += 1
      expect((await ask('token')).outcome).toBe(INVALID)
      expect((await ask('other token')).outcome).toBe(INVALID)
      expect(server.questions).toHaveLength(3)
    })

    test('do not wait when the answer is remembered', async () => {
      const using = deps()
      const of = apiWith({ external_oauth: { enabled: true, providers: [cached(30)] } })
      const [step] = stepsOf(of, using, [externalOauthMiddleware])
      const ctx = () => contextFor(of, { headers: ['Authorization', 'token'] })
      expect(await step?.(ctx())).toBeUndefined()
      expect(step?.(ctx())).toBeUndefined()
    })
  })

  describe('that are JSON web tokens', () => {
    const keys = rsaKeys()
    const provider = (changes: object = {}) => ({
      jwt: { enabled: true, signing_method: 'rsa', source: keys.source, ...changes },
    })
    const tokenOf = (claims: object = {}, header: object = {}) =>
      signToken({ sub: 'ann', exp: NOW + 60, ...claims }, keys.privateKey, { alg: 'RS256', ...header })

    test('are verified here, and do not wait the second time', async () => {
      const of = apiWith({ external_oauth: { enabled: true, providers: [provider()] } })
      const [step] = stepsOf(of, deps(), [externalOauthMiddleware])
      const headers = ['Authorization', `bearer ${await tokenOf()}`]
      expect(await step?.(contextFor(of, { headers }))).toBeUndefined()
      const ctx = contextFor(of, { headers })
      expect(step?.(ctx)).toBeUndefined()
      expect(ctx.token).toBe(ANN)
      expect(server.questions).toEqual([])
    })

    test('are verified with keys published at a URL', async () => {
      server.keys = [await jwkOf(keys, 'k1')]
      for (const source of [`${server.url}/keys`, Buffer.from(`${server.url}/keys`).toString('base64')]) {
        expect((await asker(provider({ source }))(await tokenOf({}, { kid: 'k1' }))).outcome).toBe('passed')
        expect((await asker(provider({ source }))(await tokenOf({}, { kid: 'k2' }))).outcome).toBe(INVALID)
      }
    })

    test('speak for who the definition says', async () => {
      const { ctx } = await asker(provider({ identity_base_field: 'user' }))(await tokenOf({ sub: 'x', user: 'ann' }))
      expect(ctx.token).toBe(ANN)
    })

    test.each<[string, () => string | Promise<string>, string]>([
      ['no token', () => 'text', INVALID],
      ['another key', () => signToken({ sub: 'ann' }, rsaKeys().privateKey, { alg: 'RS256' }), INVALID],
      ['another method', () => signToken({ sub: 'ann' }, 'secret'), INVALID],
      ['no signature', () => unsignedToken({ alg: 'none' }, { sub: 'ann' }), INVALID],
      ['the public key as a secret', () => signToken({ sub: 'ann' }, pemOf(keys)), INVALID],
      ['nobody', () => tokenOf({ sub: undefined }), INVALID],
      ['an expiry in the past', () => tokenOf({ exp: NOW - 1 }), '401 key not authorized: token has expired'],
      ['a future date of issue', () => tokenOf({ iat: NOW + 9 }), '401 key not authorized: token used before issued'],
      ['a beginning in the future', () => tokenOf({ nbf: NOW + 9 }), '401 key not authorized: token is not valid yet'],
    ])('are refused with %s', async (_, make, outcome) => {
      const { outcome: result, ctx } = await asker(provider())(await make())
      expect([result, ctx.session]).toEqual([outcome, null])
    })

    test('may be off by the skews of the definition', async () => {
      const skews = { expires_at_validation_skew: 10, issued_at_validation_skew: 10, not_before_validation_skew: 10 }
      const ask = asker(provider(skews))
      expect((await ask(await tokenOf({ exp: NOW - 5, iat: NOW + 5, nbf: NOW + 5 }))).outcome).toBe('passed')
      expect((await ask(await tokenOf({ exp: NOW - 10 }))).outcome).toBe('401 key not authorized: token has expired')
    })
  })

  test('give the session whatever identity is asked for', async () => {
    const provider = { introspection: { enabled: true, url: `${server.url}/i` } }
    const { ctx } = await asker(provider, deps(), { base_identity_provided_by: 'jwt_claim' })('token')
    expect(ctx.session).not.toBeNull()
  })

  test.each<[string, object, string]>([
    ['no provider', { providers: [] }, 'external_oauth.providers is empty'],
    ['no way to check', { providers: [{}] }, 'neither jwt nor introspection is enabled'],
    ['no key', { providers: [{ jwt: { enabled: true, signing_method: 'rsa' } }] }, 'jwt.source is empty'],
    [
      'an unknown method',
      { providers: [{ jwt: { enabled: true, source: 'YQ==', signing_method: 'none' } }] },
      'signing_method',
    ],
    ['no URL', { providers: [{ introspection: { enabled: true, url: 'introspect' } }] }, 'introspection.url is no URL'],
  ])('cannot be checked with %s', (_, options, message) => {
    const of = apiWith({ external_oauth: { enabled: true, ...options } })
    const compiling = (): unknown => externalOauthMiddleware.compile(of, deps())
    expect(compiling).toThrow(UnusableAuthError)
    expect(compiling).toThrow(message)
  })

  test('an API that comes to ask for them and cannot check them is withdrawn', async () => {
    await using upstream = await startUpstream((_, res) => res.end('ok'))
    await using gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url) },
      conf: { enable_analytics: false },
    })
    const status = async (): Promise<number> => (await fetch(`${gateway.url}/app/x`)).status
    expect(await status()).toBe(200)
    await gateway.writeApi(
      'app.json',
      keylessApi(upstream.url, { use_keyless: false, external_oauth: { enabled: true } }),
    )
    await gateway.reload()
    expect(await status()).toBe(404)
    await gateway.program.waitForLine(/API skipped.*external_oauth.providers is empty/)
  })
})
