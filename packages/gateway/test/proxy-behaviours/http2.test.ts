/** Rows of the table of proxy behaviours about HTTP/2 and what travels over it, gRPC above all. */
import { once } from 'node:events'
import type { ClientHttp2Stream, ServerHttp2Stream } from 'node:http2'
import https from 'node:https'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../../../test/support/certificates.ts'
import { startGateway } from '../../../../test/support/gateway.ts'
import { freePort, redisSkipReason } from '../../../../test/support/redis.ts'
import { apiAt } from '../support/api.ts'
import { connectHttp2, type Http2Client } from '../support/http2.ts'
import { startHttp2Upstream } from '../support/http2-upstream.ts'
import { LANES, onEachLane, useStages } from '../support/stages.ts'
import { exchange, requestText, valuesOf } from '../support/wire.ts'
import { OK, startWireUpstream } from '../support/wire-upstream.ts'

const http2 = await startHttp2Upstream()
afterAll(() => http2[Symbol.asyncDispose]())

const stages = useStages(
  onEachLane({
    apis: (url) => ({
      'app.json': apiAt('app', url),
      'grpc.json': apiAt('grpc', http2.url, { proxy: { listen_path: '/pkg.Service/', strip_listen_path: false } }),
    }),
  }),
)

/** Names and values of a flat list, sorted, without those of HTTP/2. */
const plain = (flat: readonly string[]): string[] =>
  flat.flatMap((name, i) => (i % 2 === 0 && !name.startsWith(':') ? [`${name}: ${flat[i + 1]}`] : [])).toSorted()

const nextChunk = async (stream: ClientHttp2Stream | ServerHttp2Stream): Promise<string> =>
  String(((await once(stream, 'data')) as [Buffer])[0])

