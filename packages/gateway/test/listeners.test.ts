import https from 'node:https'
import net from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority, type Authority, type Certificate } from '../../../test/support/certificates.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { recordsUntil } from '../../../test/support/read-records.ts'
import { freePort, redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { readBody, startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'
import { connectHttp2, type Http2Client } from './support/http2.ts'
import { rawRequest } from './support/raw-http.ts'

/** Tells what it was sent; some paths misbehave on purpose. */
async function startEcho(): Promise<Upstream> {
  return startUpstream(async (req, res) => {
    if (req.url === '/cookies') {
      res.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Connection', 'close', 'X-É', 'é'].slice(0, 6))
      res.end('ok')
      return
    }
    if (req.url === '/cut') {
      res.write('part')
      setImmediate(() => res.destroy())
      return
    }
    if (req.url === '/trailers') {
      res.setHeader('Trailer', 'X-Sum')
      res.write('body')
      res.addTrailers({ 'X-Sum': '42' })
      res.end()
      return
    }
    if (req.url === '/empty') {
      res.writeHead(204).end()
      return
    }
    const body = (await readBody(req)).toString()
    res.setHeader('Content-Type', 'application/json')
    res.end(JSON.stringify({ method: req.method, url: req.url, headers: req.rawHeaders, body }))
  })
}

/** Without Redis a stop would wait for it to take the records. */
const quiet = { enable_analytics: false }

const status = async (url: string): Promise<number> => (await fetch(url)).status

describe('listeners of APIs with a port of their own', () => {
  let upstream: Upstream
  beforeAll(async () => {
    upstream = await startEcho()
  })
  afterAll(() => upstream?.close())

  test('open and close with reloads, route only their APIs, and carry no control API', async () => {
    const port = await freePort()
    const second = await freePort()
    await using gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { listen_port: port }) },
      conf: { ...quiet, ports_whitelist: { http: { ports: [port], ranges: [{ from: second, to: second }] } } },
    })
    const own = `http://127.0.0.1:${port}`
    expect(await status(`${own}/app/x`)).toBe(200)
    expect(await status(`${gateway.url}/app/x`)).toBe(404)
    expect(await status(`${own}/hello`)).toBe(404)
    expect(await status(`${own}/tyk/reload`)).toBe(404)

    await gateway.writeApi('app.json', keylessApi(upstream.url, { listen_port: second }))
    await gateway.reload()
    expect(await status(`http://127.0.0.1:${second}/app/x`)).toBe(200)
    await expect(fetch(`${own}/app/x`)).rejects.toThrow('fetch failed')

    await gateway.writeApi('app.json', keylessApi(upstream.url))
    await gateway.reload()
    expect(await status(`${gateway.url}/app/x`)).toBe(200)
    await expect(fetch(`http://127.0.0.1:${second}/app/x`)).rejects.toThrow('fetch failed')
  })

  test('let a request end that a reload finds in flight', async () => {
    const port = await freePort()
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>()
    await using slow = await startUpstream(async (_, res) => {
      res.write('begun ')
      await answered
      res.end('done')
    })
    await using gateway = await startGateway({
      apis: { 'app.json': keylessApi(slow.url, { listen_port: port }) },
      conf: { ...quiet, disable_ports_whitelist: true },
    })
    const response = await fetch(`http://127.0.0.1:${port}/app/x`)
    await gateway.writeApi('app.json', keylessApi(slow.url))
    await gateway.reload()
    answer()
    expect(await response.text()).toBe('begun done')
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['that is not in the whitelist', {}, 'trying to open disabled port'],
    ['that is in the list of another protocol', { protocol: 'h2c' }, 'trying to open disabled port'],
  ])('a port %s is not opened, and the other APIs are served', async (_, changes, line) => {
    const port = await freePort()
    await using gateway = await startGateway({
      apis: {
        'a.json': keylessApi(upstream.url, {
          api_id: 'a',
          listen_port: port,
          proxy: { listen_path: '/a/' },
          ...changes,
        }),
        'b.json': keylessApi(upstream.url),
      },
      conf: { ...quiet, ports_whitelist: 'protocol' in changes ? { http: { ports: [port] } } : {} },
    })
    expect(await status(`${gateway.url}/app/x`)).toBe(200)
    await gateway.program.waitForLine(line)
    await expect(fetch(`http://127.0.0.1:${port}/a/`)).rejects.toThrow('fetch failed')
  })

  test('an API that asks for another protocol than its port speaks is unreachable and logged', async () => {
    await using gateway = await startGateway({ apis: { 'app.json': keylessApi(upstream.url, { protocol: 'h2c' }) } })
    expect(await status(`${gateway.url}/app/x`)).toBe(404)
    await gateway.program.waitForLine("Can't get router for protocol h2c")
  })

  test('an API with protocol tcp is skipped with the reason', async () => {
    await using gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { protocol: 'tcp', listen_port: await freePort() }) },
    })
    await gateway.program.waitForLine('protocol tcp is not in force yet')
  })
})

