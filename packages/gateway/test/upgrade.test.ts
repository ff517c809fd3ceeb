import net from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { recordsUntil } from '../../../test/support/read-records.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { keylessApi } from './support/api.ts'
import { startRawUpstream, type RawUpstream } from './support/raw-http.ts'

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nConnection: Upgrade\r\n\r\n'

describe.skipIf(redisSkipReason())('an upgrade', () => {
  let redis: RedisServer
  let upstream: RawUpstream
  let gateway: Gateway

  beforeAll(async () => {
    redis = await startRedis()
    // Echoes in capitals once it has switched; `/no` is answered in the ordinary way.
    upstream = await startRawUpstream((socket, received) => {
      const end = received.indexOf('\r\n\r\n')
      if (end === -1) return
      if (received.startsWith('GET /no ')) {
        socket.write('HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno')
        return
      }
      if (!received.includes('Upgrade: echo')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nplain')
        return
      }
      if (socket.bytesWritten === 0) socket.write(SWITCH)
      socket.write(received.slice(received.lastIndexOf('|') + 1).toUpperCase())
    })
    gateway = await startGateway({
      redisPort: redis.port,
      apis: {
        'app.json': keylessApi(upstream.url),
        'key.json': keylessApi(upstream.url, { api_id: 'key', use_keyless: false, proxy: { listen_path: '/key/' } }),
      },
      conf: { http_server_options: { enable_websockets: true } },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
    await redis?.stop()
  })

  async function open(
    path: string,
    connection = 'Upgrade',
  ): Promise<{ socket: net.Socket; read(until: string): Promise<string> }> {
    const socket = net.connect(gateway.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    await once(socket, 'connect')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: ${connection}\r\nUpgrade: Echo\r\n\r\n`)
    const read = async (until: string): Promise<string> => {
      while (!text.includes(until)) await once(socket, 'data')
      return text
    }
    return { socket, read }
  }

  test.each(['Upgrade', 'keep-alive, Upgrade'])(
    'with Connection: %s joins both sides, and leaves one record at its end',
    async (connection) => {
      const path = `/app/${connection.length}`
      const { socket, read } = await open(path, connection)
      expect(await read('\r\n\r\n')).toContain(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n',
      )
      socket.write('|hello')
      await read('HELLO')
      socket.end()
      const records = await recordsUntil(redis.url, (record) => record.originalPath === path)
      expect(records.at(-1)).toMatchObject({ responseCode: 101 })
    },
  )

  test('that the upstream refuses is answered in the ordinary way', async () => {
    const { read } = await open('/app/no')
    const answer = await read('no')
    expect(answer).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/)
    expect(answer).toContain('X-Ratelimit-Limit: 0')
  })

  test('passes authentication like any request', async () => {
    const { read } = await open('/key/x')
    expect(await read('}')).toMatch(/^HTTP\/1.1 401 /)
  })

  test('to a path outside every API is answered 404', async () => {
    const { read } = await open('/none')
    expect(await read('Not Found')).toMatch(/^HTTP\/1.1 404 /)
  })

  test('ends at both sides when either ends', async () => {
    const { socket, read } = await open('/app/close')
    await read('\r\n\r\n')
    const atUpstream = upstream.sockets.at(-1) as net.Socket
    atUpstream.destroy()
    await once(socket, 'close')
  })
})

describe.skipIf(redisSkipReason())('with websockets off', () => {
  test('an upgrade reaches the upstream as an ordinary request', async () => {
    await using redis = await startRedis()
    await using upstream = await startRawUpstream((socket, received) => {
      if (received.includes('\r\n\r\n'))
        socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nplain')
    })
    await using gateway = await startGateway({ redisPort: redis.port, apis: { 'app.json': keylessApi(upstream.url) } })
    const socket = net.connect(gateway.port, '127.0.0.1')
    socket.write('GET /app/x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    let answer = ''
    while (!answer.includes('plain')) answer += ((await once(socket, 'data')) as [Buffer])[0].toString()
    socket.destroy()
    expect(upstream.received.join('')).not.toContain('Upgrade')
  })
})
