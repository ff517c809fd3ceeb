import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { credentials, Metadata, ServerCredentials, status, type ServiceError } from '@grpc/grpc-js'
import { EventSource } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createAuthority, type Authority } from '../../../test/support/certificates.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { recordsUntil } from '../../../test/support/read-records.ts'
import { freePort, redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'
import { connectEcho, startEchoServer, type EchoClient, type EchoServer } from './support/grpc-echo.ts'

/** Without Redis a stop would wait for it to take the records. */
const quiet = { enable_analytics: false }

describe.skipIf(redisSkipReason())('WebSocket', () => {
  let redis: RedisServer
  let sockets: WebSocketServer
  let gateway: Gateway

  beforeAll(async () => {
    redis = await startRedis()
    sockets = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'chat' })
    await once(sockets, 'listening')
    sockets.on('connection', (socket) => {
      socket.on('message', (data, binary) => {
        if ((data as Buffer).toString() === 'close') socket.close(4000, 'as asked')
        else socket.send(data, { binary })
      })
    })
    const { port } = sockets.address() as AddressInfo
    gateway = await startGateway({
      redisPort: redis.port,
      apis: { 'app.json': keylessApi(`ws://127.0.0.1:${port}`) },
      conf: { http_server_options: { enable_websockets: true } },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    for (const socket of sockets?.clients ?? []) socket.terminate()
    sockets?.close()
    await redis?.stop()
  })

  const open = async (path: string): Promise<WebSocket> => {
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`, 'chat')
    await once(socket, 'open')
    return socket
  }

  test('carries text, large binary messages and pings both ways, and the close of either side', async () => {
    const socket = await open('/app/both')
    expect(socket.protocol).toBe('chat')
    socket.send('hello')
    expect(String((await once(socket, 'message'))[0])).toBe('hello')
    const large = Buffer.alloc(3_000_000, 'x')
    socket.send(large)
    expect(((await once(socket, 'message')) as [Buffer])[0].equals(large)).toBe(true)
    socket.ping()
    await once(socket, 'pong')
    socket.send('close')
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
    expect([code, reason.toString()]).toEqual([4000, 'as asked'])
    const records = await recordsUntil(redis.url, (record) => record.originalPath === '/app/both')
    expect(records).toHaveLength(1)
    expect(records[0]).toMatchObject({ responseCode: 101 })
  })

  test('a client that closes ends the connection at the upstream', async () => {
    const socket = await open('/app/client')
    await eventually(() => expect(sockets.clients.size).toBe(1))
    socket.close(1000)
    await eventually(() => expect(sockets.clients.size).toBe(0))
  })

  test('a gateway that stops ends what nothing else would end, without waiting for its deadline', async () => {
    const { port } = sockets.address() as AddressInfo
    await using stopping = await startGateway({
      redisPort: redis.port,
      apis: { 'app.json': keylessApi(`ws://127.0.0.1:${port}`) },
      conf: { graceful_shutdown_timeout_duration: 3600, http_server_options: { enable_websockets: true } },
    })
    const socket = new WebSocket(`ws://127.0.0.1:${stopping.port}/app/x`, 'chat')
    await once(socket, 'open')
    await Promise.all([once(socket, 'close'), stopping.stop()])
  })
})

describe('server-sent events', () => {
  let upstream: Upstream
  let gateway: Gateway
  let next: () => void = () => {}
  let gone = 0

  beforeAll(async () => {
    upstream = await startUpstream((_, res) => {
      res.on('close', () => gone++)
      res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' })
      let sent = 0
      next = () => void res.write(`id: ${++sent}\ndata: tick ${sent}\n\n`)
      next()
    })
    gateway = await startGateway({ apis: { 'app.json': keylessApi(upstream.url) }, conf: quiet })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.close()
  })

  test('arrive one by one, until the client closes', async () => {
    const events = new EventSource(`${gateway.url}/app/ticks`)
    const seen: string[] = []
    events.addEventListener('message', (event: MessageEvent) => seen.push(String(event.data)))
    await eventually(() => expect(seen).toEqual(['tick 1']))
    next()
    await eventually(() => expect(seen).toEqual(['tick 1', 'tick 2']))
    const before = gone
    events.close()
    await eventually(() => expect(gone).toBe(before + 1))
  })
})

