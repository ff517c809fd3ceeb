import { once } from 'node:events'
import http, { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createAuthority } from '../../../test/support/certificates.ts'
import { startGateway } from '../../../test/support/gateway.ts'
import { startUpstream } from '../../../test/support/upstream.ts'
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
  test('of an API gets plain requests in absolute form, with its credentials', async () => {
    await using upstream = await startUpstream((req, res) => res.end(`${req.url} ${req.headers.host}`))
    await using proxy = await startProxy()
    await using gateway = await startGateway({
      apis: {
        'app.json': keylessApi(`http://upstream.test:${upstream.port}/base`, {
          proxy: { transport: { proxy_url: `http://me:p%40ss@127.0.0.1:${proxy.port}` } },
        }),
      },
      conf: { enable_analytics: false },
    })
    const host = `upstream.test:${upstream.port}`
    expect(await text(`${gateway.url}/app/x?q=1`)).toBe(`200 /base/x?q=1 ${host}`)
    const credentials = `Basic ${Buffer.from('me:p@ss').toString('base64')}`
    expect(proxy.seen).toEqual([`GET http://${host}/base/x?q=1 ${credentials} ${host}`])
  })

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
    expect(gateway.program.output()).toContain('the forward proxy answered 407 to CONNECT')
    server.closeAllConnections()
    server.close()
  })

  test('of the environment is used, except for NO_PROXY and the loopback', async () => {
    await using upstream = await startUpstream((req, res) => res.end(req.url))
    await using proxy = await startProxy()
    const api = (id: string, host: string): Record<string, unknown> =>
      keylessApi(`http://${host}:${upstream.port}`, { api_id: id, proxy: { listen_path: `/${id}/` } })
    await using gateway = await startGateway({
      apis: {
        'proxied.json': api('proxied', 'upstream.test'),
        'direct.json': api('direct', 'sub.direct.test'),
        'local.json': api('local', '127.0.0.1'),
      },
      conf: { enable_analytics: false },
      env: { HTTP_PROXY: `127.0.0.1:${proxy.port}`, no_proxy: 'direct.test' },
    })
    expect(await text(`${gateway.url}/proxied/x`)).toBe('200 /x')
    expect(await text(`${gateway.url}/local/x`)).toBe('200 /x')
    expect(await text(`${gateway.url}/direct/x`)).toMatch(/^500 /)
    expect(proxy.seen).toHaveLength(1)
  })

  test('with a scheme that is not spoken skips the API', async () => {
    await using gateway = await startGateway({
      apis: {
        'app.json': keylessApi('http://127.0.0.1:1', { proxy: { transport: { proxy_url: 'socks5://p:1080' } } }),
      },
      conf: { enable_analytics: false },
    })
    expect(gateway.program.output()).toContain('forward proxies speak http or https, not socks5')
  })
})
