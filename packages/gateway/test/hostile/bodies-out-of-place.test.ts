/** A body that the client must not get, because it asked with HEAD and the upstream was asked with GET. */
import net from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { startUpstream, type Upstream } from '../../../../test/support/upstream.ts'
import { keylessApi, withVersion } from '../support/api.ts'
import { HOST } from './corpus/case.ts'

const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'

describe.each(['direct', 'http-proxy'])('on the lane %s', (lane) => {
  let upstream: Upstream
  let gateway: Gateway

  beforeAll(async () => {
    upstream = await startUpstream((request, response) => {
      response.setHeader('content-type', 'text/plain')
      response.end(request.url === '/first' ? POISON : `${request.method} ${request.url}`)
    })
    const version = withVersion({
      extended_paths: { method_transforms: [{ path: '/first', method: 'HEAD', to_method: 'GET' }] },
    })
    gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' }, ...version }) },
      conf: { enable_analytics: false, upstream_transport: lane },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.close()
  })

  test('a HEAD has no body behind its answer, whatever the upstream was asked', async () => {
    const socket = net.connect(gateway.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.write(`HEAD /first HTTP/1.1\r\n${HOST}\r\nGET /second HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    await once(socket, 'close')
    const [head = '', second = '', ...more] = text.split(/(?=HTTP\/1\.1 )/)
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/)
    expect(head).toContain(`Content-Length: ${POISON.length}\r\n`)
    expect(second).toMatch(/\r\n\r\nGET \/second$/)
    expect(more).toEqual([])
  })
})
