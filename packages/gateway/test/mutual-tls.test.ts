import https from 'node:https'
import type { TLSSocket } from 'node:tls'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { freePort, redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'
import { createCa, createLeaf, type Identity } from './support/client-certificates.ts'
import { connectHttp2 } from './support/http2.ts'

const error = (message: string): string => `{\n    "error": "${message}"\n}`
const rights = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
const session = { org_id: 'default', rate: 1000, per: 60, quota_max: -1, access_rights: rights }

interface Answer {
  readonly status: number
  readonly body: string
  /** The connection went on with an earlier TLS session. */
  readonly resumed: boolean
}

interface AskOptions {
  readonly client?: Identity
  /** Sent behind the client's own certificate. */
  readonly chain?: readonly Identity[]
  readonly headers?: Readonly<Record<string, string>>
  readonly agent?: https.Agent
  readonly path?: string
}

describe.skipIf(redisSkipReason())('certificates of clients', () => {
  let redis: RedisServer
  let upstream: Upstream
  let server: Identity
  let ca: Identity
  let ann: Identity
  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startUpstream((_, res) => res.end('ok'))
    server = await createLeaf('gateway.test')
    ca = await createCa('clients')
    ann = await createLeaf('ann')
  })
  afterAll(async () => {
    await upstream?.close()
    await redis?.stop()
  })

  /** A gateway with one API on a TLS port; its control API is on the plain one. */
  async function started(
    definition: Record<string, unknown>,
    conf: Record<string, unknown> = {},
  ): Promise<Gateway & { readonly tlsPort: number; set(definition: Record<string, unknown>): Promise<void> }> {
    const tlsPort = await freePort()
    const api = (changes: Record<string, unknown>) =>
      keylessApi(upstream.url, { protocol: 'https', listen_port: tlsPort, ...changes })
    const gateway = await startGateway({
      redisPort: redis.port,
      apis: { 'app.json': { ...api(definition), certificates: [] } },
      conf: { disable_ports_whitelist: true, enable_analytics: false, ...conf },
    })
    const file = join(gateway.dir, 'server.pem')
    await writeFile(file, `${server.key}\n${server.cert}`)
    const set = async (changes: Record<string, unknown>): Promise<void> => {
      await gateway.writeApi('app.json', api({ certificates: [file], ...changes }))
      await gateway.reload()
    }
    await set(definition)
    return Object.assign(gateway, { tlsPort, set })
  }

  function ask(
    port: number,
    { client, chain = [], headers = {}, agent, path = '/app/x' }: AskOptions = {},
  ): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const own =
      client === undefined ? {} : { cert: [client, ...chain].map(({ cert }) => cert).join('\n'), key: client.key }
    const options = { host: '127.0.0.1', port, path, headers, servername: 'gateway.test', rejectUnauthorized: false }
    https
      .get({ ...options, ...own, agent: agent ?? false }, (res) => {
        const resumed = (res.socket as TLSSocket).isSessionReused()
        let body = ''
        res.on('data', (chunk: Buffer) => (body += chunk.toString()))
        res.on('end', () => resolve({ status: res.statusCode ?? 0, body, resumed }))
      })
      .on('error', reject)
    return promise
  }
  const outcome = async (port: number, options: AskOptions = {}): Promise<string> => {
    const { status, body } = await ask(port, options)
    return body === 'ok' ? `${status}` : `${status} ${(JSON.parse(body) as { error: string }).error}`
  }

  const control = async (gateway: Gateway, method: string, path: string, body = ''): Promise<[number, unknown]> => {
    const headers = { 'x-tyk-authorization': gateway.secret }
    const answer = await fetch(`${gateway.url}${path}`, { method, headers, ...(body === '' ? {} : { body }) })
    return [answer.status, await answer.json()]
  }
  const store = async (gateway: Gateway, identity: Identity): Promise<string> => {
    await control(gateway, 'POST', '/tyk/certs?org_id=default', identity.cert)
    return `default${identity.sha256}`
  }

  describe('that an API lists', () => {
    const mutual = (...client_certificates: string[]) => ({ use_mutual_tls_auth: true, client_certificates })

    test('are let in by id, others are not, and one is required', async () => {
      await using gateway = await started(mutual(`default${ann.sha256}`))
      const bob = await createLeaf('bob')
      expect(await outcome(gateway.tlsPort, { client: ann })).toBe(
        `403 Certificate with SHA256 ${ann.sha256} not allowed`,
      )
      await store(gateway, ann)
      expect(await outcome(gateway.tlsPort, { client: ann })).toBe('200')
      expect(await outcome(gateway.tlsPort, { client: bob })).toBe(
        `403 Certificate with SHA256 ${bob.sha256} not allowed`,
      )
      expect(await outcome(gateway.tlsPort)).toBe('403 Client TLS certificate is required')
    })

    test('may come from a file, from the configuration, or stand in the definition', async () => {
      const [bob, eve] = [await createLeaf('bob'), await createLeaf('eve')]
      await using gateway = await started(mutual(), { security: { certificates: { apis: [eve.cert] } } })
      const file = join(gateway.dir, 'bob.crt')
      await writeFile(file, bob.cert)
      await gateway.set(mutual(file, ann.cert, 'no-such-file.pem'))
      for (const client of [ann, bob, eve]) expect(await outcome(gateway.tlsPort, { client })).toBe('200')
      await gateway.program.waitForLine('allowed client certificate is not there')
      await gateway.program.waitForLine('no-such-file.pem')
    })

    test('may be issued by an authority on the list, also through one that the client sends', async () => {
      const middle = await createCa('middle', { issuer: ca })
      const [direct, indirect] = [await createLeaf('a', { issuer: ca }), await createLeaf('b', { issuer: middle })]
      await using gateway = await started(mutual(ca.cert))
      expect(await outcome(gateway.tlsPort, { client: direct })).toBe('200')
      expect(await outcome(gateway.tlsPort, { client: indirect, chain: [middle] })).toBe('200')
      expect(await outcome(gateway.tlsPort, { client: indirect })).toMatch(/^403 .* not allowed$/)
      const forServers = await createLeaf('c', { issuer: ca, purpose: 'server' })
      expect(await outcome(gateway.tlsPort, { client: forServers })).toMatch(/^403 .* not allowed$/)
    })

    test('stand for themselves alone when their chain is listed with them', async () => {
      const own = await createLeaf('own', { issuer: ca })
      await using gateway = await started(mutual(`${own.cert}\n${ca.cert}`))
      expect(await outcome(gateway.tlsPort, { client: own })).toBe('200')
      const other = await createLeaf('other', { issuer: ca })
      expect(await outcome(gateway.tlsPort, { client: other })).toMatch(/^403 .* not allowed$/)
    })

    test('prove nothing when they only come along behind another one', async () => {
      const eve = await createLeaf('eve')
      await using gateway = await started(mutual(ann.cert, ca.cert))
      const refused = `403 Certificate with SHA256 ${eve.sha256} not allowed`
      expect(await outcome(gateway.tlsPort, { client: eve, chain: [ann] })).toBe(refused)
      expect(await outcome(gateway.tlsPort, { client: eve, chain: [ca] })).toBe(refused)
    })

    test('are of no use once they have expired', async () => {
      const old = await createLeaf('old', { days: [-10, -1] })
      await using gateway = await started(mutual(old.cert))
      expect(await outcome(gateway.tlsPort, { client: old })).toBe('403 Certificate has expired')
    })

    test('are looked at over HTTP/2 as well', async () => {
      await using gateway = await started(mutual(ann.cert), { http_server_options: { enable_http2: true } })
      const url = `https://127.0.0.1:${gateway.tlsPort}`
      await using known = await connectHttp2(url, { rejectUnauthorized: false, cert: ann.cert, key: ann.key })
      expect(await known.request({ ':path': '/app/x' })).toMatchObject({ status: 200, body: 'ok' })
      await using unknown = await connectHttp2(url, { rejectUnauthorized: false })
      expect(await unknown.request({ ':path': '/app/x' })).toMatchObject({
        status: 403,
        body: error('Client TLS certificate is required'),
      })
    })

    test('are needed on a path of the ignored list', async () => {
      const paths = { ignored: [{ path: '/open', method_actions: { GET: { action: 'no_action' } } }] }
      const versions = { Default: { name: 'Default', use_extended_paths: true, extended_paths: paths } }
      await using gateway = await started({ ...mutual(ann.cert), version_data: { not_versioned: true, versions } })
      expect(await outcome(gateway.tlsPort, { path: '/app/open' })).toBe('403 Client TLS certificate is required')
      expect(await outcome(gateway.tlsPort, { path: '/app/open', client: ann })).toBe('200')
    })

    test('cannot be shown without TLS', async () => {
      await using gateway = await startGateway({
        redisPort: redis.port,
        apis: { 'app.json': keylessApi(upstream.url, mutual(ann.cert)) },
        conf: { enable_analytics: false },
      })
      const answer = await fetch(`${gateway.url}/app/x`)
      expect([answer.status, await answer.text()]).toEqual([403, error('TLS not enabled')])
    })

    test('are asked for from the reload on that needs them, also from clients with an older TLS session', async () => {
      await using gateway = await started({})
      const agent = new https.Agent({ keepAlive: false, maxCachedSessions: 10 })
      const client = { client: ann, agent }
      expect(await ask(gateway.tlsPort, client)).toMatchObject({ body: 'ok', resumed: false })
      await eventually(async () => expect(await ask(gateway.tlsPort, client)).toMatchObject({ resumed: true }))
      await gateway.set(mutual(ann.cert))
      expect(await ask(gateway.tlsPort, client)).toMatchObject({ status: 200, body: 'ok', resumed: false })
      expect(await ask(gateway.tlsPort, client)).toMatchObject({ status: 200, body: 'ok', resumed: false })
      expect(await outcome(gateway.tlsPort)).toBe('403 Client TLS certificate is required')
      await gateway.set({})
      expect(await outcome(gateway.tlsPort)).toBe('200')
      agent.destroy()
    })

    test('stay in force while Redis is away, and new ones are not let in', async () => {
      await using own = await startRedis()
      const id = `default${ann.sha256}`
      await using gateway = await startGateway({
        redisPort: own.port,
        apis: {},
        conf: { disable_ports_whitelist: true, enable_analytics: false },
      })
      await store(gateway, ann)
      const tlsPort = await freePort()
      const file = join(gateway.dir, 'server.pem')
      await writeFile(file, `${server.key}\n${server.cert}`)
      const definition = { protocol: 'https', listen_port: tlsPort, certificates: [file], ...mutual(id) }
      await gateway.writeApi('app.json', keylessApi(upstream.url, definition))
      await gateway.reload()
      expect(await outcome(tlsPort, { client: ann })).toBe('200')
      await own.stop()
      expect(await outcome(tlsPort, { client: ann })).toBe('200')
      expect(await outcome(tlsPort, { client: await createLeaf('bob') })).toMatch(/not allowed$/)
    })
  })

  describe('that a key is bound to', () => {
    const bound = { use_keyless: false, use_standard_auth: true, use_mutual_tls_auth: true }
    const withKey = { headers: { authorization: 'bound-key' } }

    test('must be shown with it, where the API has mutual TLS', async () => {
      const bob = await createLeaf('bob', { issuer: ca })
      const old = await createLeaf('old', { issuer: ca, days: [-10, -1] })
      await using gateway = await started({ ...bound, client_certificates: [ca.cert, ann.cert] })
      const id = await store(gateway, ann)
      const keyed = { ...session, mtls_static_certificate_bindings: [id, await store(gateway, old)] }
      expect(await control(gateway, 'POST', '/tyk/keys/bound-key', JSON.stringify(keyed))).toMatchObject([200, {}])
      await control(gateway, 'POST', '/tyk/keys/free-key', JSON.stringify(session))
      expect(await outcome(gateway.tlsPort, { client: ann, ...withKey })).toBe('200')
      const withFreeKey = { headers: { authorization: 'free-key' } }
      expect(await outcome(gateway.tlsPort, { client: bob, ...withKey })).toBe(
        '401 Access to this API has been disallowed',
      )
      expect(await outcome(gateway.tlsPort, { client: bob, ...withFreeKey })).toBe('200')
      for (const key of [withKey, withFreeKey]) {
        expect(await outcome(gateway.tlsPort, { client: old, ...key })).toBe('403 Certificate has expired')
      }
      await gateway.set({ ...bound, use_mutual_tls_auth: false })
      expect(await outcome(gateway.tlsPort, withKey)).toBe('200')
    })

    test('must be in the store when the key is made', async () => {
      await using gateway = await started(bound)
      const make = (id: string) =>
        control(
          gateway,
          'POST',
          '/tyk/keys/other-key',
          JSON.stringify({ ...session, mtls_static_certificate_bindings: [id] }),
        )
      const message = (text: string) => [400, { status: 'error', message: text }]
      const unknown = `default${'0'.repeat(64)}`
      expect(await make(unknown)).toEqual(message(`certificate not found: ${unknown}`))
      expect(await make('/etc/passwd')).toEqual(message('invalid certificate ID: /etc/passwd'))
    })
  })

  describe('that keys belong to', () => {
    const dynamic = { use_keyless: false, auth: { use_certificate: true } }
    const make = async (gateway: Gateway, certificate: string, changes: object = {}) =>
      control(gateway, 'POST', '/tyk/keys/create', JSON.stringify({ ...session, certificate, ...changes }))

    test('open the API without any other credential', async () => {
      const [bob, old] = [await createLeaf('bob'), await createLeaf('old', { days: [-10, -1] })]
      await using gateway = await started(dynamic)
      const id = await store(gateway, ann)
      const [, { key }] = (await make(gateway, id)) as [number, { key: string }]
      expect(await make(gateway, id)).toEqual([
        500,
        { status: 'error', message: `Failed to create key - Key with given certificate already found:${key}` },
      ])
      await make(gateway, `default${bob.sha256}`)
      expect(await outcome(gateway.tlsPort, { client: ann })).toBe('200')
      expect(await outcome(gateway.tlsPort)).toBe('401 Client certificate required')
      // What the key is made of is no secret.
      expect(await outcome(gateway.tlsPort, { headers: { authorization: key } })).toBe(
        '401 Client certificate required',
      )
      expect(await outcome(gateway.tlsPort, { client: await createLeaf('eve') })).toBe(
        '401 Access to this API has been disallowed',
      )
      expect(await outcome(gateway.tlsPort, { client: old })).toBe('403 Certificate has expired')
      // It has a key, and is not in the store.
      expect(await outcome(gateway.tlsPort, { client: bob })).toBe('403 Access to this API has been disallowed')
      await control(gateway, 'DELETE', `/tyk/certs/${id}?org_id=default`)
      expect(await outcome(gateway.tlsPort, { client: ann })).toBe('403 Access to this API has been disallowed')
    })

    test('must be shown, unless the configuration says otherwise', async () => {
      await using gateway = await started(dynamic, { security: { allow_unsafe_dynamic_mtls_token: true } })
      const cay = await createLeaf('cay')
      const [, { key }] = (await make(gateway, await store(gateway, cay))) as [number, { key: string }]
      await control(gateway, 'POST', '/tyk/keys/free-key', JSON.stringify(session))
      expect(await outcome(gateway.tlsPort, { headers: { authorization: key } })).toBe('200')
      expect(await outcome(gateway.tlsPort, { headers: { authorization: 'free-key' } })).toBe('200')
      expect(await outcome(gateway.tlsPort, { client: cay })).toBe('200')
      expect(await outcome(gateway.tlsPort, { client: cay, headers: { authorization: 'free-key' } })).toBe('200')
      expect(await outcome(gateway.tlsPort, { client: await createLeaf('eve'), headers: { authorization: key } })).toBe(
        '401 Access to this API has been disallowed',
      )
      expect(await outcome(gateway.tlsPort)).toBe('403 Access to this API has been disallowed')
      expect(await outcome(gateway.tlsPort, { client: cay, headers: { authorization: 'no-such-key' } })).toBe(
        '403 Access to this API has been disallowed',
      )
    })

    test('keep their keys from being used elsewhere without them', async () => {
      await using gateway = await startGateway({
        redisPort: redis.port,
        apis: {
          'app.json': keylessApi(upstream.url, { use_keyless: false }),
          'b.json': keylessApi(upstream.url, { ...dynamic, api_id: 'b', proxy: { listen_path: '/b/' } }),
        },
        conf: { enable_analytics: false },
      })
      const eve = await createLeaf('eve')
      const id = await store(gateway, eve)
      const access_rights = { ...rights, b: { api_id: 'b', versions: ['Default'] } }
      const [, { key }] = (await make(gateway, id, { access_rights })) as [number, { key: string }]
      await control(gateway, 'POST', '/tyk/keys/free-key', JSON.stringify({ ...session, access_rights }))
      const status = async (path: string, authorization?: string): Promise<number> =>
        (await fetch(gateway.url + path, authorization === undefined ? {} : { headers: { authorization } })).status
      expect([await status('/app/x', key), await status('/b/x', key)]).toEqual([403, 403])
      expect([await status('/app/x', 'free-key'), await status('/b/x', 'free-key')]).toEqual([200, 200])
      expect([await status('/app/x'), await status('/b/x')]).toEqual([401, 403])
    })

    test('can be exchanged for others that are in the store', async () => {
      await using gateway = await started(dynamic)
      const [one, two] = [await createLeaf('one'), await createLeaf('two')]
      const [, { key }] = (await make(gateway, await store(gateway, one))) as [number, { key: string }]
      const change = (certificate: string) =>
        control(gateway, 'PUT', `/tyk/keys/${key}`, JSON.stringify({ ...session, certificate }))
      const message = (text: string) => [400, { status: 'error', message: text }]
      expect(await change('')).toEqual(message('Key cannot be used without a certificate'))
      expect(await change(`default${two.sha256}`)).toEqual(message('Key must be used with an existent certificate'))
      expect(await change(await store(gateway, two))).toMatchObject([200, { action: 'modified' }])
    })
  })

  test('are added, listed, described and removed through the control API', async () => {
    await using gateway = await started({})
    const bob = await createLeaf('bob')
    const id = `acme${bob.sha256}`
    const certs = (method: string, path = '', body = '', query = '') =>
      control(gateway, method, `/tyk/certs${path}?org_id=acme${query}`, body)
    expect(await certs('POST', '', bob.cert)).toEqual([200, { id, status: 'ok', message: 'Certificate added' }])
    expect(await certs('POST', '', bob.cert)).toEqual([
      403,
      { status: 'error', message: `Certificate with ${id} id already exists` },
    ])
    expect(await certs('GET')).toEqual([200, { certs: [id] }])
    expect(await certs('GET', `/${id}`)).toMatchObject([
      200,
      { id, fingerprint: bob.sha256, has_private: false, subject: 'CN=bob', is_ca: false },
    ])
    expect(await certs('GET', '', '', '&mode=detailed')).toEqual([
      200,
      {
        certs: [
          {
            id,
            issuer_cn: 'bob',
            subject_cn: 'bob',
            dns_names: ['bob'],
            has_private: false,
            not_before: bob.certificate.validFromDate.toISOString(),
            not_after: bob.certificate.validToDate.toISOString(),
            is_ca: false,
          },
        ],
      },
    ])
    expect(await certs('GET', `/${id},acme${'0'.repeat(64)}`)).toMatchObject([200, [{ id }]])
    expect(await certs('DELETE', `/${id}`)).toEqual([200, { status: 'ok', message: 'removed' }])
    expect((await certs('DELETE', `/${id}`))[0]).toBe(404)
    expect((await certs('GET', `/${id}`))[0]).toBe(404)
    expect(await certs('GET')).toEqual([200, { certs: [] }])
    expect((await certs('POST', '', 'no certificate'))[0]).toBe(403)
    expect((await certs('POST', '', `${bob.key}\n${bob.cert}`))[0]).toBe(403)
    expect(await certs('GET')).toEqual([200, { certs: [] }])
  })
})
