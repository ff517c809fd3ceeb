import net from 'node:net'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../../../../../test/support/eventually.ts'
import { Dialler } from '../dial.ts'
import { parseTarget } from '../upstream-url.ts'
import type { UpstreamTls } from '../upstream-tls.ts'
import type { ExchangeHandler, UpstreamError, UpstreamRequest } from '../transport.ts'
import { Http1Pool } from './pool.ts'

const open: { destroy(): void }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.destroy()
})

/** An upstream that does byte for byte what it is told. */
async function rawUpstream(
  serve: (socket: net.Socket, connection: number) => void,
): Promise<{ port: number; connections: () => number }> {
  let connections = 0
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket, connections++)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push({
    destroy() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  })
  return { port: (server.address() as net.AddressInfo).port, connections: () => connections }
}

function createPool(options: Partial<ConstructorParameters<typeof Http1Pool>[0]> = {}): Http1Pool {
  const tls: UpstreamTls = { connectOptions: () => ({}), check: () => {} }
  const dialler = new Dialler({ tls, proxyFor: () => null })
  const pool = new Http1Pool({ keepAlive: true, maxIdlePerHost: 10, maxIdle: 0, dialler, ...options })
  open.push(pool)
  return pool
}

interface Outcome {
  status: number
  body: string
  error: UpstreamError | null
}

/** @param socket - To send it on; otherwise the pool chooses. */
function send(
  pool: Http1Pool,
  port: number,
  request: Partial<UpstreamRequest> = {},
  socket?: net.Socket,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const outcome: Outcome = { status: 0, body: '', error: null }
    const handler: ExchangeHandler = {
      onHead: (status) => void (outcome.status = status),
      onData: (chunk) => {
        outcome.body += chunk.toString()
        return true
      },
      onEnd: () => resolve(outcome),
      onUpgrade: () => resolve(outcome),
      onError: (error) => resolve({ ...outcome, error }),
    }
    const whole: UpstreamRequest = {
      target: parseTarget(`http://127.0.0.1:${port}`),
      method: 'GET',
      path: '/',
      headers: ['Host', `127.0.0.1:${port}`],
      body: null,
      contentLength: 0,
      timeoutMs: 5000,
      upgrade: false,
      ...request,
    }
    if (socket === undefined) pool.exchange(whole, handler)
    else pool.exchangeOn(socket, whole, handler)
  })
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

test('reuses a connection for requests one after the other', async () => {
  const upstream = await rawUpstream((socket) => socket.on('data', () => socket.write(OK)))
  const pool = createPool()
  for (let i = 0; i < 5; i++) expect(await send(pool, upstream.port)).toMatchObject({ status: 200, body: 'ok' })
  expect(upstream.connections()).toBe(1)
})

test.each([
  ['timeout=60', 1],
  ['timeout=5, max=100', 1],
  ['max=100', 1],
  ['timeout=0', 2],
])('with Keep-Alive: %s two requests one after the other need %i connections', async (value, count) => {
  const answer = `HTTP/1.1 200 OK\r\nKeep-Alive: ${value}\r\nContent-Length: 2\r\n\r\nok`
  const upstream = await rawUpstream((socket) => socket.on('data', () => socket.write(answer)))
  const pool = createPool()
  for (let i = 0; i < 2; i++) expect(await send(pool, upstream.port)).toMatchObject({ status: 200, body: 'ok' })
  expect(upstream.connections()).toBe(count)
})

test.each([
  [0, 2],
  [60_000, 1],
])('connections that may live for %i ms: two requests one after the other need %i', async (maxAgeMs, count) => {
  const upstream = await rawUpstream((socket) => socket.on('data', () => socket.write(OK)))
  const pool = createPool({ maxAgeMs })
  for (let i = 0; i < 2; i++) expect(await send(pool, upstream.port)).toMatchObject({ status: 200, body: 'ok' })
  expect(upstream.connections()).toBe(count)
})

