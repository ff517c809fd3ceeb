import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { invalidateJwks } from '../src/auth/jwks.ts'
import { jwtMiddleware } from '../src/middleware/jwt/index.ts'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from './support/steps.ts'
import { ecKeys, jwkOf, rsaKeys, signToken, type TestKeys } from './support/tokens.ts'

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

  test('cannot be used before they were fetched once; the next request tries again', async () => {
    const { server, ask } = await fixture()
    server.document = null
    const token = await tokenOf(one, 'k1')
    expect(await ask(token)).toBe(REFUSED)
    server.publish(await jwkOf(one, 'k1'))
    expect(await ask(token)).toBe('passed')
  })

  test.each(['app', null])('are fetched anew when invalidated for %s', async (apiId) => {
    const { server, deps, ask } = await fixture()
    server.publish(await jwkOf(one, 'k1'))
    const token = await tokenOf(one, 'k1')
    expect(await ask(token)).toBe('passed')
    server.publish(await jwkOf(two, 'k1'))
    invalidateJwks(deps, apiId)
    expect(await ask(token)).toBe(REFUSED)
  })
})
