import bcrypt from 'bcrypt'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { readBody, startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { generateKey } from '../src/auth/key-format.ts'
import { hashKey } from '../src/auth/key-hash.ts'
import type { Passwords } from '../src/auth/passwords.ts'
import type { StoredPassword } from '../src/auth/stored-password.ts'
import { WorkRefusedError } from '../src/auth/work-queue.ts'
import type { ChainDeps } from '../src/chain/types.ts'
import { authTokenMiddleware } from '../src/middleware/auth-token/index.ts'
import { basicAuthMiddleware } from '../src/middleware/basic-auth/index.ts'
import { jwtMiddleware } from '../src/middleware/jwt/index.ts'
import { keyExpiredMiddleware } from '../src/middleware/key-expired/index.ts'
import { keylessApi } from './support/api.ts'
import { rawRequest } from './support/raw-http.ts'
import { startTestRedis, type TestRedis } from './support/redis-stores.ts'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf, type TestDepsOptions } from './support/steps.ts'
import { signToken } from './support/tokens.ts'

const hashed = { hash_keys: true, hash_key_function: 'murmur64' }
const rights = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
const policies = { pol1: { org_id: 'default', rate: 5, per: 1, quota_max: -1, access_rights: rights } }
const NOT_AUTHORISED = '401 User not authorised'

const basic = (user: string, password: string | Buffer): string =>
  `Basic ${Buffer.concat([Buffer.from(`${user}:`), Buffer.from(password)]).toString('base64')}`

