import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { generateKey } from '../src/auth/key-format.ts'
import { hashKey } from '../src/auth/key-hash.ts'
import type { ChainDeps } from '../src/chain/types.ts'
import { authTokenMiddleware } from '../src/middleware/auth-token/index.ts'
import { httpSignatureMiddleware } from '../src/middleware/http-signature/index.ts'
import { keyExpiredMiddleware } from '../src/middleware/key-expired/index.ts'
import { keylessApi } from './support/api.ts'
import { rawRequest } from './support/raw-http.ts'
import { startTestRedis, type TestRedis } from './support/redis-stores.ts'
import {
  apiWith,
  contextFor,
  depsWith,
  outcomeOf,
  runSteps,
  stepsOf,
  type TestDepsOptions,
  type TestRequest,
} from './support/steps.ts'

const hashed = { hash_keys: true, hash_key_function: 'murmur64' }
const rights = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
const INVALID = '400 Authorization field missing, malformed or invalid'
const DATE = 'Mon, 02 Jan 2023 15:04:05 GMT'
const NOON = Date.UTC(2023, 0, 2, 15, 4, 5)

interface Signed {
  readonly text?: string
  readonly headers?: string
  readonly algorithm?: string
  readonly keyId?: string
  readonly secret?: string
}

/** The value of an Authorization header; without anything said, a good one over the date. */
function credential({
  text = `date: ${DATE}`,
  headers,
  algorithm = 'hmac-sha256',
  keyId = 'my-key',
  secret = 'secret',
}: Signed = {}): string {
  const hash = algorithm.replace('hmac-', '')
  const signature = encodeURIComponent(createHmac(hash, secret).update(text, 'latin1').digest('base64'))
  const list = headers === undefined ? '' : `headers="${headers}",`
  return `Signature keyId="${keyId}",algorithm="${algorithm}",${list}signature="${signature}"`
}

