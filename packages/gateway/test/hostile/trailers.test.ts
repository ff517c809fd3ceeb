/** Trailers between HTTP/1.1 and HTTP/2, and hosts that are none. */
import { once } from 'node:events'
import { createServer } from 'node:http2'
import type net from 'node:net'
import { describe, expect, test } from 'vitest'
import { startGateway } from '../../../../test/support/gateway.ts'
import { startUpstream } from '../../../../test/support/upstream.ts'
import { keylessApi } from '../support/api.ts'
import { connectHttp2 } from '../support/http2.ts'
import { rawRequest, startRawUpstream } from '../support/raw-http.ts'

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