test.each([
  ['Basic dTpw', 1],
  ['NTLMish x', 1],
  ['NTLM TlRMTVNTUAAB', 2],
  ['negotiate YIIJ', 2],
])('with Authorization: %s the next request needs %i connections in all', async (value, count) => {
  const upstream = await rawUpstream((socket) => socket.on('data', () => socket.write(OK)))
  const pool = createPool()
  const headers = ['Host', 'localhost', 'X-Other-Field', 'a', 'AUTHORIZATION', value]
  expect(await send(pool, upstream.port, { headers })).toMatchObject({ status: 200, body: 'ok' })
  expect(await send(pool, upstream.port)).toMatchObject({ status: 200, body: 'ok' })
  expect(upstream.connections()).toBe(count)
})

test('idle connections that the upstream has closed are neither used nor counted', async () => {
  const sockets: net.Socket[] = []
  let held: (() => void)[] = []
  const upstream = await rawUpstream((socket) => {
    sockets.push(socket)
    socket.on('data', () => held.push(() => socket.write(OK)))
  })
  const pool = createPool({ maxIdle: 3 })
  const threeAtOnce = async (): Promise<void> => {
    const answers = Array.from({ length: 3 }, () => send(pool, upstream.port))
    await eventually(() => expect(held).toHaveLength(3))
    for (const answer of held) answer()
    held = []
    for (const answer of answers) expect(await answer).toMatchObject({ status: 200, body: 'ok' })
  }
  await threeAtOnce()
  expect(pool.budget.idle).toBe(3)
  for (const socket of sockets) socket.destroy()
  await eventually(() => expect(pool.budget.idle).toBe(0))
  await threeAtOnce()
  expect(pool.budget.idle).toBe(3)
  expect(upstream.connections()).toBe(6)
  await threeAtOnce()
  expect(upstream.connections()).toBe(6)
  await pool.close()
  expect(pool.budget.idle).toBe(0)
})

test('sends a GET again when the idle connection it chose turns out dead', async () => {
  const upstream = await rawUpstream((socket, connection) => {
    let requests = 0
    socket.on('data', () => {
      // The first connection dies under its second request, before any answer.
      if (connection === 0 && requests++ === 1) socket.resetAndDestroy()
      else socket.write(OK)
    })
  })
  const pool = createPool()
  await send(pool, upstream.port)
  expect(await send(pool, upstream.port)).toMatchObject({ status: 200, body: 'ok', error: null })
  expect(upstream.connections()).toBe(2)
})

test('does not send a POST again: the upstream may have acted on it', async () => {
  const upstream = await rawUpstream((socket) => {
    let requests = 0
    socket.on('data', () => (requests++ === 1 ? socket.resetAndDestroy() : socket.write(OK)))
  })
  const pool = createPool()
  await send(pool, upstream.port)
  const second = await send(pool, upstream.port, { method: 'POST' })
  expect(second.error?.failure).toBe('reset')
})

test('does not retry a request on a fresh connection', async () => {
  const upstream = await rawUpstream((socket) => socket.on('data', () => socket.destroy()))
  expect((await send(createPool(), upstream.port)).error?.failure).toBe('reset')
  expect(upstream.connections()).toBe(1)
})

test('gives up a connection on which bytes arrive that nobody asked for', async () => {
  const upstream = await rawUpstream((socket, connection) => {
    socket.on('data', () =>
      socket.write(connection === 0 ? `${OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison` : OK),
    )
  })
  const pool = createPool()
  await send(pool, upstream.port)
  expect(await send(pool, upstream.port)).toMatchObject({ body: 'ok' })
  expect(upstream.connections()).toBe(2)
})

test.each(['GET', 'POST'])('takes no bytes that came before a %s has left for its answer', async (method) => {
  const upstream = await rawUpstream((socket) => socket.on('data', () => socket.write(OK)))
  const pool = createPool()
  const socket = net.connect(upstream.port, '127.0.0.1')
  await once(socket, 'connect')
  await send(pool, upstream.port, {}, socket)
  const second = send(pool, upstream.port, { method })
  // As if they were read in this turn of the event loop: a server may say something again while nobody asks.
  socket.push('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison')
  expect(await second).toEqual({ status: 200, body: 'ok', error: null })
  expect(socket.destroyed).toBe(true)
  expect(upstream.connections()).toBe(2)
})