describe.skipIf(redisSkipReason())('the step of HTTP signatures', () => {
  let redis: TestRedis
  beforeAll(async () => void (redis = await startTestRedis()))
  afterAll(() => redis[Symbol.asyncDispose]())
  beforeEach(() => redis.stores.main.flushall())

  const made: ChainDeps[] = []
  afterEach(async () => void (await Promise.all(made.splice(0).map(({ sessions }) => sessions.close()))))
  const deps = (options: TestDepsOptions = {}): ChainDeps => {
    const all = depsWith({ config: hashed, redis: redis.stores, ...options })
    made.push(all)
    return all
  }
  const put = (changes: object = { hmac_enabled: true, hmac_string: 'secret' }, name = 'my-key') =>
    redis.stores.main.set(
      `apikey-${hashKey(generateKey('default', name, 'murmur64'))}`,
      JSON.stringify({ org_id: 'default', access_rights: rights, ...changes }),
    )
  const api = apiWith({ enable_signature_checking: true })

  async function ask(request: TestRequest & { readonly authorization?: string }, using = deps(), of = api) {
    const headers = ['Date', DATE, ...(request.headers ?? [])]
    if (request.authorization !== undefined) headers.push('Authorization', request.authorization)
    const ctx = contextFor(of, { ...request, headers })
    return { outcome: outcomeOf(await runSteps(stepsOf(of, using, [httpSignatureMiddleware]), ctx)), ctx }
  }

  test('takes over the session of the key, under the name that was presented', async () => {
    await put({ hmac_enabled: true, hmac_string: 'secret', alias: 'Ann' })
    const of = apiWith({ enable_signature_checking: true, enable_context_vars: true })
    const { outcome, ctx } = await ask({ authorization: credential() }, deps(), of)
    expect(outcome).toBe('passed')
    expect([ctx.session?.alias, ctx.token, ctx.variables?.get('token')]).toEqual(['Ann', 'my-key', 'my-key'])
  })

  test('does not wait for a key that is known', async () => {
    await put()
    const using = deps()
    const [step] = stepsOf(api, using, [httpSignatureMiddleware])
    const ctx = () => contextFor(api, { headers: ['Date', DATE, 'Authorization', credential()] })
    expect(await step?.(ctx())).toBeUndefined()
    expect(step?.(ctx())).toBeUndefined()
  })

  test.each<[string, Signed, TestRequest]>([
    ['each algorithm: SHA-1', { algorithm: 'hmac-sha1' }, {}],
    ['each algorithm: SHA-384', { algorithm: 'hmac-sha384' }, {}],
    ['each algorithm: SHA-512', { algorithm: 'hmac-sha512' }, {}],
    [
      'the target without the query',
      { headers: '(request-target) date', text: `(request-target): get /app/x\ndate: ${DATE}` },
      { query: 'a=1' },
    ],
    [
      'headers',
      { headers: 'Date X-Test x-none', text: `date: ${DATE}\nx-test: abc\nx-none: ` },
      { headers: ['X-Test', 'abc'] },
    ],
    ['the other date', { text: `x-aux-date: ${DATE}` }, { headers: ['X-Aux-Date', DATE] }],
    ['bytes', { headers: 'x-test', text: 'x-test: \xc3\xa9' }, { headers: ['X-Test', '\xc3\xa9'] }],
  ])('accepts signatures over %s', async (_, signed, request) => {
    await put()
    expect((await ask({ ...request, authorization: credential(signed) })).outcome).toBe('passed')
  })

  test('accepts a path as it was sent and as it reads decoded', async () => {
    await put()
    const target = (path: string) => credential({ headers: '(request-target)', text: `(request-target): get ${path}` })
    const pathOf = async (signed: string) => {
      const ctx = contextFor(api, { path: '/app/a b', headers: ['Date', DATE, 'Authorization', target(signed)] })
      ctx.rawPath = '/app/a%20b'
      return outcomeOf(await runSteps(stepsOf(api, deps(), [httpSignatureMiddleware]), ctx))
    }
    expect(await pathOf('/app/a%20b')).toBe('passed')
    expect(await pathOf('/app/a b')).toBe('passed')
    expect(await pathOf('/app/a')).toBe(INVALID)
  })

  const refused: [string, TestRequest & { readonly authorization?: string }][] = [
    ['no credential', {}],
    ['an empty one', { authorization: '' }],
    ['a bearer token', { authorization: 'Bearer my-key' }],
    ['another secret', { authorization: credential({ secret: 'other' }) }],
    ['an unknown key', { authorization: credential({ keyId: 'nobody' }) }],
    ['an unknown algorithm', { authorization: credential().replace('hmac-sha256', 'hmac-md5') }],
    ['no algorithm at all', { authorization: credential().replace('hmac-sha256', 'none') }],
    ['an algorithm of a key pair', { authorization: credential().replace('hmac-sha256', 'rsa-sha256') }],
    ['a signature that is not escaped', { authorization: decodeURIComponent(credential()) }],
    [
      'a signature over another method',
      {
        method: 'POST',
        authorization: credential({ headers: '(request-target)', text: '(request-target): get /app/x' }),
      },
    ],
    [
      'a signature over another path',
      {
        path: '/app/y',
        authorization: credential({ headers: '(request-target)', text: '(request-target): get /app/x' }),
      },
    ],
    [
      'a signature over another header',
      { headers: ['X-Test', 'abd'], authorization: credential({ headers: 'x-test', text: 'x-test: abc' }) },
    ],
    [
      'a header that was signed and comes twice',
      {
        headers: ['X-Test', 'abc', 'X-Test', 'evil'],
        authorization: credential({ headers: 'x-test', text: 'x-test: abc' }),
      },
    ],
    ['a key that is named twice', { authorization: `${credential()},keyId="other"` }],
    ['a good signature on the second line', { headers: ['Authorization', 'Signature x'], authorization: credential() }],
  ]
  test.each(refused)('refuses %s', async (_, request) => {
    await put()
    await put({ hmac_enabled: true, hmac_string: 'other' }, 'other')
    const { outcome, ctx } = await ask(request)
    expect([outcome, ctx.session]).toEqual([INVALID, null])
  })

  test.each<[string, object, string]>([
    ['no secret', { hmac_enabled: true }, INVALID],
    ['signatures off', { hmac_string: 'secret' }, INVALID],
    ['a policy that is not there', { hmac_enabled: true, hmac_string: 'secret', apply_policies: ['x'] }, INVALID],
    ['only the newer switch', { enable_http_signature_validation: true, hmac_string: 'secret' }, 'passed'],
  ])('of a key with %s', async (_, session, outcome) => {
    await put(session)
    expect((await ask({ authorization: credential() })).outcome).toBe(outcome)
  })

  test('holds to the algorithms of the definition', async () => {
    await put()
    const of = apiWith({ enable_signature_checking: true, hmac_allowed_algorithms: ['hmac-sha512'] })
    expect((await ask({ authorization: credential() }, deps(), of)).outcome).toBe(INVALID)
    expect((await ask({ authorization: credential({ algorithm: 'hmac-sha512' }) }, deps(), of)).outcome).toBe('passed')
  })

  test('holds to the clock skew of the definition, and always wants a date', async () => {
    await put()
    const of = apiWith({ enable_signature_checking: true, hmac_allowed_clock_skew: 1000 })
    const at = async (ms: number) => (await ask({ authorization: credential() }, deps({ clock: { ms } }), of)).outcome
    expect([await at(NOON + 1000), await at(NOON - 1000), await at(NOON + 1001)]).toEqual(['passed', 'passed', INVALID])
    const undated = contextFor(api, {
      headers: ['X-Test', 'a', 'Authorization', credential({ headers: 'x-test', text: 'x-test: a' })],
    })
    expect(outcomeOf(await runSteps(stepsOf(api, deps(), [httpSignatureMiddleware]), undated))).toBe(INVALID)
  })

  test('gives the identity only where it is chosen', async () => {
    await put({ hmac_enabled: true, hmac_string: 'secret', alias: 'signer' })
    await put({ alias: 'key' }, 'the-key')
    for (const [provider, alias] of [
      ['hmac_key', 'signer'],
      ['auth_token', 'key'],
      ['', 'key'],
    ] as const) {
      const of = apiWith({
        enable_signature_checking: true,
        use_standard_auth: true,
        auth_configs: { authToken: { auth_header_name: 'X-Key' } },
        base_identity_provided_by: provider,
      })
      const ctx = contextFor(of, { headers: ['Date', DATE, 'Authorization', credential(), 'X-Key', 'the-key'] })
      const steps = stepsOf(of, deps(), [httpSignatureMiddleware, authTokenMiddleware, keyExpiredMiddleware])
      expect([outcomeOf(await runSteps(steps, ctx)), ctx.session?.alias]).toEqual(['passed', alias])
    }
  })

  describe('with a key pair', () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string
    const ID = `default${'a'.repeat(64)}`
    const signed = (text = `date: ${DATE}`, algorithm = 'rsa-sha256') => {
      const signature = sign('sha256', Buffer.from(text), pair.privateKey).toString('base64')
      return `Signature keyId="my-key",algorithm="${algorithm}",headers="date",signature="${signature}"`
    }
    const withKey = (rsa_certificate_id: string) => put({ enable_http_signature_validation: true, rsa_certificate_id })

    test('accepts a signature when the public key is in the store, in a file or in the session', async () => {
      await redis.stores.main.set(`cert-raw-${ID}`, pem)
      await withKey(ID)
      expect((await ask({ authorization: signed() })).outcome).toBe('passed')
      await withKey(pem)
      expect((await ask({ authorization: signed() })).outcome).toBe('passed')
    })

    test.each<[string, object, string]>([
      ['another signature', { authorization: signed('date: x') }, INVALID],
      ['an algorithm that is not known', { authorization: signed(undefined, 'rsa-sha1') }, INVALID],
      ['one that is taken for a shared secret', { authorization: signed(undefined, 'hmac-sha256') }, INVALID],
    ])('refuses %s', async (_, request, outcome) => {
      await withKey(pem)
      expect((await ask(request)).outcome).toBe(outcome)
    })

    test('never takes the public key for a shared secret', async () => {
      await withKey(pem)
      expect((await ask({ authorization: credential({ secret: pem }) })).outcome).toBe(INVALID)
    })

    test.each<[string, object, string]>([
      ['is not in the store', { rsa_certificate_id: ID }, '500 Certificate not found'],
      ['is a file that is not there', { rsa_certificate_id: 'no-such-file.pem' }, '500 Certificate not found'],
      [
        'is of another kind',
        { rsa_certificate_id: generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }) },
        "500 Certificate doesn't contain RSA Public key",
      ],
      ['is not named', {}, INVALID],
    ])('answers when the public key %s', async (_, session, outcome) => {
      await put({ enable_http_signature_validation: true, ...session })
      expect((await ask({ authorization: signed() })).outcome).toBe(outcome)
    })

    test('needs the switch', async () => {
      await put({ hmac_enabled: true, rsa_certificate_id: pem })
      expect((await ask({ authorization: signed() })).outcome).toBe(INVALID)
    })
  })
})

