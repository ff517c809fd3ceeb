import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import type net from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { recordsUntil } from '../../../test/support/read-records.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'
import { rawRequest, startRawUpstream, type RawUpstream } from './support/raw-http.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok'
const ANSWERS: Record<string, string> = {
  '/reset-in-body': 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
  '/names':
    'HTTP/1.1 200 OK\r\nx-lower: 1\r\nETAG: "x"\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nConnection: X-Hop\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok',
  '/sniff': 'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n<html></html>\n',
  '/empty': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  '/trailers':
    'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n',
  '/big-header': `HTTP/1.1 200 OK\r\nX-Big: ${'b'.repeat(100_000)}\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok`,
  '/limit': 'HTTP/1.1 200 OK\r\nX-RateLimit-Limit: 9\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok',
  '/not-http': 'SSH-2.0-OpenSSH\r\n\r\n',
}

function serve(socket: net.Socket, received: string): void {
  if (!received.endsWith('\r\n\r\n')) return
  const line = received.lastIndexOf(' HTTP/1.1')
  const name = Object.keys(ANSWERS).find((each) => received.slice(0, line).endsWith(each))
  socket.write(name === undefined ? OK : (ANSWERS[name] as string), 'latin1')
  if (name === '/reset-in-body') socket.end()
}

