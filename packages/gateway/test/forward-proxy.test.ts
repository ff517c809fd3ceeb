import { once } from 'node:events'
import http, { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createAuthority } from '../../../test/support/certificates.ts'
import { startGateway } from '../../../test/support/gateway.ts'
import { keylessApi } from './support/api.ts'

interface Proxy extends AsyncDisposable {
  readonly port: number
  /** Request lines, and the credentials that came with them. */
  readonly seen: string[]
}

/** A forward proxy that sends everything to the loopback, whatever host was asked for. */
async function startProxy(refuse = false): Promise<Proxy> {
  const seen: string[] = []
  const note = (req: IncomingMessage): void =>
    void seen.push(`${req.method} ${req.url} ${req.headers['proxy-authorization'] ?? '-'} ${req.headers.host}`)
  const server = createServer((req, res) => {
    note(req)
    const { port, pathname, search } = new URL(req.url ?? '')
    const { 'proxy-authorization': _, ...headers } = req.headers
    const onward = http.request({ port, host: '127.0.0.1', path: pathname + search, method: req.method, headers })
    onward.on('response', (answer) => {
      res.writeHead(answer.statusCode ?? 0, answer.rawHeaders)
      answer.pipe(res)
    })
    req.pipe(onward)
  })
  server.on('connect', (req, socket) => {
    note(req)
    if (refuse) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    const onward = net.connect(Number((req.url ?? '').split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(socket)
      socket.pipe(onward)
    })
    for (const side of [onward, socket]) side.on('error', () => onward.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const text = async (url: string): Promise<string> => {
  const response = await fetch(url)
  return `${response.status} ${await response.text()}`
}

describe('a forward proxy', () => {
  test('of an API is asked for a tunnel to TLS upstreams, which are verified as without it', async () => {
    await using authority = await createAuthority()
    const { key, cert } = await authority.issue({ cn: 'upstream.test' })
    const server = createTlsServer({ key, cert }, (_, res) => res.end('secret'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await using proxy = await startProxy()
    await using closed = await startProxy(true)
    const api = (id: string, host: string, through: Proxy): Record<string, unknown> =>
      keylessApi(`https://${host}:${port}`, {
        api_id: id,
        proxy: { listen_path: `/${id}/`, transport: { proxy_url: `http://127.0.0.1:${through.port}` } },
      })
    await using gateway = await startGateway({
      apis: {
        'good.json': api('good', 'upstream.test', proxy),
        'name.json': api('name', 'other.test', proxy),
        'refused.json': api('refused', 'upstream.test', closed),
      },
      conf: { enable_analytics: false },
      env: { NODE_EXTRA_CA_CERTS: authority.certFile },
    })
    expect(await text(`${gateway.url}/good/x`)).toBe('200 secret')
    expect(proxy.seen).toEqual([`CONNECT upstream.test:${port} - upstream.test:${port}`])
    expect(await text(`${gateway.url}/name/x`)).toMatch(/^500 /)
    expect(await text(`${gateway.url}/refused/x`)).toMatch(/^500 /)
    await gateway.program.waitForLine('the forward proxy answered 407 to CONNECT')
    server.closeAllConnections()
    server.close()
  })

  test('with a scheme that is not spoken skips the API', async () => {
    await using gateway = await startGateway({
      apis: {
        'app.json': keylessApi('http://127.0.0.1:1', { proxy: { transport: { proxy_url: 'socks5://p:1080' } } }),
      },
      conf: { enable_analytics: false },
    })
    await gateway.program.waitForLine('forward proxies speak http or https, not socks5')
  })
})