describe.skipIf(redisSkipReason())('HTTP signatures through the gateway', () => {
  let redis: RedisServer
  let upstream: Upstream
  let gateway: Gateway
  let secret: string
  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startUpstream((_, res) => res.end('ok'))
    const api = { use_keyless: false, enable_signature_checking: true }
    gateway = await startGateway({
      redisPort: redis.port,
      apis: { 'app.json': keylessApi(upstream.url, api) },
      conf: { enable_analytics: false },
    })
    const session = { org_id: 'default', rate: 1000, per: 60, quota_max: -1, access_rights: rights, hmac_enabled: true }
    await control('POST', '/tyk/keys/my-key', session)
    secret = (await control('GET', '/tyk/keys/my-key?username=true&org_id=default'))['hmac_string'] as string
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.close()
    await redis?.stop()
  })

  async function control(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const headers = { 'x-tyk-authorization': gateway.secret }
    const answer = await fetch(gateway.url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return (await answer.json()) as Record<string, unknown>
  }
  const raw = (lines: string, target = '/app/x') =>
    rawRequest(gateway.port, `GET ${target} HTTP/1.1\r\nHost: a\r\nDate: ${DATE}\r\nConnection: close\r\n${lines}\r\n`)

  test('the secret that the gateway made opens the API', async () => {
    expect(secret).toMatch(/^[A-Za-z0-9+/]{43}=$/)
    expect(await raw(`Authorization: ${credential({ secret })}\r\n`)).toMatch(/^HTTP\/1.1 200 /)
  })

  test('an encoded path can be signed as it is sent', async () => {
    const target = '/app/a%2Fb%20c'
    const signed = credential({ secret, headers: '(request-target)', text: `(request-target): get ${target}` })
    expect(await raw(`Authorization: ${signed}\r\n`, `${target}?x=1`)).toMatch(/^HTTP\/1.1 200 /)
  })

  test('a key pair in the certificate store opens it, too', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string
    const headers = { 'x-tyk-authorization': gateway.secret }
    const stored = await fetch(`${gateway.url}/tyk/certs?org_id=default`, { method: 'POST', headers, body: pem })
    const { id } = (await stored.json()) as { id: string }
    const file = join(gateway.dir, 'public.pem')
    await writeFile(file, pem)
    const signature = sign('sha256', Buffer.from(`date: ${DATE}`), pair.privateKey).toString('base64')
    for (const [name, rsa_certificate_id] of [
      ['by-id', id],
      ['by-file', file],
    ] as const) {
      await control('POST', `/tyk/keys/${name}`, {
        org_id: 'default',
        rate: 1000,
        per: 60,
        quota_max: -1,
        access_rights: rights,
        enable_http_signature_validation: true,
        rsa_certificate_id,
      })
      const value = `Signature keyId="${name}",algorithm="rsa-sha256",signature="${signature}"`
      expect(await raw(`Authorization: ${value}\r\n`), name).toMatch(/^HTTP\/1.1 200 /)
    }
  })

  test.each([
    ['a header of a megabyte', `Authorization: Signature keyId="${'k'.repeat(1024 * 1024)}",signature="s"\r\n`],
    ['ten thousand parameters', `Authorization: Signature ${'a="b",'.repeat(10_000)}\r\n`],
    [
      'ten thousand signed headers',
      `Authorization: Signature keyId="my-key",signature="s",headers="${'x '.repeat(7000)}"\r\n`,
    ],
    ['quotes that do not end', `Authorization: Signature ${'keyId="'.repeat(2000)}\r\n`],
    ['blanks without end', `Authorization: Signature keyId${' '.repeat(15_000)}x\r\n`],
    ['bad escapes', 'Authorization: Signature keyId="my-key",signature="%zz%2"\r\n'],
    ['a NUL', 'Authorization: Signature keyId="my-key\0",signature="s"\r\n'],
  ])('%s is refused, and the next request served', async (_, lines) => {
    expect(await raw(lines)).toMatch(/^HTTP\/1.1 400 /)
    expect(await raw(`Authorization: ${credential({ secret })}\r\n`)).toMatch(/^HTTP\/1.1 200 /)
  })
})