test('tells a connection that is refused from a name that does not exist', async () => {
  const upstream = await rawUpstream(() => {})
  const pool = createPool()
  open.splice(0, 1)[0]?.destroy()
  expect((await send(pool, upstream.port)).error?.failure).toBe('connect')
  const unknown = await send(pool, 1, { target: parseTarget('http://no-such-host.invalid') })
  expect(['lookup', 'connect']).toContain(unknown.error?.failure)
})

test('waits for response headers as long as told, and for the body without limit', async () => {
  const upstream = await rawUpstream((socket) => socket.on('data', () => {}))
  expect((await send(createPool(), upstream.port, { timeoutMs: 30 })).error?.failure).toBe('timeout')
  const slow = await rawUpstream((socket) =>
    socket.on('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
      setTimeout(() => socket.write('k'), 80)
    }),
  )
  expect(await send(createPool(), slow.port, { timeoutMs: 30 })).toMatchObject({ body: 'ok', error: null })
})

test('reports a body that was cut', async () => {
  const upstream = await rawUpstream((socket) =>
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')),
  )
  expect(await send(createPool(), upstream.port)).toMatchObject({
    status: 200,
    body: 'half',
    error: { failure: 'reset' },
  })
})

test.each([
  ['known length', 11, 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world'],
  [
    'unknown length',
    -1,
    'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n',
  ],
])('frames a body of %s', async (_, contentLength, expected) => {
  let seen = ''
  const upstream = await rawUpstream((socket) =>
    socket.on('data', (chunk) => {
      seen += chunk.toString()
      if (seen.length >= expected.length) socket.write(OK)
    }),
  )
  const body = Readable.from([Buffer.from('hello '), Buffer.from('world')], { objectMode: false })
  await send(createPool(), upstream.port, { method: 'POST', headers: ['Host', 'h'], body, contentLength })
  expect(seen).toBe(expected)
})

test('lets no more of a body out than was announced', async () => {
  let seen = ''
  const upstream = await rawUpstream((socket) => socket.on('data', (chunk) => (seen += chunk.toString())))
  const body = Readable.from([Buffer.from('hello'), Buffer.from('GET / HTTP/1.1\r\n\r\n')], { objectMode: false })
  const request = { method: 'POST', headers: ['Host', 'h'], body, contentLength: 5 }
  expect((await send(createPool(), upstream.port, request)).error?.failure).toBe('body')
  expect(seen).not.toContain('GET')
})

test('announces an empty body for the methods that usually have one', async () => {
  let seen = ''
  const upstream = await rawUpstream((socket) =>
    socket.on('data', (chunk) => {
      seen += chunk.toString()
      socket.write(OK)
    }),
  )
  const pool = createPool()
  await send(pool, upstream.port, { method: 'POST', headers: ['Host', 'h'] })
  await send(pool, upstream.port, { method: 'DELETE', headers: ['Host', 'h'] })
  expect(seen).toBe('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\nDELETE / HTTP/1.1\r\nHost: h\r\n\r\n')
})

test('does not reuse a connection whose upstream answered before it had the whole body', async () => {
  const upstream = await rawUpstream((socket) =>
    socket.once('data', () => socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n')),
  )
  const pool = createPool()
  const endless = new Readable({ read() {} })
  endless.push('begin')
  expect(await send(pool, upstream.port, { method: 'POST', body: endless, contentLength: -1 })).toMatchObject({
    status: 413,
  })
  await send(pool, upstream.port)
  expect(upstream.connections()).toBe(2)
})

test('cancels at the upstream when the exchange is aborted', async () => {
  let closed: () => void = () => {}
  const gone = new Promise<void>((resolve) => (closed = resolve))
  const upstream = await rawUpstream((socket) => {
    socket.on('close', () => closed())
    socket.on('data', () => exchange.abort())
  })
  const pool = createPool()
  const exchange = pool.exchange(
    {
      target: parseTarget(`http://127.0.0.1:${upstream.port}`),
      method: 'GET',
      path: '/',
      headers: ['Host', 'h'],
      body: null,
      contentLength: 0,
      timeoutMs: 0,
      upgrade: false,
    },
    {
      onHead: () => expect.unreachable(),
      onData: () => true,
      onEnd: () => expect.unreachable(),
      onUpgrade: () => expect.unreachable(),
      onError: () => expect.unreachable(),
    },
  )
  await gone
})
