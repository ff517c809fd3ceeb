import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { afterAll, afterEach, expect, test } from 'vitest'
import { createAuthority } from '../../../../../test/support/certificates.ts'
import { eventually } from '../../../../../test/support/eventually.ts'
import { Dialler } from '../dial.ts'
import { Http1Pool } from '../http1/pool.ts'
import type { Exchange, ExchangeHandler, UpstreamError, UpstreamRequest } from '../transport.ts'
import type { UpstreamTls } from '../upstream-tls.ts'
import { parseTarget } from '../upstream-url.ts'
import { Http2Transport } from './transport.ts'

const authority = await createAuthority()
afterAll(() => authority[Symbol.asyncDispose]())

const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

interface TestUpstream {
  readonly url: string
  readonly server: Http2Server
  readonly sockets: Set<Socket>
  connections: number
}

async function upstreamOn(server: Http2Server, scheme: string, event = 'connection'): Promise<TestUpstream> {
  const upstream = { url: '', server, sockets: new Set<Socket>(), connections: 0 }
  server.on(event, (socket: Socket) => {
    upstream.connections++
    upstream.sockets.add(socket)
  })
  server.on('session', (session) => session.on('error', () => {}))
  server.on('stream', (stream) => stream.on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => {
    for (const socket of upstream.sockets) socket.destroy()
    server.close()
  })
  upstream.url = `${scheme}://localhost:${(server.address() as AddressInfo).port}`
  return upstream
}

const h2c = (serve: (stream: ServerHttp2Stream, path: string) => void, settings = {}): Promise<TestUpstream> => {
  const server = createServer({ settings })
  server.on('stream', (stream, headers) => serve(stream, String(headers[':path'])))
  return upstreamOn(server, 'h2c')
}

function createTransport(keepAlive = true): Http2Transport {
  const tls: UpstreamTls = {
    connectOptions: () => ({ ca: authority.cert, servername: 'localhost' }),
    check: () => {},
  }
  const dialler = new Dialler({ tls, proxyFor: () => null })
  const http1 = new Http1Pool({ dialler, keepAlive, maxIdlePerHost: 10, maxIdle: 0 })
  const transport = new Http2Transport({ dialler, http1, offerHttp2: true, keepAlive })
  open.push(() => void transport.close().then(() => http1.close()))
  return transport
}

interface Outcome {
  status: number
  body: string
  trailers: string[]
  error: UpstreamError | null
}

function begin(
  transport: Http2Transport,
  url: string,
  changes: Partial<UpstreamRequest> = {},
): { exchange: Exchange; outcome: Promise<Outcome> } {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const outcome: Outcome = { status: 0, body: '', trailers: [], error: null }
  const handler: ExchangeHandler = {
    onHead: (status) => void (outcome.status = status),
    onData: (chunk) => {
      outcome.body += chunk.toString()
      return true
    },
    onEnd: (trailers) => resolve({ ...outcome, trailers }),
    onUpgrade: () => resolve(outcome),
    onError: (error) => resolve({ ...outcome, error }),
  }
  const request: UpstreamRequest = {
    target: parseTarget(url),
    method: 'GET',
    path: '/',
    headers: ['Host', 'localhost', 'X-Twice', '1', 'X-Twice', '2'],
    body: null,
    contentLength: 0,
    timeoutMs: 5000,
    upgrade: false,
    ...changes,
  }
  return { exchange: transport.exchange(request, handler), outcome: promise }
}

const send = (transport: Http2Transport, url: string, changes?: Partial<UpstreamRequest>): Promise<Outcome> =>
  begin(transport, url, changes).outcome

const ok = (stream: ServerHttp2Stream): void => {
  stream.respond({ ':status': 200 })
  stream.end('ok')
}

test('carries requests side by side on one connection', async () => {
  const upstream = await h2c(ok)
  const transport = createTransport()
  const answers = await Promise.all(Array.from({ length: 20 }, () => send(transport, upstream.url)))
  expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 20 }, () => 'ok'))
  expect(upstream.connections).toBe(1)
})

test('without keep-alive every request has a connection of its own', async () => {
  const upstream = await h2c(ok)
  const transport = createTransport(false)
  await Promise.all([send(transport, upstream.url), send(transport, upstream.url)])
  await send(transport, upstream.url)
  expect(upstream.connections).toBe(3)
})

test('opens another connection when the upstream allows no more streams', async () => {
  const held: ServerHttp2Stream[] = []
  const upstream = await h2c((stream, path) => (path === '/hold' ? held.push(stream) : ok(stream)), {
    maxConcurrentStreams: 1,
  })
  const transport = createTransport()
  await send(transport, upstream.url)
  const first = send(transport, upstream.url, { path: '/hold' })
  await eventually(() => expect(held).toHaveLength(1))
  expect((await send(transport, upstream.url)).body).toBe('ok')
  expect(upstream.connections).toBe(2)
  for (const stream of held) ok(stream)
  expect((await first).body).toBe('ok')
})

