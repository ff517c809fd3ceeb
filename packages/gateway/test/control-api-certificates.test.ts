import { rename, writeFile } from 'node:fs/promises'
import https from 'node:https'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority, type Authority, type Certificate } from '../../../test/support/certificates.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { freePort, redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'
import { createCa, createLeaf, type Identity } from './support/client-certificates.ts'
import { connectHttp2 } from './support/http2.ts'

interface AskOptions {
  readonly client?: Identity
  /** Sent behind the client's own certificate. */
  readonly chain?: readonly Identity[]
  readonly path?: string
  readonly method?: string
  readonly body?: string
  readonly servername?: string
  readonly secret?: string
}

const ALLOWED = [200, 'ok'] as const
const refusal = (message: string) => [403, message] as const
const MISSING = refusal('Client TLS certificate is required')
const notAllowed = ({ sha256 }: Identity) => refusal(`Certificate with SHA256 ${sha256} not allowed`)

describe.skipIf(redisSkipReason())('a control API that asks for client certificates', () => {
  let redis: RedisServer
  let upstream: Upstream
  let authority: Authority
  let server: Certificate
  let ca: Identity
  let ann: Identity
  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startUpstream((_, res) => res.end('ok'))
    authority = await createAuthority()
    server = await authority.issue({ cn: 'gateway.test', names: ['gateway.test', 'admin.test'] })
    ca = await createCa('operators')
    ann = await createLeaf('ann', { issuer: ca })
  })
  afterAll(async () => {
    await upstream?.close()
    await redis?.stop()
    await authority?.[Symbol.asyncDispose]()
  })

  /** A gateway with TLS; `allowed` are the certificates of its control API. */
  async function started(
    allowed: readonly string[],
    { conf = {}, options = {} }: { conf?: Record<string, unknown>; options?: Record<string, unknown> } = {},
  ): Promise<Gateway> {
    const port = await freePort()
    const gateway = await startGateway({
      redisPort: redis.port,
      apis: { 'app.json': keylessApi(upstream.url) },
      conf: {
        listen_port: port,
        enable_analytics: false,
        http_server_options: { use_ssl: true, ssl_certificates: [server.file], ...options },
        security: { control_api_use_mutual_tls: true, certificates: { control_api: allowed } },
        ...conf,
      },
      unchecked: true,
    })
    await gateway.program.waitForLine(/Listening on port/)
    return Object.assign(gateway, { port })
  }

  /** Status, and the answer: its message, or `ok` when there is nothing wrong. */
  function ask(port: number, options: AskOptions = {}): Promise<readonly [number, string]> {
    const { client, chain = [], path = '/tyk/apis', method = 'GET', servername = 'gateway.test', body = '' } = options
    const own =
      client === undefined ? {} : { cert: [client, ...chain].map(({ cert }) => cert).join('\n'), key: client.key }
    const headers = {
      'x-tyk-authorization': options.secret ?? 'test-secret',
      'content-length': Buffer.byteLength(body),
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly [number, string]>()
    https
      .request(
        { host: '127.0.0.1', port, path, method, headers, servername, rejectUnauthorized: false, agent: false, ...own },
        (res) => {
          let text = ''
          res.on('data', (chunk: Buffer) => (text += chunk.toString()))
          res.on('end', () => resolve([res.statusCode ?? 0, res.statusCode === 200 ? 'ok' : messageOf(text)]))
        },
      )
      .on('error', reject)
      .end(body)
    return promise
  }

  function messageOf(text: string): string {
    const { status, message } = JSON.parse(text) as { status: string; message: string }
    expect(status).toBe('error')
    return message
  }

  test('lets in those whose certificate is listed by path, as text or through its authority, and no others', async () => {
    const [bob, eve] = [await createLeaf('bob'), await createLeaf('eve')]
    const middle = await createCa('middle', { issuer: ca })
    const deputy = await createLeaf('deputy', { issuer: middle })
    const gateway = await started([join(authority.certFile, '..', 'bob.pem'), ca.cert])
    await using _ = gateway
    await writeFile(join(authority.certFile, '..', 'bob.pem'), bob.cert)
    await gateway.program.waitForLine(/Tyk Gateway started/)
    for (const client of [ann, bob]) expect(await ask(gateway.port, { client })).toEqual(ALLOWED)
    expect(await ask(gateway.port, { client: deputy, chain: [middle] })).toEqual(ALLOWED)
    expect(await ask(gateway.port, { client: deputy })).toEqual(notAllowed(deputy))
    expect(await ask(gateway.port, { client: eve })).toEqual(notAllowed(eve))
    expect(await ask(gateway.port, { client: eve, chain: [ca] })).toEqual(notAllowed(eve))
    expect(await ask(gateway.port)).toEqual(MISSING)
  })

  test('needs the secret as well, and tells nothing about it without a certificate', async () => {
    await using gateway = await started([ca.cert])
    const wrong = { secret: 'wrong' }
    expect(await ask(gateway.port, { client: ann, ...wrong })).toEqual(
      refusal('Attempted administrative access with invalid or missing key!'),
    )
    expect(await ask(gateway.port, wrong)).toEqual(MISSING)
    await gateway.program.waitForLine(/Control API client certificate refused/)
  })

  test('asks on every path below /tyk/, in every way to write it, and for every method', async () => {
    await using gateway = await started([ca.cert])
    for (const path of [
      '/tyk/',
      '/tyk/apis/',
      '/tyk/no-such-path',
      '/tyk/%61pis',
      '/tyk/keys/a%2Fb',
      '/tyk/../tyk/apis',
    ]) {
      expect(await ask(gateway.port, { path })).toEqual(MISSING)
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      expect(await ask(gateway.port, { method, body: '{}' })).toEqual(MISSING)
    }
  })

  test('leaves APIs and health endpoints of the same port alone', async () => {
    await using gateway = await started([ca.cert])
    for (const path of ['/hello', '/ready', '/app/x']) expect(await ask(gateway.port, { path })).toEqual(ALLOWED)
  })

  test('covers everything on a port of its own, and nothing on the other', async () => {
    const control = await freePort()
    await using gateway = await started([ca.cert], { conf: { control_api_port: control } })
    for (const path of ['/hello', '/ready', '/tyk/apis', '/elsewhere']) {
      expect(await ask(control, { path })).toEqual(MISSING)
    }
    for (const path of ['/hello', '/tyk/apis']) expect(await ask(control, { path, client: ann })).toEqual(ALLOWED)
    expect(await ask(gateway.port, { path: '/app/x' })).toEqual(ALLOWED)
  })

  test('covers health endpoints under the host name of the control API', async () => {
    await using gateway = await started([ca.cert], { conf: { control_api_hostname: 'Admin.test' } })
    const admin = { servername: 'admin.test' }
    for (const path of ['/hello', '/tyk/apis']) {
      expect(await ask(gateway.port, { path, ...admin })).toEqual(MISSING)
      expect(await ask(gateway.port, { path, ...admin, client: ann })).toEqual(ALLOWED)
    }
    expect(await ask(gateway.port, { path: '/hello' })).toEqual(ALLOWED)
    expect(await ask(gateway.port)).toEqual(MISSING)
  })

  test('refuses certificates that have expired, whether they or their authority are listed', async () => {
    const days = [-10, -1] as const
    const [listed, issued] = [await createLeaf('listed', { days }), await createLeaf('issued', { days, issuer: ca })]
    const oldCa = await createCa('old', { days })
    const ofOldCa = await createLeaf('young', { issuer: oldCa })
    await using gateway = await started([listed.cert, ca.cert, oldCa.cert])
    for (const client of [listed, issued]) {
      expect(await ask(gateway.port, { client })).toEqual(refusal('Certificate has expired'))
    }
    expect(await ask(gateway.port, { client: ofOldCa })).toEqual(notAllowed(ofOldCa))
  })

  test('finds certificates in the store by their id, also while Redis is away', async () => {
    await using own = await startRedis()
    const bob = await createLeaf('bob')
    await using gateway = await started([ca.cert, `default${bob.sha256}`], {
      conf: { storage: { type: 'redis', host: '127.0.0.1', port: own.port } },
    })
    expect(await ask(gateway.port, { client: bob })).toEqual(notAllowed(bob))
    const path = '/tyk/certs?org_id=default'
    expect(await ask(gateway.port, { client: ann, method: 'POST', path, body: bob.cert })).toEqual(ALLOWED)
    expect(await ask(gateway.port, { client: bob })).toEqual(ALLOWED)
    await own.stop()
    // Asked for anew, and not to be had.
    await ask(gateway.port, { client: ann, path: '/tyk/reload?block=true' })
    expect(await ask(gateway.port, { client: bob })).toEqual(ALLOWED)
  })

  test('takes a changed file with the next reload: the new certificate is let in, the old one no longer', async () => {
    const [old, next] = [await createLeaf('old'), await createLeaf('next')]
    const file = join(authority.certFile, '..', 'operator.pem')
    await writeFile(file, old.cert)
    await using gateway = await started([file, ca.cert])
    expect(await ask(gateway.port, { client: old })).toEqual(ALLOWED)
    await writeFile(`${file}.new`, next.cert)
    await rename(`${file}.new`, file)
    expect(await ask(gateway.port, { client: ann, path: '/tyk/reload?block=true' })).toEqual(ALLOWED)
    expect(await ask(gateway.port, { client: next })).toEqual(ALLOWED)
    expect(await ask(gateway.port, { client: old })).toEqual(notAllowed(old))
  })

  test('asks over HTTP/2 as well', async () => {
    await using gateway = await started([ca.cert], {
      options: { enable_http2: true },
      conf: { control_api_hostname: 'admin.test' },
    })
    const url = `https://127.0.0.1:${gateway.port}`
    const get = (path: string) => ({ ':path': path, 'x-tyk-authorization': gateway.secret })
    await using unknown = await connectHttp2(url, { rejectUnauthorized: false })
    expect(await unknown.request(get('/tyk/apis'))).toMatchObject({ status: 403 })
    expect(await unknown.request(get('/hello'))).toMatchObject({ status: 200 })
    await using admin = await connectHttp2(url, { rejectUnauthorized: false, servername: 'admin.test' })
    expect(await admin.request(get('/hello'))).toMatchObject({ status: 403 })
    await using known = await connectHttp2(url, { rejectUnauthorized: false, cert: ann.cert, key: ann.key })
    expect(await known.request(get('/tyk/apis'))).toMatchObject({ status: 200 })
  })

  test('is shut and says so without TLS, and without any certificate to let in', async () => {
    await using plain = await startGateway({
      redisPort: redis.port,
      conf: { security: { control_api_use_mutual_tls: true, certificates: { control_api: [ca.cert] } } },
    })
    const answer = await fetch(`${plain.url}/tyk/apis`, { headers: { 'x-tyk-authorization': plain.secret } })
    expect([answer.status, await answer.text()]).toEqual([403, '{"status":"error","message":"TLS not enabled"}\n'])
    await plain.program.waitForLine('use_ssl is off: every call of the control API is refused')
    await using empty = await started([])
    expect(await ask(empty.port, { client: ann })).toEqual(notAllowed(ann))
    await empty.program.waitForLine('certificates.control_api is empty')
  })

  test('asks in every process of a gateway, and a reload reaches them all', async () => {
    const [old, next] = [await createLeaf('old'), await createLeaf('next')]
    const file = join(authority.certFile, '..', 'shared.pem')
    await writeFile(file, old.cert)
    await using gateway = await started([file, ca.cert], { conf: { workers: 2 } })
    const all = (client?: Identity) =>
      Promise.all(Array.from({ length: 8 }, () => ask(gateway.port, client === undefined ? {} : { client })))
    expect(new Set((await all()).map(([status]) => status))).toEqual(new Set([403]))
    expect(new Set((await all(old)).map(([status]) => status))).toEqual(new Set([200]))
    await writeFile(file, next.cert)
    expect(await ask(gateway.port, { client: ann, path: '/tyk/reload?block=true' })).toEqual(ALLOWED)
    expect(new Set((await all(next)).map(([status]) => status))).toEqual(new Set([200]))
    expect(new Set((await all(old)).map(([status]) => status))).toEqual(new Set([403]))
  })
})