describe.skipIf(redisSkipReason()).each(['direct', 'http-proxy'])('an ordinary request on the %s lane', (transport) => {
  let redis: RedisServer
  let raw: RawUpstream
  let gateway: Gateway

  beforeAll(async () => {
    redis = await startRedis()
    raw = await startRawUpstream(serve)
    gateway = await startGateway({
      redisPort: redis.port,
      apis: {
        'app.json': keylessApi(raw.url),
        'gone.json': keylessApi('http://127.0.0.1:1', { api_id: 'gone', proxy: { listen_path: '/gone/' } }),
        'host.json': keylessApi(raw.url, {
          api_id: 'host',
          proxy: { listen_path: '/host/', preserve_host_header: true },
        }),
      },
      env: { TYK_GW_UPSTREAMTRANSPORT: transport },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await raw?.[Symbol.asyncDispose]()
    await redis?.stop()
  })

  const ask = (lines: string, path = '/app/x', method = 'GET'): Promise<string> =>
    rawRequest(gateway.port, `${method} ${path} HTTP/1.1\r\nHost: client.test\r\nConnection: close\r\n${lines}\r\n`)
  /** The last request that reached the upstream. */
  const seen = (): string => {
    const all = raw.received.join('')
    return all.slice(all.lastIndexOf(' HTTP/1.1\r\n') + ' HTTP/1.1\r\n'.length)
  }

  test('reaches the upstream with canonical names, one line per line, and nothing invented', async () => {
    await ask('x-LOWER-a: 1\r\nX-Twice: a\r\nx-twice: b\r\nUser-Agent: t\r\nVia: 1.1 edge\r\n')
    expect(seen().split('\r\n').toSorted()).toEqual(
      [
        '',
        '',
        `Host: 127.0.0.1:${raw.port}`,
        'User-Agent: t',
        'Via: 1.1 edge',
        'X-Forwarded-For: 127.0.0.1',
        'X-Lower-A: 1',
        'X-Twice: a',
        'X-Twice: b',
      ].toSorted(),
    )
  })

  test('loses its hop-by-hop headers and those that Connection names, but keeps Te: trailers', async () => {
    await rawRequest(
      gateway.port,
      'GET /app/x HTTP/1.1\r\nHost: h\r\nConnection: close, X-Named\r\nX-Named: 1\r\nKeep-Alive: 1\r\nTE: trailers\r\nProxy-Authorization: x\r\nX-Kept: 1\r\n\r\n',
    )
    expect(seen()).toContain('Te: trailers')
    expect(seen()).toContain('X-Kept: 1')
    expect(seen()).not.toMatch(/X-Named|Keep-Alive|Proxy-Authorization|Connection/)
  })

  test('joins the lines of X-Forwarded-For and adds the peer', async () => {
    await ask('X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\n')
    expect(seen()).toContain('X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1\r\n')
  })

  test('gets an agent only when it has none; an empty one is left out', async () => {
    await ask('')
    expect(seen()).toMatch(/User-Agent: Tyk\/v\d/)
    await ask('User-Agent:\r\n')
    expect(seen()).not.toContain('User-Agent')
  })

  test('passes bytes above 0x7f through in header and path', async () => {
    await ask('X-Byte: caf\xe9\r\n', '/app/caf%C3%A9')
    expect(seen()).toContain('X-Byte: caf\xe9')
    expect(raw.received.join('')).toContain('GET /caf%C3%A9 HTTP/1.1')
  })

  test('keeps query and escapes as they came', async () => {
    await ask('', '/app/a%2Fb?q=%20+;x=1&y')
    expect(raw.received.join('')).toContain('GET /a%2Fb?q=%20+;x=1&y HTTP/1.1')
  })

  test('sends the host of the target, or the client’s with preserve_host_header', async () => {
    await ask('', '/host/x')
    expect(seen()).toContain('Host: client.test\r\n')
  })

  test('cannot use X-Tyk-Internal', async () => {
    await ask('X-Tyk-Internal: other\r\n')
    expect(seen()).not.toContain('X-Tyk-Internal')
  })

  test('is answered with canonical names, separate cookies and the three limits, without hop-by-hop headers', async () => {
    const answer = await ask('', '/app/names')
    expect(answer).toContain('\r\nX-Lower: 1\r\n')
    expect(answer).toContain('\r\nEtag: "x"\r\n')
    expect(answer).toContain('\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n')
    expect(answer).toContain('\r\nX-Ratelimit-Limit: 0\r\nX-Ratelimit-Remaining: 0\r\nX-Ratelimit-Reset: 0\r\n')
    expect(answer).toMatch(/\r\nDate: /)
    expect(answer).not.toMatch(/Keep-Alive|X-Hop|Server|X-Powered-By/)
  })

  test('has the upstream’s limits replaced', async () => {
    expect(await ask('', '/app/limit')).toMatch(/X-Ratelimit-Limit: 0/)
    expect(await ask('', '/app/limit')).not.toMatch(/: 9/)
  })

  test('gets a media type by its first bytes when the upstream names none; an empty body gets none', async () => {
    expect(await ask('', '/app/sniff')).toContain('\r\nContent-Type: text/html; charset=utf-8\r\n')
    expect(await ask('', '/app/empty')).not.toContain('Content-Type')
  })

  test('gets trailers', async () => {
    const answer = await ask('', '/app/trailers')
    expect(answer).toContain('\r\nTrailer: X-Sum\r\n')
    expect(answer).toMatch(/0\r\nX-Sum: 7\r\n\r\n$/)
  })

  test('gets a response header of 100 kB', async () => {
    expect(await ask('', '/app/big-header')).toContain('b'.repeat(100_000))
  })

  test('never looks whole when the upstream cut the body', async () => {
    const answer = await ask('', '/app/reset-in-body')
    expect(answer).toContain('half')
    expect(answer).not.toMatch(/0\r\n\r\n$/)
  })

  test.each([
    ['refused connection', '/gone/x', 500, 'There was a problem proxying the request'],
    ['answer that is no HTTP', '/app/not-http', 500, 'There was a problem proxying the request'],
  ])('is answered by the table after a %s', async (_, path, status, message) => {
    const answer = await ask('', path)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).toContain('\r\nX-Generator: tyk.io\r\n')
    expect(answer.endsWith(`{\n    "error": "${message}"\n}`)).toBe(true)
  })

  test.each([
    [
      'chunked and with a length',
      'POST /app/x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['with a bad chunk', 'POST /app/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['with a space before a colon', 'GET /app/x HTTP/1.1\r\nHost : h\r\n\r\n'],
    ['with two hosts', 'GET /app/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['without a host', 'GET /app/x HTTP/1.1\r\n\r\n'],
    ['with a bad percent escape', 'GET /app/%zz HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['with two lengths', 'POST /app/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  ])('is refused %s and nothing of it is recorded as served', async (_, text) => {
    expect(await rawRequest(gateway.port, text)).toMatch(/^HTTP\/1.1 400 /)
  })

  test('is refused with 431 when its headers are larger than 1 MiB', async () => {
    expect(await ask(`X-Big: ${'b'.repeat(1_100_000)}\r\n`)).toMatch(/^HTTP\/1.1 431 /)
    expect(await ask(`X-Big: ${'b'.repeat(900_000)}\r\n`)).toMatch(/^HTTP\/1.1 200 /)
  })

  test('leaves one record with the upstream’s path and host', async () => {
    await ask('User-Agent: recorded\r\nX-Real-IP: 9.9.9.9\r\n', '/app/get?x=1')
    const records = await recordsUntil(redis.url, (record) => record.userAgent === 'recorded')
    expect(records.filter((record) => record.userAgent === 'recorded')).toHaveLength(1)
    expect(records.at(-1)).toMatchObject({
      method: 'GET',
      host: `127.0.0.1:${raw.port}`,
      path: '/get',
      rawPath: '/get',
      originalPath: '/app/get',
      listenPath: '/app/',
      responseCode: 200,
      apiId: 'app',
      orgId: 'default',
      apiKey: '00000000',
      apiVersion: 'Non Versioned',
      userAgent: 'recorded',
      ipAddress: '9.9.9.9',
      tags: ['key-00000000', 'org-default', 'api-app'],
    })
  })
})

describe.skipIf(redisSkipReason())('streaming', () => {
  let redis: RedisServer
  let upstream: Upstream
  let gateway: Gateway
  const hanging = Promise.withResolvers<http.ServerResponse>()

  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startUpstream(async (request, response) => {
      if (request.url === '/digest') {
        const hash = createHash('sha256')
        for await (const chunk of request) hash.update(chunk as Buffer)
        response.end(hash.digest('hex'))
        return
      }
      if (request.url === '/hang') {
        hanging.resolve(response)
        return
      }
      const size = Number(request.url?.slice(1))
      const block = randomBytes(64 * 1024)
      const hash = createHash('sha256')
      response.setHeader('Content-Type', 'application/octet-stream')
      for (let sent = 0; sent < size; sent += block.length) {
        hash.update(block)
        if (!response.write(block)) await once(response, 'drain')
      }
      response.addTrailers({ 'X-Digest': hash.digest('hex') })
      response.end()
    })
    gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.close()
    await redis?.stop()
  })

  test.each([0, 1, 65_536, 20_000_000])(
    'a body of %d bytes arrives unchanged, with and without length',
    async (size) => {
      const body = randomBytes(size)
      const digest = createHash('sha256').update(body).digest('hex')
      for (const chunked of [false, true]) {
        const headers = chunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': String(size) }
        const answer = await new Promise<string>((resolve, reject) => {
          const request = http.request(`${gateway.url}/app/digest`, { method: 'POST', headers }, (response) => {
            let text = ''
            response.on('data', (chunk: Buffer) => (text += chunk.toString()))
            response.on('end', () => resolve(text))
          })
          request.on('error', reject)
          request.end(body)
        })
        expect(answer).toBe(digest)
      }
    },
  )

  test('a download of 20 MB arrives unchanged', async () => {
    const { digest, trailer } = await new Promise<{ digest: string; trailer: string | undefined }>(
      (resolve, reject) => {
        http
          .get(`${gateway.url}/app/20000000`, (response) => {
            const hash = createHash('sha256')
            response.on('data', (chunk: Buffer) => hash.update(chunk))
            response.on('end', () => resolve({ digest: hash.digest('hex'), trailer: response.trailers['x-digest'] }))
          })
          .on('error', reject)
      },
    )
    expect(trailer).toBe(digest)
  })

  test('a client that goes away cancels the upstream request and is recorded with 499', async () => {
    const request = http.get(`${gateway.url}/app/hang`)
    request.on('error', () => {})
    const atUpstream = await hanging.promise
    request.destroy()
    await once(atUpstream, 'close')
    const records = await recordsUntil(redis.url, (record) => record.path === '/hang')
    expect(records.at(-1)).toMatchObject({ responseCode: 499 })
  })
})