test('sends a request again that the upstream refused, or that a dead connection swallowed', async () => {
  let refuse = true
  const upstream = await h2c((stream) => {
    if (refuse) stream.close(7)
    else ok(stream)
    refuse = false
  })
  const transport = createTransport()
  expect((await send(transport, upstream.url)).body).toBe('ok')
  for (const socket of upstream.sockets) socket.destroy()
  expect((await send(transport, upstream.url)).body).toBe('ok')
})

test('does not send a request with a body again', async () => {
  const upstream = await h2c((stream) => stream.close(7))
  const body = Readable.from([Buffer.from('x')], { objectMode: false })
  const { error } = await send(createTransport(), upstream.url, { method: 'POST', body, contentLength: 1 })
  expect(error?.failure).toBe('reset')
})

test('leaves a session that the upstream is about to end', async () => {
  const upstream = await h2c(ok)
  const transport = createTransport()
  upstream.server.once('session', (session) => setImmediate(() => session.close()))
  await send(transport, upstream.url)
  await eventually(async () => {
    expect((await send(transport, upstream.url)).body).toBe('ok')
    expect(upstream.connections).toBe(2)
  })
})

test('sends repeated lines, lengths and trailers as they are', async () => {
  const seen: unknown[] = []
  const upstream = await h2c(() => {})
  upstream.server.on('stream', (stream: ServerHttp2Stream, headers, _flags, raw: string[]) => {
    seen.push(
      raw.filter((_, i) => raw[i - 1] === 'x-twice'),
      headers['content-length'],
      headers[':authority'],
    )
    stream.on('trailers', (trailers) => seen.push(trailers['x-sum']))
    stream.resume().on('end', () => ok(stream))
  })
  const body = Object.assign(Readable.from([Buffer.from('hello')], { objectMode: false }), {
    rawTrailers: ['X-Sum', '5'],
  })
  await send(createTransport(), upstream.url, { method: 'POST', body, contentLength: 5 })
  expect(seen).toEqual([['1', '2'], '5', 'localhost', '5'])
})

test.each([
  ['a reset', (stream: ServerHttp2Stream) => stream.destroy(new Error('cut'))],
  ['a lost connection', (stream: ServerHttp2Stream) => stream.session?.destroy()],
  ['fewer bytes than announced', (stream: ServerHttp2Stream) => stream.close(0)],
])('%s in mid-body is a failure, not an end', async (_, cut) => {
  const upstream = await h2c((stream) => {
    stream.respond({ ':status': 200, 'content-length': '100' })
    stream.write('part', () => setImmediate(() => cut(stream)))
  })
  expect(await send(createTransport(), upstream.url)).toMatchObject({ status: 200, error: { failure: 'reset' } })
})

test('an answer that does not begin in time is a timeout', async () => {
  const upstream = await h2c(() => {})
  const { error } = await send(createTransport(), upstream.url, { timeoutMs: 50 })
  expect(error?.failure).toBe('timeout')
})

test('a request that is given up is reset, and its body does not look whole', async () => {
  const events: string[] = []
  const upstream = await h2c((stream) => {
    stream.on('data', () => events.push('data'))
    stream.on('end', () => events.push(`end ${stream.aborted ? 'of an aborted stream' : ''}`))
    stream.on('close', () => events.push(`close ${stream.rstCode}`))
  })
  const body = new Readable({ read() {} })
  body.push('half')
  const { exchange } = begin(createTransport(), upstream.url, { method: 'POST', body, contentLength: -1 })
  await eventually(() => expect(events).toEqual(['data']))
  exchange.abort()
  await eventually(() => expect(events.at(-1)).toBe('close 8'))
  expect(events).not.toContain('end ')
})

test('a TLS upstream that prefers HTTP/1.1 gets it, on the connection that asked', async () => {
  const { key, cert } = await authority.issue({ cn: 'localhost' })
  const { createServer: createHttps } = await import('node:https')
  const server = createHttps({ key, cert }, (req, res) => res.end(req.httpVersion))
  const upstream = await upstreamOn(server as unknown as Http2Server, 'https', 'secureConnection')
  const transport = createTransport()
  const first = await Promise.all([send(transport, upstream.url), send(transport, upstream.url)])
  expect(first.map(({ body }) => body)).toEqual(['1.1', '1.1'])
  expect(upstream.connections).toBe(2)
  expect((await send(transport, upstream.url)).body).toBe('1.1')
  expect(upstream.connections).toBe(2)
})

test('a TLS upstream that speaks HTTP/2 gets it', async () => {
  const { key, cert } = await authority.issue({ cn: 'localhost' })
  const server = createSecureServer({ key, cert })
  server.on('stream', ok)
  const upstream = await upstreamOn(server, 'https')
  expect((await send(createTransport(), upstream.url)).body).toBe('ok')
})

test('every request that waits for a connection fails with it', async () => {
  const transport = createTransport()
  const answers = await Promise.all([1, 2, 3].map(() => send(transport, 'h2c://127.0.0.1:1')))
  expect(answers.map(({ error }) => error?.failure)).toEqual(['connect', 'connect', 'connect'])
})