describe.skipIf(redisSkipReason())('the step of basic auth', () => {
  let redis: TestRedis
  beforeAll(async () => void (redis = await startTestRedis()))
  afterAll(() => redis[Symbol.asyncDispose]())
  beforeEach(() => redis.stores.main.flushall())

  const made: ChainDeps[] = []
  afterEach(async () => void (await Promise.all(made.splice(0).map(({ sessions }) => sessions.close()))))

  /** Dependencies that also tell which stored passwords were compared with. */
  function deps(options: TestDepsOptions = {}): ChainDeps & { readonly checked: (StoredPassword | null)[] } {
    const all = depsWith({ config: hashed, redis: redis.stores, policies, ...options })
    made.push(all)
    const checked: (StoredPassword | null)[] = []
    const passwords: Passwords = {
      protect: (password) => all.passwords.protect(password),
      check(stored, given, by) {
        checked.push(stored)
        return all.passwords.check(stored, given, by)
      },
    }
    return { ...all, passwords, checked }
  }

  const api = apiWith({ use_basic_auth: true })
  async function put(
    user: string,
    data: unknown,
    changes: object = {},
    name = generateKey('default', user, 'murmur64'),
  ) {
    const session = { org_id: 'default', access_rights: rights, basic_auth_data: data, ...changes }
    await redis.stores.main.set(`apikey-${hashKey(name)}`, JSON.stringify(session))
    return name
  }
  const bcryptOf = async (password: string | Buffer) => ({
    password: await bcrypt.hash(password, 4),
    hash_type: 'bcrypt',
  })
  const plain = (password: string) => ({ password, hash_type: '' })

  async function ask(using: ChainDeps, authorization: string, of = api) {
    const ctx = contextFor(of, { headers: authorization === '' ? [] : ['Authorization', authorization] })
    return { outcome: outcomeOf(await runSteps(stepsOf(of, using, [basicAuthMiddleware]), ctx)), ctx }
  }

  test('takes over the session of a user whose password is right', async () => {
    const name = await put('ann', await bcryptOf('secret'), { alias: 'Ann' })
    const { outcome, ctx } = await ask(
      deps(),
      basic('ann', 'secret'),
      apiWith({ use_basic_auth: true, enable_context_vars: true }),
    )
    expect(outcome).toBe('passed')
    expect([ctx.token, ctx.session?.alias]).toEqual([name, 'Ann'])
    // Unlike the other ways, it sets no variable.
    expect(ctx.variables?.has('token')).toBe(false)
  })

  test.each<[string, string | Buffer]>([
    ['with colons', 'a:b:c'],
    ['with a NUL', 'a\0b'],
    ['of bytes that are no text', Buffer.from([0xff, 0xfe, 0x3a])],
    ['of 72 bytes', 'x'.repeat(72)],
  ])('knows a password %s', async (_, password) => {
    await put('ann', await bcryptOf(password))
    expect((await ask(deps(), basic('ann', password))).outcome).toBe('passed')
    expect((await ask(deps(), basic('ann', Buffer.from(password).subarray(0, 1)))).outcome).toBe(NOT_AUTHORISED)
  })

  const forms: [string, StoredPassword][] = [
    ['the password itself', { password: 'hello', hash_type: '' }],
    ['murmur32', { password: '248bfa47', hash_type: 'murmur32' }],
    ['murmur64', { password: 'cbd8a7b341bd9b02', hash_type: 'murmur64' }],
    ['murmur128', { password: 'cbd8a7b341bd9b025b1e906a48ae1d19', hash_type: 'murmur128' }],
    ['sha256', { password: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824', hash_type: 'sha256' }],
  ]
  test.each(forms)('knows a password stored as %s', async (_, data) => {
    await put('ann', data)
    expect((await ask(deps(), basic('ann', 'hello'))).outcome).toBe('passed')
    expect((await ask(deps(), basic('ann', data.password === 'hello' ? 'Hello' : data.password))).outcome).toBe(
      NOT_AUTHORISED,
    )
  })

  const refused: [string, unknown, object, string][] = [
    ['a wrong password', plain('secret'), {}, 'wrong'],
    ['an empty password', plain('secret'), {}, ''],
    ['a key without a password, and an empty one', undefined, {}, ''],
    ['an empty stored password', plain(''), {}, ''],
    ['a stored password that is no hash', { password: 'secret', hash_type: 'bcrypt' }, {}, 'secret'],
    ['a hash that would take minutes', { password: `$2a$31$${'a'.repeat(53)}`, hash_type: 'bcrypt' }, {}, 'secret'],
    ['a policy that is not there', plain('secret'), { apply_policies: ['nope'] }, 'secret'],
  ]
  test.each(refused)('refuses %s, after a comparison', async (_, data, changes, password) => {
    await put('ann', data, changes)
    const using = deps()
    const { outcome, ctx } = await ask(using, basic('ann', password))
    expect([outcome, ctx.session]).toEqual([NOT_AUTHORISED, null])
    expect(using.checked).toHaveLength(1)
  })

  test.each(['nobody', 'x', '', 'a'.repeat(300), 'eyJvcmciOiJ4In0=', '*', '../ann'])(
    'refuses the unknown user %j after a comparison with nobody',
    async (user) => {
      const using = deps()
      expect((await ask(using, basic(user, 'secret'))).outcome).toBe(NOT_AUTHORISED)
      expect(using.checked).toEqual([null])
    },
  )

  test('refuses users while Redis is away', async () => {
    const away = depsWith({ config: { ...hashed, basic_auth_hash_key_function: 'sha256' } })
    expect((await ask(away, basic('ann', 'secret'))).outcome).toBe(NOT_AUTHORISED)
  })

  test('finds users that were made before keys had a hash function', async () => {
    await put('ann', plain('secret'), {}, 'defaultann')
    expect((await ask(deps(), basic('ann', 'secret'))).ctx.token).toBe('defaultann')
  })

  test('answers 503 when too many passwords wait', async () => {
    await put('ann', plain('secret'))
    const using = deps()
    const full: Passwords = { ...using.passwords, check: () => Promise.reject(new WorkRefusedError('full')) }
    expect((await ask({ ...using, passwords: full }, basic('ann', 'x'))).outcome).toBe(
      '503 Service temporarily unavailable.',
    )
  })

  describe('remembers a password that was right', () => {
    const requests = async (using: ChainDeps, of = api) => {
      const steps = stepsOf(of, using, [basicAuthMiddleware])
      return async (password: string) =>
        outcomeOf(await runSteps(steps, contextFor(of, { headers: ['Authorization', basic('ann', password)] })))
    }

    test('for a minute, and does not wait then', async () => {
      const clock = { ms: Date.now() }
      const using = deps({ clock })
      await put('ann', await bcryptOf('secret'))
      const [step] = stepsOf(api, using, [basicAuthMiddleware])
      const context = () => contextFor(api, { headers: ['Authorization', basic('ann', 'secret')] })
      expect(await step?.(context())).toBeUndefined()
      expect(step?.(context())).toBeUndefined()
      expect(using.checked).toHaveLength(1)
      clock.ms += 60_000
      expect(await step?.(context())).toBeUndefined()
      expect(using.checked).toHaveLength(2)
    })

    test('and still compares another one', async () => {
      const using = deps()
      await put('ann', await bcryptOf('secret'))
      const present = await requests(using)
      expect(await present('secret')).toBe('passed')
      expect(await present('wrong')).toBe(NOT_AUTHORISED)
      expect(await present('secret')).toBe('passed')
      expect(using.checked).toHaveLength(2)
    })

    test('no longer once the user has a new one', async () => {
      const using = deps()
      const name = await put('ann', await bcryptOf('secret'))
      const present = await requests(using)
      expect(await present('secret')).toBe('passed')
      await put('ann', await bcryptOf('other'))
      using.sessions.forget(hashKey(name))
      expect(await present('secret')).toBe(NOT_AUTHORISED)
    })

    test('for the time of the definition, or not at all', async () => {
      const clock = { ms: Date.now() }
      await put('ann', await bcryptOf('secret'))
      const short = deps({ clock })
      const presentShort = await requests(short, apiWith({ use_basic_auth: true, basic_auth: { cache_ttl: 5 } }))
      await presentShort('secret')
      clock.ms += 5000
      await presentShort('secret')
      expect(short.checked).toHaveLength(2)
      const never = deps()
      const presentNever = await requests(
        never,
        apiWith({ use_basic_auth: true, basic_auth: { disable_caching: true } }),
      )
      await presentNever('secret')
      await presentNever('secret')
      expect(never.checked).toHaveLength(2)
    })
  })

  describe('beside other ways of authentication', () => {
    const both = (provider = '') =>
      apiWith({
        use_basic_auth: true,
        use_standard_auth: true,
        auth_configs: { authToken: { auth_header_name: 'X-Key' } },
        base_identity_provided_by: provider,
      })
    const steps = [basicAuthMiddleware, authTokenMiddleware, keyExpiredMiddleware]
    async function askBoth(of: ReturnType<typeof both>, headers: string[]) {
      const ctx = contextFor(of, { headers })
      return { outcome: outcomeOf(await runSteps(stepsOf(of, deps(), steps), ctx)), ctx }
    }
    beforeEach(async () => {
      await put('ann', plain('secret'), { alias: 'user' })
      await put('the-key', undefined, { alias: 'key' })
    })
    const user = ['Authorization', basic('ann', 'secret')]
    const key = ['X-Key', 'the-key']

    test('all of them must pass', async () => {
      expect((await askBoth(both(), user)).outcome).toBe('401 Authorization field missing')
      expect((await askBoth(both(), key)).outcome).toBe('401 Authorization field missing')
      expect((await askBoth(both(), [...user, 'X-Key', 'unknown'])).outcome).toBe(
        '403 Access to this API has been disallowed',
      )
      expect((await askBoth(both(), ['Authorization', basic('ann', 'x'), ...key])).outcome).toBe(NOT_AUTHORISED)
    })

    test.each([
      ['', 'key'],
      ['auth_token', 'key'],
      ['basic_auth_user', 'user'],
    ])('with %j as base identity, the session is that of the %s', async (provider, alias) => {
      const { outcome, ctx } = await askBoth(both(provider), [...user, ...key])
      expect([outcome, ctx.session?.alias]).toEqual(['passed', alias])
    })

    test('without the way that is to give the identity there is no session', async () => {
      const { outcome } = await askBoth(both('jwt_claim'), [...user, ...key])
      expect(outcome).toBe(
        '400 Session state is missing or unset! Please make sure that auth headers are properly applied',
      )
    })

    test('a token gives the identity of a user with a password only where it is chosen', async () => {
      for (const [provider, alias] of [
        ['basic_auth_user', 'user'],
        ['jwt_claim', 'sub'],
      ] as const) {
        const of = apiWith({
          use_basic_auth: true,
          enable_jwt: true,
          jwt_signing_method: 'hmac',
          jwt_source: Buffer.from('key').toString('base64'),
          jwt_default_policies: ['pol1'],
          auth_configs: { jwt: { auth_header_name: 'X-Token' } },
          base_identity_provided_by: provider,
        })
        const ctx = contextFor(of, { headers: [...user, 'X-Token', await signToken({ sub: 'sub' }, 'key')] })
        const chain = stepsOf(of, deps(), [basicAuthMiddleware, jwtMiddleware, keyExpiredMiddleware])
        expect(outcomeOf(await runSteps(chain, ctx))).toBe('passed')
        expect(ctx.session?.alias).toBe(alias)
      }
    })
  })

  test('reads the credential where its settings say', async () => {
    await put('ann', plain('secret'))
    const of = apiWith({
      use_basic_auth: true,
      // The older object is not for this way of authentication.
      auth: { auth_header_name: 'X-Old' },
      auth_configs: { basic: { auth_header_name: 'X-User', use_param: true, param_name: 'login' } },
    })
    const run = async (headers: string[], query = '') =>
      outcomeOf(await runSteps(stepsOf(of, deps(), [basicAuthMiddleware]), contextFor(of, { headers, query })))
    const value = basic('ann', 'secret')
    expect(await run(['X-User', value])).toBe('passed')
    expect(await run([], `login=${encodeURIComponent(value)}`)).toBe('passed')
    expect(await run(['Authorization', value])).toBe('401 Authorization field missing')
    const bare = apiWith({ use_basic_auth: true, auth: { auth_header_name: 'X-Old' } })
    expect((await ask(deps(), value, bare)).outcome).toBe('passed')
  })

  test('leaves paths on the ignored list alone', async () => {
    const ctx = contextFor(api)
    ctx.authIgnored = true
    expect(outcomeOf(await runSteps(stepsOf(api, deps(), [basicAuthMiddleware]), ctx))).toBe('passed')
  })
})

describe.skipIf(redisSkipReason())('basic auth through the gateway', () => {
  let redis: RedisServer
  let upstream: Upstream
  let gateway: Gateway
  const extraction = {
    extract_from_body: true,
    body_user_regexp: '<user>(.*)</user>',
    body_password_regexp: '<pass>(.*)</pass>',
  }
  const api = (id: string, changes: object = {}) =>
    keylessApi(upstream.url, {
      name: id === 'app' ? 'The "Ä" API' : id,
      api_id: id,
      use_keyless: false,
      use_basic_auth: true,
      proxy: { listen_path: `/${id}/` },
      ...changes,
    })
  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startUpstream(async (req, res) => res.end((await readBody(req)).toString() || 'ok'))
    gateway = await startGateway({
      redisPort: redis.port,
      apis: {
        'app.json': api('app'),
        'body.json': api('body', { basic_auth: extraction }),
        'bad.json': api('bad', { basic_auth: { ...extraction, body_user_regexp: '(' } }),
        'none.json': api('none', { basic_auth: { extract_from_body: true } }),
      },
      conf: { enable_analytics: false },
    })
    const access_rights = Object.fromEntries(['app', 'body'].map((id) => [id, { api_id: id, versions: ['Default'] }]))
    for (const [user, password] of [
      ['ann', 'secret'],
      ['löwe', 'a:b ü'],
    ] as const) {
      const body = {
        org_id: 'default',
        rate: 1000,
        per: 60,
        quota_max: -1,
        access_rights,
        basic_auth_data: { password },
      }
      expect(await control('POST', `/tyk/keys/${encodeURIComponent(user)}`, body)).toMatchObject([200, { key: '' }])
    }
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.close()
    await redis?.stop()
  })

  async function control(method: string, path: string, body?: unknown): Promise<[number, Record<string, unknown>]> {
    const answer = await fetch(gateway.url + path, {
      method,
      headers: { 'x-tyk-authorization': gateway.secret },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return [answer.status, (await answer.json()) as Record<string, unknown>]
  }
  const get = (authorization?: string, path = '/app/x') =>
    fetch(gateway.url + path, authorization === undefined ? {} : { headers: { authorization } })

  test('lets users in, and asks others for a password', async () => {
    expect((await get(basic('ann', 'secret'))).status).toBe(200)
    expect((await get(basic('löwe', 'a:b ü'))).status).toBe(200)
    for (const answer of [await get(), await get(basic('ann', 'wrong'))]) {
      expect(answer.status).toBe(401)
      const realm = Buffer.from(answer.headers.get('www-authenticate') ?? '', 'latin1').toString('utf8')
      expect(realm).toBe('Basic realm="The \\"Ä\\" API"')
    }
    expect((await get('Basic')).headers.get('www-authenticate')).toBeNull()
  })

  test('finds user and password in a body, which goes on upstream', async () => {
    const post = async (body: string, headers: Record<string, string> = {}): Promise<string> => {
      const answer = await fetch(`${gateway.url}/body/x`, { method: 'POST', body, headers })
      const text = await answer.text()
      return answer.status === 200 ? text : `${answer.status} ${(JSON.parse(text) as { error: string }).error}`
    }
    const good = '<user>ann</user>\n<pass>secret</pass>'
    expect(await post(good)).toBe(good)
    expect(await post(good, { authorization: 'Basic nonsense' })).toBe(good)
    expect(await post('<user>ann</user>\n<pass>wrong</pass>')).toBe('401 User not authorised')
    expect(await post('<pass>secret</pass>')).toBe('400 Body do not contain username')
    expect(await post('<user>ann</user>')).toBe('400 Body do not contain password')
    expect(await post(good + ' '.repeat(16 * 1024))).toBe('400 Request is too large')
    const large = await fetch(`${gateway.url}/body/x`, {
      method: 'POST',
      body: 'x'.repeat(2 * 1024 * 1024),
      headers: { authorization: basic('ann', 'secret') },
    })
    expect([large.status, (await large.text()).length]).toEqual([200, 2 * 1024 * 1024])
    // A good header counts, whatever the body says; a wrong password there is not given a second chance.
    expect(await post('<user>x</user><pass>y</pass>', { authorization: basic('ann', 'secret') })).toContain('<user>x')
    expect(await post(good, { authorization: basic('ann', 'wrong') })).toBe('401 User not authorised')
  })

  test('does not serve an API whose patterns cannot be used', async () => {
    for (const id of ['bad', 'none']) {
      expect((await get(basic('ann', 'secret'), `/${id}/x`)).status).toBe(404)
      await gateway.program.waitForLine(new RegExp(`API skipped.*api_id=${id} .*basic_auth.body_user_regexp`))
    }
  })

  test('takes changes of a user into force at once, and hides the password', async () => {
    const path = '/tyk/keys/bob?username=true&org_id=default'
    const access_rights = { app: { api_id: 'app', versions: ['Default'] } }
    const session = { org_id: 'default', rate: 1000, per: 60, quota_max: -1, access_rights }
    await control('POST', '/tyk/keys/bob', { ...session, basic_auth_data: { password: 'first' } })
    const status = async (password: string): Promise<number> => (await get(basic('bob', password))).status
    expect([await status('first'), await status('second')]).toEqual([200, 401])
    const [, shown] = await control('GET', path)
    expect(shown['basic_auth_data']).toEqual({ hash_type: 'bcrypt' })
    // What was read can be written: the password stays.
    await control('PUT', path, { ...shown, alias: 'Bob' })
    expect(await status('first')).toBe(200)
    await control('PUT', path, { ...shown, basic_auth_data: { password: 'second' } })
    expect([await status('first'), await status('second')]).toEqual([401, 200])
    expect((await control('PUT', path, { ...session, basic_auth_data: { password: 'x'.repeat(73) } }))[0]).toBe(400)
    expect(await status('second')).toBe(200)
    await control('DELETE', path)
    expect(await status('second')).toBe(401)
  })

  describe('under hostile input', () => {
    const raw = (lines: string) =>
      rawRequest(gateway.port, `GET /app/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines}\r\n`)

    test.each([
      ['a header of a megabyte', `Authorization: Basic ${'A'.repeat(1024 * 1024)}\r\n`, 401],
      ['a header of two megabytes', `Authorization: Basic ${'A'.repeat(2 * 1024 * 1024)}\r\n`, 431],
      ['a password of half a megabyte', `Authorization: ${basic('ann', 'x'.repeat(500_000))}\r\n`, 401],
      ['a user of ten kilobytes', `Authorization: ${basic('u'.repeat(10_000), 'x')}\r\n`, 401],
      ['no base64', 'Authorization: Basic ****\r\n', 400],
      ['a NUL in the header', 'Authorization: Basic \0\r\n', 400],
      ['a NUL in the user', `Authorization: ${basic('a\0nn', 'secret')}\r\n`, 401],
      ['no colon', 'Authorization: Basic YWFh\r\n', 400],
      ['an empty header', 'Authorization: \r\n', 401],
      [
        'a wrong credential before the right one',
        `Authorization: ${basic('ann', 'x')}\r\nAuthorization: ${basic('ann', 'secret')}\r\n`,
        401,
      ],
    ])('%s is refused, and the next request served', async (_, lines, status) => {
      expect(await raw(lines)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
      expect((await get(basic('ann', 'secret'))).status).toBe(200)
    })

    test('many wrong passwords at once do not lock out a user that is known', async () => {
      await get(basic('ann', 'secret'))
      const wrong = Array.from({ length: 40 }, (_, i) => get(basic('ann', `wrong-${i}`)))
      expect((await get(basic('ann', 'secret'))).status).toBe(200)
      // Those that waited too long for their turn are told so.
      for (const { status } of await Promise.all(wrong)) expect([401, 503]).toContain(status)
    })
  })
})
