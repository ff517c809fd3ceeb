/** TLS connections whose handshake is never finished. */
import net from 'node:net'
import tls from 'node:tls'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority, type Authority, type Certificate } from '../../../../test/support/certificates.ts'
import { eventually } from '../../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { freePort } from '../../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../../test/support/upstream.ts'
import { keylessApi } from '../support/api.ts'
import { get } from './corpus/case.ts'

/** The first bytes of a TLS greeting that announces more. */
const HALF_A_GREETING = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])
/** So long that a stop which waits for its end fails the test. */
const STOP_S = 300

interface Silent {
  readonly closed: boolean
}

async function connectSilent(port: number, first: Buffer): Promise<Silent> {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  if (first.length > 0) socket.write(first)
  socket.resume()
  return socket
}

describe('a TLS connection', () => {
  let authority: Authority
  let certificate: Certificate
  let upstream: Upstream
  const release: (() => void)[] = []

  beforeAll(async () => {
    authority = await createAuthority()
    certificate = await authority.issue({ cn: 'first.test', ips: ['127.0.0.1'] })
    upstream = await startUpstream((request, response) => {
      if (request.url === '/held') release.push(() => response.end('held'))
      else response.end('ok')
    })
  })
  afterAll(async () => {
    await upstream?.close()
    await authority?.[Symbol.asyncDispose]()
  })

  async function startTls(httpServer: object = {}): Promise<Gateway> {
    const gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' } }) },
      conf: {
        enable_analytics: false,
        graceful_shutdown_timeout_duration: STOP_S,
        http_server_options: { use_ssl: true, ssl_certificates: [certificate.file], ...httpServer },
      },
      unchecked: true,
    })
    await gateway.program.waitForLine(/Listening on port/)
    return gateway
  }

  async function connectTls(port: number): Promise<tls.TLSSocket> {
    const socket = tls.connect({ port, host: '127.0.0.1', ca: authority.cert })
    socket.on('error', () => {})
    await once(socket, 'secureConnect')
    return socket
  }

  describe('with a read timeout of a second', () => {
    let gateway: Gateway

    beforeAll(async () => {
      gateway = await startTls({ read_timeout: 1 })
    })
    afterAll(() => gateway?.stop())

    test.each([
      ['says nothing', Buffer.alloc(0)],
      ['stops in its greeting', HALF_A_GREETING],
    ])('that %s has its deadline, which is not that of a request under way', async (_, first) => {
      const good = await connectTls(gateway.port)
      let text = ''
      good.on('data', (chunk) => (text += String(chunk)))
      release.length = 0
      good.write(get('', '/held'))
      await eventually(() => expect(release).toHaveLength(1))
      const silent = await connectSilent(gateway.port, first)
      await eventually(() => expect(silent.closed).toBe(true))
      release.pop()?.()
      await eventually(() => expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*held/))
      good.destroy()
    })

    test('that goes on with its greeting byte by byte has the same deadline', async () => {
      const socket = net.connect({ port: gateway.port, host: '127.0.0.1', noDelay: true })
      socket.on('error', () => {})
      socket.write(HALF_A_GREETING)
      const timer = setInterval(() => void socket.write(Buffer.from([0x61])), 20)
      await new Promise<void>((resolve) => socket.resume().once('close', () => resolve()))
      clearInterval(timer)
    })

    test('that speaks plain HTTP is closed', async () => {
      const socket = net.connect(gateway.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(get())
      await new Promise<void>((resolve) => socket.resume().once('close', () => resolve()))
    })
  })

  test('that has not finished its handshake does not hold up a stop', async () => {
    await using gateway = await startTls()
    const silent = [
      await connectSilent(gateway.port, Buffer.alloc(0)),
      await connectSilent(gateway.port, HALF_A_GREETING),
    ]
    // Accepted behind them, so that they were accepted before.
    const good = await connectTls(gateway.port)
    good.destroy()
    gateway.program.kill('SIGTERM')
    expect(await gateway.program.exited()).toBe(0)
    await eventually(() => expect(silent.every(({ closed }) => closed)).toBe(true))
  })

  test('that has not finished its handshake is closed at once when a reload closes its port, others when they are done', async () => {
    const port = await freePort()
    await using gateway = await startGateway({
      apis: {
        'own.json': keylessApi(upstream.url, {
          protocol: 'https',
          listen_port: port,
          certificates: [certificate.file],
          proxy: { listen_path: '/' },
        }),
      },
      conf: { enable_analytics: false, disable_ports_whitelist: true },
    })
    const good = await connectTls(port)
    let text = ''
    good.on('data', (chunk) => (text += String(chunk)))
    release.length = 0
    good.write(get('', '/held'))
    await eventually(() => expect(release).toHaveLength(1))
    const silent = await connectSilent(port, HALF_A_GREETING)
    ;(await connectTls(port)).destroy()
    await gateway.writeApi('own.json', keylessApi(upstream.url))
    await gateway.reload()
    // Half of what requests under way get.
    await eventually(() => expect(silent.closed).toBe(true), 5_000)
    release.pop()?.()
    await eventually(() => expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*held/))
    good.destroy()
  })
})
