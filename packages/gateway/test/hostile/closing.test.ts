/** A client that still writes when the gateway has closed its side must be able to read why. */
import net from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { startUpstream, type Upstream } from '../../../../test/support/upstream.ts'
import { keylessApi } from '../support/api.ts'
import { get, HOST, post } from './corpus/case.ts'

describe('an answer that closes the connection', () => {
  let upstream: Upstream
  let gateway: Gateway

  beforeAll(async () => {
    upstream = await startUpstream((_, response) => response.end('ok'))
    gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' } }) },
      conf: { enable_analytics: false, http_server_options: { max_request_body_size: 5 } },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.close()
  })

  test.each([
    ['200, as it was asked to be the last,', get('Connection: close\r\n')],
    ['400 of the parser', 'nonsense\r\n\r\n'],
    ['400 of the gate', `POST /x HTTP/1.1\r\nHost: a b\r\nContent-Length: 100000\r\n\r\n`],
    ['400 without a Host', 'GET /x HTTP/1.1\r\n\r\n'],
    ['405', `CONNECT client.test:80 HTTP/1.1\r\n${HOST}\r\n`],
    ['413', post('Content-Length: 100000000\r\n')],
    ['501', post('Transfer-Encoding: gzip, chunked\r\n')],
    ['501, which the parser refuses as well,', post('Transfer-Encoding: identity\r\n')],
    ['505', `GET /x HTTP/0.9\r\n${HOST}\r\n`],
  ])('%s ends it without a reset, though more comes', async (name, bytes) => {
    const errors: unknown[] = []
    const socket = net.connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', (err) => errors.push(err))
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.write(bytes, 'latin1')
    await once(socket, 'end')
    // A reset in answer to one of them would fail a later one.
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => socket.write('a'.repeat(1000), resolve))
      await new Promise((resolve) => setImmediate(resolve))
    }
    socket.end()
    await new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))
    expect(errors).toEqual([])
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${name.slice(0, 3)} `))
  })
})
