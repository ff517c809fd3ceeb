/** Requests that do not go to their end as planned: cut uploads, early answers, steps that fail. */
import net from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { recordsUntil } from '../../../test/support/read-records.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { apiAt, withVersion } from './support/api.ts'
import { connectHttp2 } from './support/http2.ts'
import { startRawUpstream, type RawUpstream } from './support/raw-http.ts'
import { LANES } from './support/stages.ts'

const MB = 1024 * 1024
const OK = 'HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: 2\r\n\r\nok'
const REFUSED = 'HTTP/1.1 413 Request Entity Too Large\r\nContent-Type: x/y\r\nContent-Length: 2\r\n\r\nno'
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'

const refused = new WeakSet<net.Socket>()

/** Answers at once and reads no further where the path says so, else when the head and a short body are there. */
function serve(socket: net.Socket, received: string): void {
  if (refused.has(socket)) return
  if (received.includes('POST /refused')) {
    refused.add(socket)
    socket.write(REFUSED)
    socket.pause()
  }
  if (received.length > 10_000) return
  const request = /[A-Z]+ \/\S* HTTP\/1\.1\r\n(?![^]*HTTP\/1\.1\r\n)[^]*$/.exec(received)?.[0] ?? ''
  if (request.startsWith('POST')) return
  if (/^upgrade:/im.test(request)) {
    socket.write(SWITCH)
  } else if (/^content-length: 4\r/im.test(request) ? request.endsWith('BODY') : request.endsWith('\r\n\r\n')) {
    socket.write(OK)
  }
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

describe.skipIf(redisSkipReason()).each(LANES)('on the %s lane', (lane) => {
  const resources = new AsyncDisposableStack()
  let redis: RedisServer
  let upstream: RawUpstream
  let gateway: Gateway

  beforeAll(async () => {
    redis = resources.use(await startRedis())
    upstream = resources.use(await startRawUpstream(serve))
    // Its request data is read up to 10 MB.
    const vars = {
      enable_context_vars: true,
      ...withVersion({ global_headers: { 'X-Data': '$tyk_context.request_data' } }),
    }
    const schema = { type: 'array', items: { $ref: '#' } }
    const deep = withVersion({ extended_paths: { validate_json: [{ path: '/', method: 'POST', schema }] } })
    gateway = resources.use(
      await startGateway({
        redisPort: redis.port,
        apis: {
          'app.json': apiAt('app', upstream.url),
          'vars.json': apiAt('vars', upstream.url, vars),
          'deep.json': apiAt('deep', upstream.url, deep),
        },
        conf: { http_server_options: { enable_websockets: true, enable_http2: true } },
        env: { TYK_GW_UPSTREAMTRANSPORT: lane },
      }),
    )
  })
  afterAll(() => resources.disposeAsync())

  async function connect(): Promise<{
    socket: net.Socket
    text(): string
    write(data: string | Buffer): Promise<void>
  }> {
    const socket = net.connect(gateway.port, '127.0.0.1')
    resources.defer(() => void socket.destroy())
    socket.on('error', () => {})
    let text = ''
    await once(socket, 'connect')
    return {
      socket,
      text() {
        return text
      },
      write: (data) =>
        new Promise((resolve, reject) => {
          socket.write(data, (err) => (err ? reject(err) : resolve()))
          // Nothing is read before all is written.
          if (socket.listenerCount('data') === 0)
            socket.on('data', (chunk) => (text += chunk.toString('latin1'))).pause()
        }),
    }
  }

  const head = (path: string, length: number, method = 'POST', more = ''): string =>
    `${method} ${path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${length}\r\n${more}\r\n`

  async function codeRecorded(path: string): Promise<number | undefined> {
    const records = await recordsUntil(redis.url, ({ originalPath }) => originalPath === path)
    return records.find(({ originalPath }) => originalPath === path)?.responseCode
  }

  const serves = async (): Promise<void> => {
    expect(await (await fetch(`${gateway.url}/app/next`)).text()).toBe('ok')
  }

  test('a client that leaves in a body longer than a step reads ends nothing but its request', async () => {
    const client = await connect()
    await client.write(head('/vars/cut', 20 * MB))
    await client.write(Buffer.alloc(10.5 * MB, 'a'))
    await eventually(() => expect(upstream.received.some((text) => text.startsWith('POST /cut'))).toBe(true))
    client.socket.destroy()
    expect(await codeRecorded('/vars/cut')).toBe(499)
    await serves()
  })

  test.each(['app', 'vars'])('an answer before the body of %s was read leaves the connection usable', async (api) => {
    const client = await connect()
    await client.write(head(`/${api}/refused`, 50 * MB))
    await client.write(Buffer.alloc(50 * MB, 'a'))
    client.socket.resume()
    await eventually(() => expect(client.text()).toMatch(/^HTTP\/1\.1 413 [^]*no$/))
    await client.write('GET /app/next HTTP/1.1\r\nHost: h\r\n\r\n')
    await eventually(() => expect(client.text()).toMatch(/noHTTP\/1\.1 200 [^]*ok$/))
  })

  test('a step that fails after it has read the body is answered, recorded with 500 and logged', async () => {
    const answer = await fetch(`${gateway.url}/deep/x`, { method: 'POST', body: nested(60_000) })
    expect(answer.status).toBe(500)
    await gateway.program.waitForLine(/A request failed inside the gateway/)
    expect(await codeRecorded('/deep/x')).toBe(500)
  })

  test('a client that waits for 100 Continue gets it, whatever its method and protocol', async () => {
    const client = await connect()
    await client.write(head('/app/dav', 4, 'PROPFIND', 'Expect: 100-continue\r\n'))
    client.socket.resume()
    await eventually(() => expect(client.text()).toBe('HTTP/1.1 100 Continue\r\n\r\n'))
    await client.write('BODY')
    await eventually(() => expect(client.text()).toMatch(/Continue\r\n\r\nHTTP\/1\.1 200 [^]*ok$/))
    await using http2 = await connectHttp2(gateway.url)
    const headers = { ':path': '/app/h2', ':method': 'PUT', 'content-length': '4', expect: '100-continue' }
    const stream = http2.session.request(headers, { endStream: false })
    await once(stream, 'continue')
    stream.end('BODY')
    const [answer] = (await once(stream, 'response')) as [Record<string, unknown>]
    expect(answer[':status']).toBe(200)
  })

  test.each(['h2c', 'websocket, h2c', 'HTTP/2.0', 'TLS/1.2'])('an upgrade to %s is not passed on', async (type) => {
    const client = await connect()
    const path = `/${encodeURIComponent(type)}`
    await client.write(
      `GET /app${path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${type}\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    )
    client.socket.resume()
    await eventually(() => expect(client.text()).toMatch(/^HTTP\/1\.1 200 [^]*ok$/))
    const seen = upstream.received.map((text) => text.split(`GET ${path} `)[1]).find((text) => text !== undefined)
    expect(seen).toBeDefined()
    expect(seen).not.toMatch(/^(upgrade|http2-settings|connection):/im)
  })
})
