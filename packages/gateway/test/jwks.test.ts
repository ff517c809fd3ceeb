import { createServer, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, startRedis } from '../../../test/support/redis.ts'
import { startUpstream } from '../../../test/support/upstream.ts'
import { invalidateJwks } from '../src/auth/jwks.ts'
import { fetchDocument } from '../src/auth/tokens/fetch-jwks.ts'
import { jwtMiddleware } from '../src/middleware/jwt/index.ts'
import { createLeaf } from './support/client-certificates.ts'
import { keylessApi } from './support/api.ts'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from './support/steps.ts'
import { ecKeys, jwkOf, rsaKeys, signToken, unsignedToken, type TestKeys } from './support/tokens.ts'

const REFUSED = '403 Key not authorized'
const rights = { app: { versions: ['Default'] } }
const policies = { pol1: { org_id: 'default', rate: 1000, per: 60, quota_max: -1, access_rights: rights } }

/** Publishes a document of the test's choice; null answers 500. */
class KeyServer {
  document: string | null = ''
  /** Set: answers wait for it. */
  hold: Promise<void> | null = null
  requests = 0
  readonly #server: Server
  constructor() {
    this.#server = createServer((_, response) => {
      this.requests++
      void Promise.resolve(this.hold).then(() => {
        response.statusCode = this.document === null ? 500 : 200
        response.end(this.document ?? '')
      })
    })
  }
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`
  }
  publish(...keys: unknown[]): void {
    this.document = JSON.stringify({ keys })
  }
  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

describe('a redirect to the document', () => {
  const signal = AbortSignal.timeout(10_000)
  const { keySets } = depsWith({ config: { jwt_ssl_insecure_skip_verify: true } }).externalServices

  async function secureServer(locationOf: (url: string) => string) {
    const { key, cert } = await createLeaf('keys.test')
    const server = createSecureServer({ key, cert }, (req, res) => {
      if (req.url === '/keys') return void res.end('the document')
      res.writeHead(302, { location: locationOf(url) }).end()
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const close = async (): Promise<void> => {
      server.close()
      server.closeAllConnections()
    }
    return { url, [Symbol.asyncDispose]: close }
  }

  test('is followed from https to https, and no more than five times', async () => {
    await using good = await secureServer(() => '/keys')
    expect(await fetchDocument(good.url, signal, keySets)).toBe('the document')
    await using circle = await secureServer((url) => `${url}/again`)
    await expect(fetchDocument(circle.url, signal, keySets)).rejects.toThrow('more than 5 redirects')
  })

  test('is not followed from https to http', async () => {
    await using plain = await startUpstream((_, res) => res.end('keys of somebody on the way'))
    await using server = await secureServer(() => plain.url)
    await expect(fetchDocument(server.url, signal, keySets)).rejects.toThrow('redirect from https: to http:')
  })

  test('is followed from http to anywhere', async () => {
    await using server = await secureServer(() => '')
    await using plain = await startUpstream((_, res) => res.writeHead(307, { location: `${server.url}/keys` }).end())
    expect(await fetchDocument(plain.url, signal, keySets)).toBe('the document')
  })
})

describe('keys published at a URL', () => {
  const servers: KeyServer[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })

  async function fixture(
    definition: Record<string, unknown> = {},
    source: (url: string) => Record<string, unknown> = (url) => ({ jwt_source: url }),
  ) {
    const server = new KeyServer()
    servers.push(server)
    const url = await server.listen()
    const clock = { ms: Date.now() }
    const api = apiWith({
      enable_jwt: true,
      jwt_signing_method: 'rsa',
      jwt_default_policies: ['pol1'],
      ...definition,
      ...source(url),
    })
    const deps = depsWith({ clock, policies })
    let steps = definition['later'] === true ? [] : stepsOf(api, deps, [jwtMiddleware])
    const ask = async (token: string): Promise<string> => {
      if (steps.length === 0) steps = stepsOf(api, deps, [jwtMiddleware])
      return outcomeOf(await runSteps(steps, contextFor(api, { headers: ['Authorization', token] })))
    }
    return { server, url, clock, deps, ask }
  }

  const tokenOf = (keys: TestKeys, kid?: string, alg = 'RS256'): Promise<string> =>
    signToken({ sub: 'ann' }, keys.privateKey, { alg, ...(kid === undefined ? {} : { kid }) })

  const one = rsaKeys()
  const two = rsaKeys()

  test.each<[string, (url: string) => Record<string, unknown>]>([
    ['plain in jwt_source', (url) => ({ jwt_source: url })],
    ['in base64 in jwt_source', (url) => ({ jwt_source: Buffer.from(url).toString('base64') })],
    ['in jwt_jwks_uris alone', (url) => ({ jwt_jwks_uris: [{ url }] })],
  ])('are found when it stands %s, and fetched once', async (_, source) => {
    const { server, ask } = await fixture({ later: true }, source)
    server.publish(await jwkOf(two, 'k2'), await jwkOf(one, 'k1'))
    expect(await ask(await tokenOf(one, 'k1'))).toBe('passed')
    expect(await ask(await tokenOf(two, 'k2'))).toBe('passed')
    expect(server.requests).toBe(1)
  })

  test('are fetched once for many requests at the same time', async () => {
    const { server, ask } = await fixture()
    server.publish(await jwkOf(one, 'k1'))
    const token = await tokenOf(one, 'k1')
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => ask(token))))).toEqual(new Set(['passed']))
    expect(server.requests).toBe(1)
  })

  test.each<[string, () => Promise<string>]>([
    ['names no key', () => tokenOf(one)],
    ['names a key by a number', async () => signToken({ sub: 'ann' }, one.privateKey, { alg: 'RS256', kid: 1 })],
    ['names an unknown key', () => tokenOf(one, 'k9')],
    ['is signed with another key of the set', () => tokenOf(two, 'k1')],
    ['names a key of another kind', async () => tokenOf(one, 'ec')],
  ])('do not help a token that %s', async (_, token) => {
    const { server, ask } = await fixture()
    server.publish(await jwkOf(one, 'k1'), await jwkOf(two, 'k2'), await jwkOf(ecKeys('P-256'), 'ec'))
    expect(await ask(await token())).toBe(REFUSED)
  })

  test('may hold entries of kinds that nobody here can use', async () => {
    const { server, ask } = await fixture()
    server.publish(
      { kty: 'OKP', crv: 'Ed25519', x: 'AA', kid: 'k0' },
      null,
      { kty: 'RSA', kid: 'broken' },
      await jwkOf(one, 'k1'),
    )
    expect(await ask(await tokenOf(one, 'k1'))).toBe('passed')
  })

  test('may be elliptic curve keys and secrets', async () => {
    const curve = ecKeys('P-384')
    const ec = await fixture({ jwt_signing_method: 'ecdsa' })
    ec.server.publish(await jwkOf(curve, 'k1'))
    expect(await ec.ask(await tokenOf(curve, 'k1', 'ES384'))).toBe('passed')
    const secret = await fixture({ jwt_signing_method: 'hmac' })
    secret.server.publish({ kty: 'oct', kid: 'k1', k: Buffer.from('secret').toString('base64url') })
    expect(await secret.ask(await signToken({ sub: 'ann' }, 'secret', { kid: 'k1' }))).toBe('passed')
  })

  test('may be PEM in the older form', async () => {
    const { server, ask } = await fixture()
    server.publish({ kty: 'rsa', kid: 'k1', x5c: [one.source] })
    expect(await ask(await tokenOf(one, 'k1'))).toBe('passed')
  })

  test('are fetched again for an unknown key, though not more than once per cool-down', async () => {
    const { server, clock, ask } = await fixture()
    server.publish(await jwkOf(one, 'k1'))
    expect(await ask(await tokenOf(one, 'k1'))).toBe('passed')
    server.publish(await jwkOf(one, 'k1'), await jwkOf(two, 'k2'))
    expect(await ask(await tokenOf(two, 'k2'))).toBe(REFUSED)
    clock.ms += 10_000
    expect(await ask(await tokenOf(two, 'k2'))).toBe('passed')
    for (const kid of ['a', 'b', 'c']) expect(await ask(await tokenOf(two, kid))).toBe(REFUSED)
    expect(server.requests).toBe(2)
  })

  test('are fetched a bounded number of times for ten thousand tokens that name unknown keys', async () => {
    const { server, clock, ask } = await fixture()
    server.publish(await jwkOf(one, 'k1'))
    const startedMs = clock.ms
    const strangers = Array.from({ length: 10_000 }, (_, i) =>
      unsignedToken({ alg: 'RS256', kid: `k-${i}` }, { sub: 'ann' }, 'AAAA'),
    )
    const outcomes = new Set<string>()
    // Many at a time, and a hundred seconds in all.
    for (let i = 0; i < strangers.length; i += 100) {
      for (const outcome of await Promise.all(strangers.slice(i, i + 100).map(ask))) outcomes.add(outcome)
      clock.ms += 1000
    }
    expect(outcomes).toEqual(new Set([REFUSED]))
    expect(server.requests).toBeGreaterThan(1)
    // The first fetch, the one for the first unknown key, and one for each cool-down of ten seconds.
    expect(server.requests).toBeLessThanOrEqual(2 + (clock.ms - startedMs) / 10_000)
    expect(await ask(await tokenOf(one, 'k1'))).toBe('passed')
  })

  test('no longer serve a remembered token once theirs was taken out and their time is over', async () => {
    const { server, clock, ask } = await fixture()
    server.publish(await jwkOf(one, 'k1'))
    const token = await tokenOf(one, 'k1')
    expect(await ask(token)).toBe('passed')
    server.publish(await jwkOf(two, 'k2'))
    clock.ms += 239_999
    expect(await ask(token)).toBe('passed')
    clock.ms += 1
    expect(await ask(token)).toBe(REFUSED)
  })

  test('are kept for the time that their entry says', async () => {
    const { server, clock, ask } = await fixture({}, (url) => ({
      jwt_source: url,
      jwt_jwks_uris: [{ url, cache_timeout: '30s' }],
    }))
    server.publish(await jwkOf(one, 'k1'))
    await eventually(() => expect(server.requests).toBe(1))
    const token = await tokenOf(one, 'k1')
    clock.ms += 30_000
    await ask(token)
    const before = server.requests
    clock.ms += 29_999
    await ask(token)
    expect(server.requests).toBe(before)
    clock.ms += 1
    await ask(token)
    expect(server.requests).toBe(before + 1)
  })

  test.each<[string, (server: KeyServer) => void]>([
    ['answers an error', (server) => void (server.document = null)],
    ['publishes something else', (server) => void (server.document = '<html>')],
    ['publishes too much', (server) => void (server.document = ' '.repeat(1_100_000))],
    ['is gone', (server) => server.close()],
  ])('go on being used when their server %s', async (_, fail) => {
    const { server, clock, ask } = await fixture()
    server.publish(await jwkOf(one, 'k1'))
    const token = await tokenOf(one, 'k1')
    expect(await ask(token)).toBe('passed')
    fail(server)
    clock.ms += 240_000
    expect(await ask(token)).toBe('passed')
  })

  test('are used though older while their server takes its time', async () => {
    const { server, clock, ask } = await fixture()
    server.publish(await jwkOf(one, 'k1'))
    const token = await tokenOf(one, 'k1')
    expect(await ask(token)).toBe('passed')
    const { promise, resolve } = Promise.withResolvers<void>()
    server.hold = promise
    clock.ms += 240_000
    expect(await ask(token)).toBe('passed')
    resolve()
  })

  test('cannot be used before they were fetched once; a request tries again, though not every one', async () => {
    const { server, clock, ask } = await fixture()
    server.document = null
    const token = await tokenOf(one, 'k1')
    expect(await ask(token)).toBe(REFUSED)
    server.publish(await jwkOf(one, 'k1'))
    expect(await ask(token)).toBe(REFUSED)
    expect(server.requests).toBe(1)
    clock.ms += 2000
    expect(await ask(token)).toBe('passed')
    expect(server.requests).toBe(2)
  })

  test('are not asked for again right after a try that took long', async () => {
    const { server, clock, ask } = await fixture()
    const { promise, resolve } = Promise.withResolvers<void>()
    server.hold = promise
    server.document = null
    const token = await tokenOf(one, 'k1')
    const first = ask(token)
    await eventually(() => expect(server.requests).toBe(1))
    clock.ms += 15_000
    resolve()
    expect(await first).toBe(REFUSED)
    clock.ms += 1999
    expect(await ask(token)).toBe(REFUSED)
    expect(server.requests).toBe(1)
  })

  test('are waited for by so many requests, others are refused at once', async () => {
    const { server, ask } = await fixture()
    const { promise, resolve } = Promise.withResolvers<void>()
    server.hold = promise
    server.publish(await jwkOf(one, 'k1'))
    const token = await tokenOf(one, 'k1')
    const waiting = Array.from({ length: 500 }, () => ask(token))
    expect(await ask(token)).toBe(REFUSED)
    resolve()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['passed']))
  })

  test('that were on their way when invalidated are not used', async () => {
    const { server, deps, ask } = await fixture()
    const { promise, resolve } = Promise.withResolvers<void>()
    server.hold = promise
    server.publish(await jwkOf(one, 'k1'))
    const token = await tokenOf(one, 'k1')
    const first = ask(token)
    await eventually(() => expect(server.requests).toBe(1))
    invalidateJwks(deps.sessions, null)
    const second = ask(token)
    await eventually(() => expect(server.requests).toBe(2))
    resolve()
    expect(await Promise.all([first, second])).toEqual(['passed', 'passed'])
    expect(server.requests).toBe(2)
  })

  test.each(['app', null])('are fetched anew when invalidated for %s', async (apiId) => {
    const { server, deps, ask } = await fixture()
    server.publish(await jwkOf(one, 'k1'))
    const token = await tokenOf(one, 'k1')
    expect(await ask(token)).toBe('passed')
    server.publish(await jwkOf(two, 'k1'))
    invalidateJwks(deps.sessions, apiId)
    expect(await ask(token)).toBe(REFUSED)
  })

  test.skipIf(redisSkipReason()).each(['/tyk/cache/jwks', '/tyk/cache/jwks/app'])(
    'are fetched anew by every gateway on one Redis after DELETE %s on one of them',
    async (path) => {
      const server = new KeyServer()
      servers.push(server)
      const url = await server.listen()
      server.publish(await jwkOf(one, 'k1'))
      await using redis = await startRedis()
      await using upstream = await startUpstream((_, res) => res.end('ok'))
      const definition = {
        enable_jwt: true,
        jwt_signing_method: 'rsa',
        jwt_source: url,
        jwt_default_policies: ['pol1'],
      }
      const start = () =>
        startGateway({
          redisPort: redis.port,
          apis: { 'app.json': keylessApi(upstream.url, { use_keyless: false, ...definition }) },
          policies,
          conf: { enable_analytics: false, allow_insecure_configs: false },
        })
      await using asked = await start()
      await using other = await start()
      const headers = { authorization: await tokenOf(one, 'k1') }
      const status = async (): Promise<number> => (await fetch(`${other.url}/app/x`, { headers })).status
      expect(await status()).toBe(200)
      server.publish(await jwkOf(two, 'k1'))
      expect(await status()).toBe(200)
      await fetch(asked.url + path, { method: 'DELETE', headers: { 'x-tyk-authorization': asked.secret } })
      await eventually(async () => expect(await status()).toBe(403))
    },
  )

  test.each(['/tyk/cache/jwks', '/tyk/cache/jwks/app'])('are fetched anew after DELETE %s', async (path) => {
    const server = new KeyServer()
    servers.push(server)
    const url = await server.listen()
    server.publish(await jwkOf(one, 'k1'))
    await using upstream = await startUpstream((_, res) => res.end('ok'))
    const definition = { enable_jwt: true, jwt_signing_method: 'rsa', jwt_source: url, jwt_default_policies: ['pol1'] }
    await using gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { use_keyless: false, ...definition }) },
      policies,
      conf: { enable_analytics: false },
    })
    const headers = { authorization: await tokenOf(one, 'k1') }
    const status = async (): Promise<number> => (await fetch(`${gateway.url}/app/x`, { headers })).status
    expect(await status()).toBe(200)
    // Whoever asks for limits must not get keys of their own, which would hide those of the API.
    expect((await fetch(`${gateway.url}/app/tyk/rate-limits/`, { headers })).status).toBe(200)
    server.publish(await jwkOf(two, 'k1'))
    expect(await status()).toBe(200)
    await fetch(gateway.url + path, { method: 'DELETE', headers: { 'x-tyk-authorization': gateway.secret } })
    expect(await status()).toBe(403)
  })
})
