/** Clients that go away at unhandy moments: one record each, and nothing is left open upstream. */
import http2 from 'node:http2'
import net from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AnalyticsRecord } from '@tek/analytics-record'
import { createAuthority } from '../../../test/support/certificates.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { recordsUntil } from '../../../test/support/read-records.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { keylessApi } from './support/api.ts'
import { startRawUpstream, type RawUpstream } from './support/raw-http.ts'

const LARGE = 1_000_000

describe.skipIf(redisSkipReason())('a client that goes away', () => {
  const resources = new AsyncDisposableStack()
  let redis: RedisServer
  let upstream: RawUpstream
  let plain: Gateway
  let secure: Gateway

  beforeAll(async () => {
    redis = resources.use(await startRedis())
    // Upgrades and what else has no `/large` in its path are never answered.
    upstream = resources.use(
      await startRawUpstream((socket, received) => {
        if (!received.includes('/large')) return
        socket.write(`HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: ${LARGE}\r\n\r\n${'x'.repeat(LARGE)}`)
      }),
    )
    const authority = resources.use(await createAuthority())
    const { file } = await authority.issue({ cn: 'localhost', ips: ['127.0.0.1'] })
    const start = async (use_ssl: boolean): Promise<Gateway> => {
      const gateway = await startGateway({
        redisPort: redis.port,
        unchecked: use_ssl,
        apis: {
          'app.json': keylessApi(upstream.url),
          'keys.json': keylessApi(upstream.url, {
            api_id: 'keys',
            use_keyless: false,
            use_standard_auth: true,
            proxy: { listen_path: '/keys/' },
          }),
        },
        conf: {
          http_server_options: { enable_websockets: true, enable_http2: true, use_ssl, ssl_certificates: [file] },
        },
      })
      resources.use(gateway)
      await gateway.program.waitForLine(/Tyk Gateway started/)
      return gateway
    }
    plain = await start(false)
    secure = await start(true)
  })
  afterAll(() => resources.disposeAsync())

  const openUpstream = (): number => upstream.sockets.filter((socket) => !socket.destroyed).length

  async function recordsOf(path: string): Promise<Pick<AnalyticsRecord, 'responseCode' | 'originalPath'>[]> {
    const records = await recordsUntil(redis.url, ({ originalPath }) => originalPath === path)
    return records.map(({ responseCode, originalPath }) => ({ responseCode, originalPath }))
  }

  async function connect(text: string): Promise<net.Socket> {
    const socket = net.connect(plain.port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    await new Promise<void>((resolve) => void socket.write(text, () => resolve()))
    return socket
  }

  test('before its upgrade is answered is recorded with 499 and is not waited for', async () => {
    const before = upstream.sockets.length
    for (const end of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const path = `/app/upgrade/${end}`
      const head = `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
      const socket = await connect(head)
      await eventually(() => expect(upstream.received.some((text) => text.includes(`/upgrade/${end}`))).toBe(true))
      socket[end]()
      expect(await recordsOf(path)).toEqual([{ responseCode: 499, originalPath: path }])
      await eventually(() => expect(openUpstream()).toBe(0))
    }
    expect(upstream.sockets.length).toBe(before + 3)
  })

  test('while its key is looked up is recorded, and its request does not go upstream', async () => {
    const session = { access_rights: { keys: { api_id: 'keys', api_name: 'keys', versions: ['Default'] } } }
    const made = await fetch(`${plain.url}/tyk/keys/create`, {
      method: 'POST',
      headers: { 'x-tyk-authorization': plain.secret },
      body: JSON.stringify({ org_id: 'default', rate: -1, per: 1, quota_max: -1, ...session }),
    })
    const { key } = (await made.json()) as { key: string }
    await plain.reload()
    const before = upstream.sockets.length
    for (const [token, code] of [
      [key, 499],
      ['nobody', 403],
    ] as const) {
      const path = `/keys/looked-up/${code}`
      redis.kill('SIGSTOP')
      const socket = await connect(`GET ${path} HTTP/1.1\r\nHost: h\r\nAuthorization: ${token}\r\n\r\n`)
      // The gateway has read the request, and then the end, once it has closed its own side.
      socket.resume().end()
      await once(socket, 'close')
      redis.kill('SIGCONT')
      expect(await recordsOf(path)).toEqual([{ responseCode: code, originalPath: path }])
    }
    expect(upstream.sockets.length).toBe(before)
  })

  test.each(['plain', 'with TLS'])(
    'over HTTP/2 (%s) while its answer waits for it is recorded, and the upstream let go',
    async (layer) => {
      const { port } = layer === 'plain' ? plain : secure
      const url = `${layer === 'plain' ? 'http' : 'https'}://127.0.0.1:${port}`
      const session = http2.connect(url, { rejectUnauthorized: false })
      session.on('error', () => {})
      const path = `/app/large/${layer.replace(' ', '-')}`
      const stream = session.request({ ':path': path })
      stream.on('error', () => {})
      await once(stream, 'response')
      session.destroy()
      expect(await recordsOf(path)).toEqual([{ responseCode: 200, originalPath: path }])
      await eventually(() => expect(openUpstream()).toBe(0))
    },
  )
})