describe.each(['h2c', 'TLS'])('gRPC over %s', (kind) => {
  let authority: Authority
  let server: EchoServer
  let gateway: Gateway
  let client: EchoClient
  let cancelled = 0

  beforeAll(async () => {
    authority = await createAuthority()
    const { key, cert, file } = await authority.issue({ cn: 'localhost', ips: ['127.0.0.1'] })
    const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) }
    const secure = kind === 'TLS'
    server = await startEchoServer(
      secure ? ServerCredentials.createSsl(null, [pair]) : ServerCredentials.createInsecure(),
      {
        unary(call, answer) {
          const [wanted] = call.metadata.get('x-fail')
          if (wanted !== undefined) {
            answer({ code: status.NOT_FOUND, details: 'no such thing: ü' })
            return
          }
          const head = new Metadata()
          head.set('x-head', String(call.metadata.get('x-sent')[0]))
          call.sendMetadata(head)
          const trailer = new Metadata()
          trailer.set('x-trailer', 'last')
          answer(null, call.request, trailer)
        },
        serverStream(call) {
          for (let i = 0; i < 100; i++) call.write(Buffer.alloc(100_000, i))
          call.end()
        },
        clientStream(call, answer) {
          let size = 0
          call.on('data', (chunk: Buffer) => (size += chunk.length))
          call.on('end', () => answer(null, Buffer.from(String(size))))
          call.on('cancelled', () => cancelled++)
        },
        both(call) {
          call.on('data', (chunk: Buffer) => {
            if (chunk.toString() === 'die') call.destroy(new Error('dies'))
            else call.write(Buffer.from(`echo ${chunk.toString()}`))
          })
          call.on('end', () => call.end())
          call.on('cancelled', () => cancelled++)
        },
      },
    )
    const port = await freePort()
    gateway = await startGateway({
      apis: {
        'echo.json': keylessApi(`${secure ? 'https' : 'h2c'}://127.0.0.1:${server.port}`, {
          proxy: { listen_path: '/echo.Echo/', strip_listen_path: false },
        }),
      },
      conf: {
        ...quiet,
        listen_port: port,
        proxy_enable_http2: true,
        http_server_options: { use_ssl: secure, ssl_certificates: [file], enable_http2: true },
      },
      env: { NODE_EXTRA_CA_CERTS: authority.certFile },
      unchecked: true,
    })
    await gateway.program.waitForLine(/Listening on port/)
    const root = secure ? credentials.createSsl(Buffer.from(authority.cert)) : credentials.createInsecure()
    client = connectEcho(`127.0.0.1:${port}`, root)
  })
  afterAll(async () => {
    client?.close()
    await gateway?.stop()
    await server?.[Symbol.asyncDispose]()
    await authority?.[Symbol.asyncDispose]()
  })

  test('a unary call carries message, metadata and trailers', async () => {
    const metadata = new Metadata()
    metadata.set('x-sent', 'there')
    const seen = await new Promise<unknown[]>((resolve, reject) => {
      const parts: unknown[] = []
      const call = client.unary(Buffer.from('hello'), metadata, (err, message) => {
        if (err !== null) reject(err)
        else parts.push(message?.toString())
      })
      call.on('metadata', (head: Metadata) => parts.push(head.get('x-head')[0]))
      call.on('status', (end) => resolve([...parts, end.metadata.get('x-trailer')[0], end.code]))
    })
    expect(seen).toEqual(['there', 'hello', 'last', status.OK])
  })

  test('an error status arrives with its text', async () => {
    const metadata = new Metadata()
    metadata.set('x-fail', 'yes')
    const error = await new Promise<ServiceError | null>((resolve) => {
      client.unary(Buffer.from('x'), metadata, (err) => resolve(err))
    })
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: 'no such thing: ü' })
  })

  test('a server stream arrives whole, also when the client is slow', async () => {
    const call = client.serverStream(Buffer.from('go'))
    let messages = 0
    for await (const message of call) {
      expect((message as Buffer)[0]).toBe(messages++)
      if (messages % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(messages).toBe(100)
  })

  test('a client stream arrives whole', async () => {
    const size = await new Promise<string>((resolve, reject) => {
      const call = client.clientStream((err, message) => (err === null ? resolve(String(message)) : reject(err)))
      for (let i = 0; i < 50; i++) call.write(Buffer.alloc(100_000))
      call.end()
    })
    expect(size).toBe('5000000')
  })

  test('a call in both directions answers each message before the next is sent', async () => {
    const call = client.both()
    for (const word of ['one', 'two', 'three']) {
      call.write(Buffer.from(word))
      expect(String((await once(call, 'data'))[0])).toBe(`echo ${word}`)
    }
    call.end()
    call.resume()
    const [end] = (await once(call, 'status')) as [{ code: number }]
    expect(end.code).toBe(status.OK)
  })

  test('a cancelled call is cancelled at the upstream', async () => {
    const before = cancelled
    const call = client.both()
    call.on('error', () => {})
    call.write(Buffer.from('one'))
    await once(call, 'data')
    call.cancel()
    await eventually(() => expect(cancelled).toBe(before + 1))
  })

  test('an upstream that dies in a call is not a call that went well', async () => {
    const call = client.both()
    call.write(Buffer.from('one'))
    await once(call, 'data')
    await server[Symbol.asyncDispose]()
    const [error] = (await once(call, 'error')) as [ServiceError]
    expect(error.code).not.toBe(status.OK)
    // The gateway's own answer is an ordinary HTTP error, without a gRPC status.
    const next = await new Promise<ServiceError | null>((resolve) => {
      client.unary(Buffer.from('x'), new Metadata(), (err) => resolve(err))
    })
    expect(next).toMatchObject({ code: status.UNKNOWN, details: 'Received HTTP status code 500' })
  })
})