describe.skipIf(redisSkipReason()).each(LANES)('on the %s lane', (lane) => {
  const stage = stages[lane]
  let client: Http2Client
  beforeAll(async () => {
    if (redisSkipReason() === undefined) client = await connectHttp2(stage.gateway.url)
  })
  afterAll(() => client?.[Symbol.asyncDispose]())

  test('27.47 the plain port speaks HTTP/2 to a client that begins with it, beside HTTP/1.1', async () => {
    stage.upstream.answerWith(OK)
    const answer = await client.request({ ':path': '/app/x?a=1', 'x-name': ['1', '2'], te: 'trailers' })
    expect(answer).toMatchObject({ status: 200, body: 'ok', whole: true })
    expect(plain(answer.headers).map((line) => line.replace(/^date: .*/, 'date'))).toEqual(
      ['content-length: 2', 'content-type: text/plain', 'date'].concat(
        ['limit', 'remaining', 'reset'].map((each) => `x-ratelimit-${each}: 0`),
      ),
    )
    const seen = stage.upstream.last()
    expect(seen.startLine).toBe('GET /x?a=1 HTTP/1.1')
    expect(seen.lines).toEqual(
      expect.arrayContaining([`Host: 127.0.0.1:${stage.upstream.port}`, 'X-Name: 1', 'X-Name: 2', 'Te: trailers']),
    )
    expect((await stage.ask('GET', '/app/x')).startLine).toBe('HTTP/1.1 200 OK')
  })

  test('27.4 a request over HTTP/2 may have hundreds of headers, too', async () => {
    stage.upstream.answerWith(OK)
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x-many-${i}`, 'v'.repeat(100)]))
    expect(await client.request({ ':path': '/app/x', ...many })).toMatchObject({ status: 200 })
    expect(stage.upstream.last().lines.filter((line) => line.startsWith('X-Many-'))).toHaveLength(500)
  })

  test('27.47 Upgrade: h2c is answered over HTTP/1.1', async () => {
    stage.upstream.answerWith(OK)
    const lines = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']
    const answer = await stage.ask('GET', '/app/x', lines)
    expect(answer.startLine).toBe('HTTP/1.1 200 OK')
    expect(stage.upstream.last().lines.join()).not.toMatch(/upgrade|http2|connection/i)
  })

  test('27.47 an h2c target is spoken to over HTTP/2, whatever the client speaks', async () => {
    for (const ask of [
      () =>
        exchange(stage.gateway.port, requestText('GET', '/pkg.Service/a?b=%20', ['X-Name: 1', 'Connection: close'])),
      () => client.request({ ':path': '/pkg.Service/a?b=%20', ':authority': 'client.test', 'x-name': '1' }),
    ]) {
      const arrived = http2.next()
      const answered = ask()
      const { stream, headers } = await arrived
      stream.respond({ ':status': 201, 'x-own': '1' })
      stream.end('made')
      const target = http2.url.slice('h2c://'.length)
      expect(headers.slice(0, 8)).toEqual(
        expect.arrayContaining([
          ':method',
          'GET',
          ':scheme',
          'http',
          ':authority',
          target,
          ':path',
          '/pkg.Service/a?b=%20',
        ]),
      )
      expect(plain(headers)).toEqual([
        expect.stringMatching(/^user-agent: Tyk\//),
        'x-forwarded-for: 127.0.0.1',
        'x-name: 1',
      ])
      expect((await answered).body).toBe('made')
    }
  })

  /** Begins a call as gRPC does: a body of unknown length. */
  async function call(): Promise<{
    stream: ClientHttp2Stream
    upstream: ServerHttp2Stream
    headers: readonly string[]
  }> {
    const arrived = http2.next()
    const stream = client.session.request(
      { ':method': 'POST', ':path': '/pkg.Service/Do', 'content-type': 'application/grpc', te: 'trailers' },
      { endStream: false },
    )
    stream.on('error', () => {})
    const { stream: upstream, headers } = await arrived
    return { stream, upstream, headers }
  }

  test('27.48 a call streams both ways, message by message, before either side has ended', async () => {
    const { stream, upstream, headers } = await call()
    expect(plain(headers)).toEqual(expect.arrayContaining(['content-type: application/grpc', 'te: trailers']))
    expect(headers).not.toContain('content-length')
    upstream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    for (const message of ['one', 'two', 'three']) {
      const up = nextChunk(upstream)
      stream.write(message)
      expect(await up).toBe(message)
      const down = nextChunk(stream)
      upstream.write(message.toUpperCase())
      expect(await down).toBe(message.toUpperCase())
    }
    upstream.on('wantTrailers', () => upstream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'd%C3%B6ne' }))
    const trailers = once(stream, 'trailers')
    stream.end()
    await once(upstream, 'end')
    upstream.end()
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '0', 'grpc-message': 'd%C3%B6ne' })
    await once(stream, 'close')
    expect(stream.rstCode).toBe(0)
  })

  test('27.48 an answer of trailers alone stays one', async () => {
    const { stream, upstream } = await call()
    const response = once(stream, 'response') as Promise<[Record<string, string>, number]>
    upstream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true })
    const [headers, flags] = await response
    expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '5' })
    // END_STREAM
    expect(flags & 1).toBe(1)
  })

  test('27.48 a call that the client cancels is cancelled at the upstream', async () => {
    const { stream, upstream } = await call()
    const closed = once(upstream, 'close')
    stream.close(8)
    await closed
    expect(upstream.rstCode).not.toBe(0)
  })

  test('27.48 an upstream that dies in a call does not end it well', async () => {
    const { stream, upstream } = await call()
    upstream.respond({ ':status': 200, 'content-type': 'application/grpc' })
    upstream.write('half', () => upstream.destroy(new Error('dies')))
    const ended: unknown[] = []
    stream.resume().on('trailers', () => ended.push('trailers'))
    await new Promise((resolve) => stream.once('close', resolve))
    expect(ended).toEqual([])
    expect(stream.rstCode).not.toBe(0)
  })
})

test('27.47 with TLS, HTTP/2 is agreed on by ALPN, and only when it is enabled', async () => {
  await using authority = await createAuthority()
  const { file } = await authority.issue({ cn: 'localhost', ips: ['127.0.0.1'] })
  await using upstream = await startWireUpstream()
  for (const enabled of [false, true]) {
    const port = await freePort()
    await using gateway = await startGateway({
      apis: { 'app.json': apiAt('app', upstream.url) },
      conf: {
        enable_analytics: false,
        listen_port: port,
        http_server_options: { use_ssl: true, ssl_certificates: [file], enable_http2: enabled },
      },
      unchecked: true,
    })
    await gateway.program.waitForLine(/Listening on port/)
    const socket = tls.connect({ port, host: '127.0.0.1', ca: authority.cert, ALPNProtocols: ['h2', 'http/1.1'] })
    await once(socket, 'secureConnect')
    expect(socket.alpnProtocol).toBe(enabled ? 'h2' : 'http/1.1')
    socket.destroy()
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      https
        .get(`https://127.0.0.1:${port}/app/x`, { ca: authority.cert, agent: false }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode))
        })
        .on('error', reject)
    })
    expect(answer).toBe(200)
    if (!enabled) continue
    await using client = await connectHttp2(`https://127.0.0.1:${port}`, { ca: authority.cert })
    expect(await client.request({ ':path': '/app/x' })).toMatchObject({ status: 200, body: 'ok' })
    expect(valuesOf(upstream.last(), 'Host')).toEqual([`127.0.0.1:${upstream.port}`])
  }
})