describe('HTTP/2 without TLS', () => {
  let redis: RedisServer
  let upstream: Upstream
  let gateway: Gateway
  let client: Http2Client

  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startEcho()
    gateway = await startGateway({
      redisPort: redis.port,
      apis: {
        'app.json': keylessApi(upstream.url),
        'gone.json': keylessApi('http://127.0.0.1:1', { api_id: 'gone', proxy: { listen_path: '/gone/' } }),
      },
    })
    client = await connectHttp2(gateway.url)
  })
  afterAll(async () => {
    await client?.[Symbol.asyncDispose]()
    await gateway?.stop()
    await upstream?.close()
    await redis?.stop()
  })

  const echoed = (body: string): { headers: string[]; body: string; url: string } => JSON.parse(body)

  test('is served on the port of HTTP/1.1, with the headers an HTTP/1.1 upstream expects', async () => {
    const answer = await client.request({
      ':path': '/app/x?q=1',
      'x-one': ['1', '2'],
      cookie: ['a=1', 'b=2'],
      te: 'trailers',
    })
    expect(answer.status).toBe(200)
    expect(answer.headers).toContain('x-ratelimit-limit')
    const seen = echoed(answer.body)
    expect(seen.url).toBe('/x?q=1')
    expect(seen.headers.filter((_, i) => i % 2 === 0)).not.toContain(':path')
    expect(seen.headers.join('|')).toContain('X-One|1|X-One|2')
    expect(seen.headers.join('|')).toContain('Cookie|a=1; b=2')
    expect(seen.headers.join('|')).toContain('Te|trailers')
    expect(seen.headers.slice(0, 2)).toEqual(['Host', `127.0.0.1:${upstream.port}`])
    expect(await status(`${gateway.url}/app/x`)).toBe(200)
  })

  test('streams a body of unknown length on, and passes one with a length on with it', async () => {
    const chunked = echoed((await client.request({ ':path': '/app/x', ':method': 'POST' }, 'hello')).body)
    expect(chunked.body).toBe('hello')
    expect(chunked.headers).toContain('Transfer-Encoding')
    const headers = { ':path': '/app/x', ':method': 'POST', 'content-length': '5' }
    const sized = echoed((await client.request(headers, 'hello')).body)
    expect(sized.body).toBe('hello')
    expect(sized.headers).toContain('Content-Length')
  })

  test('keeps repeated answer lines apart and drops what belongs to a connection', async () => {
    const { headers } = await client.request({ ':path': '/app/cookies' })
    expect(headers.filter((_, i) => headers[i - 1] === 'set-cookie')).toEqual(['a=1', 'b=2'])
    expect(headers).not.toContain('connection')
  })

  test('passes trailers on', async () => {
    expect(await client.request({ ':path': '/app/trailers' })).toMatchObject({
      body: 'body',
      trailers: ['x-sum', '42'],
    })
  })

  test.each([
    ['/app/empty', 'GET', 204],
    ['/app/x', 'HEAD', 200],
    ['/none', 'GET', 404],
    ['/app//x', 'GET', 301],
    ['/gone/x', 'GET', 500],
    ['/hello', 'GET', 200],
    ['/tyk/apis', 'GET', 403],
  ])('%s (%s) is answered %i', async (path, method, expected) => {
    const answer = await client.request({ ':path': path, ':method': method })
    expect(answer).toMatchObject({ status: expected, whole: true })
  })

  test('resets the stream when the upstream breaks off, instead of ending it as if whole', async () => {
    const answer = await client.request({ ':path': '/app/cut' })
    expect(answer).toMatchObject({ status: 200, body: 'part', whole: false })
  })

  test('records the request, and 499 when the client resets it', async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
    await using silent = await startUpstream(() => arrive())
    await gateway.writeApi(
      'silent.json',
      keylessApi(silent.url, { api_id: 'silent', proxy: { listen_path: '/silent/' } }),
    )
    await gateway.reload()
    const stream = client.session.request({ ':path': '/silent/x' })
    stream.on('error', () => {})
    await arrived
    stream.close(8)
    const records = await recordsUntil(redis.url, (record) => record.originalPath === '/silent/x')
    expect(records.at(-1)).toMatchObject({ responseCode: 499 })
  })

  test('a request that the client resets in mid-body does not look whole to the upstream', async () => {
    const outcomes: string[] = []
    await using upload = await startUpstream((req) => {
      req.on('data', () => outcomes.push('data'))
      req.on('end', () => outcomes.push('end'))
      req.on('error', () => outcomes.push('error'))
    })
    await gateway.writeApi('up.json', keylessApi(upload.url, { api_id: 'up', proxy: { listen_path: '/up/' } }))
    await gateway.reload()
    const cutter = new AbortController()
    const stream = client.session.request({ ':path': '/up/x', ':method': 'POST' }, { signal: cutter.signal })
    stream.on('error', () => {})
    stream.write('half')
    await eventually(() => expect(outcomes).toContain('data'))
    cutter.abort()
    await eventually(() => expect(outcomes).toEqual(['data', 'error']))
  })

  test('a preface that arrives in pieces is recognised, and half a one is refused', async () => {
    const socket = net.connect(gateway.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.setNoDelay(true)
    socket.write('PRI * HT')
    await new Promise((resolve) => setImmediate(resolve))
    socket.write('TP/2.0\r\n\r\nSM\r\n\r\n')
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    const [first] = (await once(socket, 'data')) as [Buffer]
    // A SETTINGS frame.
    expect(first[3]).toBe(4)
    socket.destroy()
    expect(await rawRequest(gateway.port, 'PRI /x HTTP/1.1\r\nHost: h\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
  })
})

describe.skipIf(redisSkipReason())('TLS', () => {
  let authority: Authority
  let first: Certificate
  let upstream: Upstream
  beforeAll(async () => {
    authority = await createAuthority()
    first = await authority.issue({ cn: 'first.test', names: ['first.test'], ips: ['127.0.0.1'] })
    upstream = await startEcho()
  })
  afterAll(async () => {
    await upstream?.close()
    await authority?.[Symbol.asyncDispose]()
  })

  async function reloadOverTls(gateway: Gateway, port = gateway.port): Promise<void> {
    const agent = new https.Agent({ rejectUnauthorized: false })
    await new Promise<void>((resolve, reject) => {
      const headers = { 'x-tyk-authorization': gateway.secret }
      const url = `https://127.0.0.1:${port}/tyk/reload?block=true`
      https.get(url, { agent, headers }, (res) => res.resume().on('end', resolve)).on('error', reject)
    })
    agent.destroy()
  }

  async function startTls(
    options: Record<string, unknown> = {},
    apis: Record<string, unknown> = {},
    conf: Record<string, unknown> = {},
  ): Promise<Gateway> {
    const port = await freePort()
    const gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url), ...apis },
      conf: {
        ...quiet,
        listen_port: port,
        http_server_options: { use_ssl: true, ssl_certificates: [first.file], ...options },
        disable_ports_whitelist: true,
        ...conf,
      },
      unchecked: true,
    })
    await gateway.program.waitForLine(/Listening on port/)
    return Object.assign(gateway, { port })
  }

  async function handshake(port: number, options: tls.ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = tls.connect({ port, host: '127.0.0.1', ca: authority.cert, rejectUnauthorized: false, ...options })
    await once(socket, 'secureConnect')
    socket.on('error', () => {})
    return socket
  }

  const commonName = async (port: number, servername?: string): Promise<unknown> => {
    const socket = await handshake(port, servername === undefined ? {} : { servername })
    const { CN } = socket.getPeerCertificate().subject
    socket.destroy()
    return CN
  }

  test('chooses the certificate by exact name, then wildcard, else the first; APIs add theirs by reload', async () => {
    const second = await authority.issue({ cn: 'second.test', names: ['second.test', '*.wild.test'] })
    const named = await authority.issue({ cn: 'pair.test', names: [] })
    const ofApi = await authority.issue({ cn: 'api.test' })
    await using gateway = await startTls({
      ssl_certificates: [first.file, second.file],
      certificates: [{ domain_name: 'alias.test', cert_file: named.certFile, key_file: named.keyFile }],
    })
    expect(await commonName(gateway.port, 'second.test')).toBe('second.test')
    expect(await commonName(gateway.port, 'SECOND.test')).toBe('second.test')
    expect(await commonName(gateway.port, 'a.wild.test')).toBe('second.test')
    expect(await commonName(gateway.port, 'a.b.wild.test')).toBe('pair.test')
    expect(await commonName(gateway.port, 'alias.test')).toBe('pair.test')
    expect(await commonName(gateway.port, 'api.test')).toBe('pair.test')
    expect(await commonName(gateway.port)).toBe('pair.test')

    await gateway.writeApi('app.json', keylessApi(upstream.url, { certificates: [ofApi.file] }))
    gateway.program.kill('SIGHUP')
    await reloadOverTls(gateway)
    expect(await commonName(gateway.port, 'api.test')).toBe('api.test')
  })

  test('offers a renewed certificate after a reload, and the old one as long as the new one is not whole', async () => {
    const renewed = await authority.issue({ cn: 'old.test' })
    const next = await authority.issue({ cn: 'new.test' })
    const controlPort = await freePort()
    await using gateway = await startTls({ ssl_certificates: [renewed.file] }, {}, { control_api_port: controlPort })
    await writeFile(renewed.file, next.cert + renewed.key)
    await reloadOverTls(gateway, controlPort)
    expect(await commonName(gateway.port)).toBe('old.test')
    await gateway.program.waitForLine('Certificate cannot be offered')
    await writeFile(renewed.file, next.cert + next.key)
    await reloadOverTls(gateway, controlPort)
    expect([await commonName(gateway.port), await commonName(controlPort)]).toEqual(['new.test', 'new.test'])
  })

  test('keeps to the version range and the cipher suites', async () => {
    await using gateway = await startTls({
      max_version: 771,
      ssl_ciphers: ['tls_ecdhe_ecdsa_with_chacha20_poly1305', 'TLS_NO_SUCH_SUITE'],
    })
    await gateway.program.waitForLine('Unknown cipher suites in ssl_ciphers, ignored')
    const socket = await handshake(gateway.port)
    expect([socket.getProtocol(), socket.getCipher().name]).toEqual(['TLSv1.2', 'ECDHE-ECDSA-CHACHA20-POLY1305'])
    socket.destroy()
    await expect(handshake(gateway.port, { minVersion: 'TLSv1.3' })).rejects.toThrow('alert')
    await expect(handshake(gateway.port, { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).rejects.toThrow('alert')
  })

  test('an API can have a TLS port beside a plain main port', async () => {
    const port = await freePort()
    await using gateway = await startGateway({
      apis: {
        'app.json': keylessApi(upstream.url, { protocol: 'https', listen_port: port, certificates: [first.file] }),
      },
      conf: { ...quiet, disable_ports_whitelist: true },
    })
    expect(await commonName(port, 'first.test')).toBe('first.test')
    expect(await status(`${gateway.url}/app/x`)).toBe(404)
  })
})
