/** What an attacker or a broken upstream sends. Each of these once did harm. */
import { once } from 'node:events'
import { createServer } from 'node:http2'
import net from 'node:net'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { recordsUntil } from '../../../test/support/read-records.ts'
import { freePort, redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'
import { connectHttp2 } from './support/http2.ts'
import { rawRequest, startRawUpstream, type RawUpstream } from './support/raw-http.ts'

describe.skipIf(redisSkipReason())('the control API', () => {
  test('asks for the secret however its paths are written, on its own port as on the shared one', async () => {
    await using redis = await startRedis()
    const controlPort = await freePort()
    await using own = await startGateway({
      redisPort: redis.port,
      unchecked: true,
      conf: { control_api_port: controlPort },
    })
    await using shared = await startGateway({ redisPort: redis.port })
    await own.program.waitForLine(/Tyk Gateway started/)
    for (const port of [controlPort, shared.port]) {
      for (const target of [
        '/tyk/apis',
        '/%74yk/apis',
        '/tyk%2Fapis',
        'http://x/tyk/apis',
        '/tyk/../tyk/apis',
        '//tyk/apis',
        '/tyk/apis/',
        '/TYK/apis',
      ]) {
        const answer = await rawRequest(port, `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
        expect(answer, `${port} ${target}`).toMatch(/^HTTP\/1.1 (403|404|301|400) /)
      }
      const good = `GET /tyk/apis HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Tyk-Authorization: ${own.secret}\r\n\r\n`
      expect(await rawRequest(port, good)).toMatch(/^HTTP\/1.1 200 /)
      expect(await rawRequest(port, 'GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')).toMatch(
        /^HTTP\/1.1 200 /,
      )
    }
  })
})

const PLAIN = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok'

describe.skipIf(redisSkipReason())('a request', () => {
  let redis: RedisServer
  let upstream: RawUpstream
  let gateway: Gateway

  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startRawUpstream((socket, received) => {
      if (received.endsWith('\r\n\r\n')) socket.write(PLAIN)
    })
    gateway = await startGateway({
      redisPort: redis.port,
      apis: {
        'app.json': keylessApi(upstream.url, {
          enable_context_vars: true,
          version_data: {
            not_versioned: true,
            versions: {
              Default: {
                name: 'Default',
                use_extended_paths: true,
                global_headers: { 'X-Q': '$tyk_context.request_data_a', 'X-P': '$tyk_context.path' },
              },
            },
          },
        }),
      },
      conf: { http_server_options: { enable_websockets: true } },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
    await redis?.stop()
  })

  test('cannot put a line break into a header through a variable', async () => {
    const smuggled = encodeURIComponent('\r\nContent-Length: 0\r\n\r\nGET /admin HTTP/1.1\r\nX: ')
    for (const target of [`/app/x?a=${smuggled}`, '/app/x%0d%0aX-Evil:1']) {
      await rawRequest(gateway.port, `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
    }
    const received = upstream.received.join('')
    expect(received).not.toContain('\r\nGET /admin')
    expect(received).not.toMatch(/\r\nX-Evil/)
    expect(received.match(/ HTTP\/1.1\r\n/g)).toHaveLength(2)
  })

  test('to upgrade that announces a body leaves nothing on the connection for the next one', async () => {
    const upgrade =
      'GET /app/one HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: foo\r\nContent-Length: 60\r\n\r\n'
    const socket = net.connect(gateway.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.end(upgrade)
    const next = await rawRequest(gateway.port, 'GET /app/two HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    expect(next).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    socket.destroy()
  })
})

describe.skipIf(redisSkipReason())('an upstream', () => {
  test.each([
    ['a control character in a header and no body', 'HTTP/1.0 200 OK\r\nX-Bad: a\x01b\r\n\r\n'],
    ['a control character in a header', 'HTTP/1.1 200 OK\r\nX-Bad: a\x01b\r\nContent-Length: 2\r\n\r\nok'],
    ['a header name with a space', 'HTTP/1.1 200 OK\r\nX Bad: a\r\nContent-Length: 2\r\n\r\nok'],
    ['a bare carriage return', 'HTTP/1.1 200 OK\r\nX-Bad: a\rX-Evil: 1\r\nContent-Length: 2\r\n\r\nok'],
  ])('that answers with %s is answered for with an error, and the gateway goes on', async (_, answer) => {
    await using redis = await startRedis()
    await using upstream = await startRawUpstream((socket) => void socket.end(answer, 'latin1'))
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    for (let i = 0; i < 2; i++) {
      const response = await fetch(`${gateway.url}/app/x`)
      expect(response.status).toBe(500)
      expect(await response.json()).toEqual({ error: 'There was a problem proxying the request' })
    }
  })

  test('that sends a broken trailer does not leave the client waiting', async () => {
    await using redis = await startRedis()
    await using upstream = await startRawUpstream(
      (socket) =>
        void socket.write(
          'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: a\x01b\r\n\r\n',
          'latin1',
        ),
    )
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    const answer = await rawRequest(gateway.port, 'GET /app/x HTTP/1.1\r\nHost: h\r\n\r\n')
    expect(answer).not.toMatch(/0\r\n\r\n$/)
  })
})

describe('over HTTP/2', () => {
  const quiet = { enable_analytics: false }

  test('trailers with names that mean something to JavaScript or to HTTP/2 do no harm', async () => {
    await using upstream = await startRawUpstream(
      (socket) =>
        void socket.end(
          'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n' +
            '0\r\nconstructor: 1\r\n__proto__: 2\r\nHTTP2-Settings: 3\r\nX-Kept: 4\r\n\r\n',
        ),
    )
    await using gateway = await startGateway({ apis: { 'app.json': keylessApi(upstream.url) }, conf: quiet })
    await using client = await connectHttp2(gateway.url)
    for (let i = 0; i < 2; i++) {
      const answer = await client.request({ ':path': '/app/x' })
      expect(answer).toMatchObject({ status: 200, body: 'ok', whole: true })
      expect(answer.trailers).toEqual(expect.arrayContaining(['constructor', '1', 'x-kept', '4']))
      expect(answer.trailers).not.toContain('http2-settings')
    }
  })

  test('so do those of a client to an HTTP/2 upstream', async () => {
    const seen = Promise.withResolvers<readonly string[]>()
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        seen.resolve(request.rawTrailers)
        response.end('ok')
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    await using gateway = await startGateway({
      apis: { 'app.json': keylessApi(`h2c://127.0.0.1:${port}`) },
      conf: quiet,
    })
    const answer = await rawRequest(
      gateway.port,
      'POST /app/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '2\r\nhi\r\n0\r\nconstructor: 1\r\n__proto__: 2\r\nHTTP2-Settings: 3\r\nX-Kept: 4\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    expect(await seen.promise).toEqual(expect.arrayContaining(['constructor', '1', 'x-kept', '4']))
    await gateway.stop()
    server.close()
  })

  test('the host is the header of that name, not one whose value it is', async () => {
    await using upstream = await startUpstream((_, response) => response.end('ok'))
    await using gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { domain: 'real.example' }) },
      conf: { ...quiet, enable_custom_domains: true },
    })
    await using client = await connectHttp2(gateway.url)
    const { status } = await client.request({ ':path': '/app/x', a: 'host', b: 'c', host: 'real.example' })
    expect(status).toBe(200)
    expect((await client.request({ ':path': '/app/x', a: 'host', 'real.example': 'c', host: 'other' })).status).toBe(
      404,
    )
  })
})

describe.skipIf(redisSkipReason())('a request body', () => {
  test('that turns out malformed ends the upstream request, and leaves one record', async () => {
    await using redis = await startRedis()
    const begun = Promise.withResolvers<net.Socket>()
    await using upstream = await startRawUpstream((socket, text) => {
      if (text.includes('first')) begun.resolve(socket)
    })
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    const client = net.connect(gateway.port, '127.0.0.1')
    client.write('POST /app/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n')
    const atUpstream = await begun.promise
    client.write('no length\r\n')
    const [[answer]] = (await Promise.all([once(client, 'data'), once(atUpstream, 'close')])) as [[Buffer], unknown]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/)
    client.destroy()
    const records = await recordsUntil(redis.url, (record) => record.path === '/x')
    expect(records.map(({ responseCode }) => responseCode)).toEqual([499])
  })

  test('cannot end in framing fields, nor can an answer', async () => {
    await using redis = await startRedis()
    await using upstream = await startRawUpstream((socket, text) => {
      if (!text.endsWith('\r\n\r\n') || !text.includes('\r\n0\r\n')) return
      socket.end(
        'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n' +
          '0\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\nX-Kept: 2\r\n\r\n',
      )
    })
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    const answer = await rawRequest(
      gateway.port,
      'POST /app/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '2\r\nhi\r\n0\r\nHost: evil\r\nAuthorization: x\r\nX-Kept: 1\r\n\r\n',
    )
    expect(upstream.received[0]).toMatch(/2\r\nhi\r\n0\r\nX-Kept: 1\r\n\r\n$/)
    expect(answer).toMatch(/2\r\nok\r\n0\r\nX-Kept: 2\r\n\r\n$/)
  })
})

describe.skipIf(redisSkipReason())('a reload', () => {
  const ok = () => startUpstream((_, response) => response.end('ok'))

  test('while the folder of definitions is away takes no API out of service', async () => {
    await using redis = await startRedis()
    await using upstream = await ok()
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    const folder = join(gateway.dir, 'apps')
    await rename(folder, `${folder}.away`)
    await gateway.reload()
    expect((await fetch(`${gateway.url}/app/x`)).status).toBe(200)
    await mkdir(folder)
    await gateway.reload()
    expect((await fetch(`${gateway.url}/app/x`)).status).toBe(404)
  })

  test('of a definition that decodes but cannot be served keeps its last good form; one that asks for a missing guard goes', async () => {
    await using redis = await startRedis()
    await using upstream = await ok()
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    await gateway.writeApi('app.json', keylessApi('nonsense'))
    await gateway.reload()
    expect((await fetch(`${gateway.url}/app/x`)).status).toBe(200)
    await gateway.writeApi('app.json', keylessApi(upstream.url, { use_keyless: false, use_basic_auth: true }))
    await gateway.reload()
    expect((await fetch(`${gateway.url}/app/x`)).status).toBe(404)
  })

  test('without the policy file keeps the policies', async () => {
    await using redis = await startRedis()
    await using upstream = await ok()
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    await rm(join(gateway.dir, 'policies', 'policies.json'))
    await gateway.reload()
    expect(gateway.program.output()).toMatch(/reload: failed.*no such file/)
  })
})
