/** Upgrades that are taken up, among other requests on the connection. */
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { keylessApi } from '../support/api.ts'
import { rawRequest, startRawUpstream, type RawUpstream } from '../support/raw-http.ts'
import { FOLLOW_UP, get, SMUGGLED } from './corpus/case.ts'

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
const UPGRADE = get('Connection: Upgrade\r\nUpgrade: echo\r\n', '/tunnel')
const PLAIN = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok'

describe('an upgrade', () => {
  let upstream: RawUpstream
  let gateway: Gateway
  /** Ends the wait of whoever asked for `/held`. */
  const release: (() => void)[] = []

  beforeAll(async () => {
    upstream = await startRawUpstream((socket, bytes) => {
      const received = bytes.slice(Math.max(0, bytes.lastIndexOf('GET /')))
      if (received.startsWith('GET /held ')) release.push(() => socket.write(PLAIN))
      else if (received.startsWith('GET /tunnel ') && socket.bytesWritten === 0) socket.write(SWITCH)
      else if (received.endsWith('\r\n\r\n')) socket.write(PLAIN)
    })
    gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' } }) },
      conf: { enable_analytics: false, http_server_options: { enable_websockets: true } },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
  })

  test('behind a request under way waits for its answer, and does not end the process', async () => {
    const client = net.connect(gateway.port, '127.0.0.1')
    let text = ''
    client.on('data', (chunk) => (text += chunk.toString('latin1')))
    client.write(get('', '/held') + UPGRADE)
    await eventually(() => expect(release).toHaveLength(1))
    expect(upstream.received.join('')).not.toContain('/tunnel')
    release.pop()?.()
    await eventually(() => expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*okHTTP\/1.1 101 Switching Protocols\r\n/))
    client.write(SMUGGLED)
    await eventually(() => expect(upstream.received.at(-1)).toContain(`\r\n\r\n${SMUGGLED}`))
    client.destroy()
    expect(await rawRequest(gateway.port, FOLLOW_UP)).toMatch(/^HTTP\/1.1 200 OK\r\n/)
  })

  test('that announces a body leaves nothing on the connection for the next one', async () => {
    const client = net.connect(gateway.port, '127.0.0.1')
    client.on('error', () => {})
    client.end(get('Connection: upgrade\r\nUpgrade: foo\r\nContent-Length: 60\r\n'))
    expect(await rawRequest(gateway.port, FOLLOW_UP)).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    client.destroy()
  })
})
