import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { Readable, type Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthority } from '../../../test/support/certificates.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { keylessApi } from './support/api.ts'

/** Bytes that do not repeat where reads do. */
const NOISE = randomBytes(1_000_003)
const PARTS = 24
const SIZE = NOISE.length * PARTS

const resources = new AsyncDisposableStack()
const gateways = new Map<string, Gateway>()

/** Sends back what it gets, with a length when the request has one. */
const echo: http.RequestListener = (req, res) => {
  const length = req.headers['content-length']
  res.writeHead(200, { 'Content-Type': 'application/octet-stream', ...(length && { 'Content-Length': length }) })
  pipeline(req, res).catch(() => {})
}

async function listening(server: http.Server | https.Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  resources.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  const scheme = server instanceof https.Server ? 'https' : 'http'
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeAll(async () => {
  const authority = resources.use(await createAuthority())
  const { cert, key, file } = await authority.issue({ cn: 'localhost', ips: ['127.0.0.1'] })
  const upstreams = { plain: http.createServer(echo), tls: https.createServer({ cert, key }, echo) }
  for (const [name, server] of Object.entries(upstreams)) {
    const gateway = await startGateway({
      apis: { 'app.json': keylessApi(await listening(server)) },
      conf: {
        enable_analytics: false,
        proxy_ssl_insecure_skip_verify: true,
        http_server_options: { enable_http2: true, use_ssl: name === 'tls', ssl_certificates: [file] },
      },
      // The readiness of a gateway with TLS is asked for over TLS.
      unchecked: name === 'tls',
    })
    resources.use(gateway)
    await gateway.program.waitForLine(/Tyk Gateway started/)
    gateways.set(name, gateway)
  }
})
afterAll(() => resources.disposeAsync())

function noise(): Readable {
  return Readable.from(
    (function* () {
      for (let i = 0; i < PARTS; i++) {
        // Cut where no read is: the pieces meet chunk boundaries in all positions.
        for (let at = 0; at < NOISE.length; at += 30_011) yield NOISE.subarray(at, at + 30_011)
      }
    })(),
    { objectMode: false },
  )
}

const expected = ((): string => {
  const hash = createHash('sha256')
  for (let i = 0; i < PARTS; i++) hash.update(NOISE)
  return hash.digest('hex')
})()

/** Reads at its own pace, so that both sides have to wait for it now and then. */
async function digest(body: Readable): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of body) {
    hash.update(chunk as Buffer)
    size += (chunk as Buffer).length
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { size, sha256: hash.digest('hex') }
}

async function overHttp1(gateway: Gateway, secure: boolean, headers: Record<string, string>): Promise<Readable> {
  const options = { port: gateway.port, path: '/app/', method: 'POST', headers, agent: false as const }
  const request = secure ? https.request({ ...options, rejectUnauthorized: false }) : http.request(options)
  pipeline(noise(), request).catch(() => {})
  return ((await once(request, 'response')) as [http.IncomingMessage])[0]
}

async function overHttp2(gateway: Gateway, secure: boolean): Promise<Readable> {
  const url = `${secure ? 'https' : 'http'}://127.0.0.1:${gateway.port}`
  const session = http2.connect(url, { rejectUnauthorized: false })
  const stream: Duplex = session.request({ ':path': '/app/', ':method': 'POST' })
  stream.on('close', () => session.close())
  pipeline(noise(), stream, { end: true }).catch(() => {})
  await once(stream, 'response')
  return stream
}

const clients = {
  'HTTP/1.1, with a length': (gateway: Gateway, secure: boolean) =>
    overHttp1(gateway, secure, { 'Content-Length': String(SIZE) }),
  'HTTP/1.1, chunked': (gateway: Gateway, secure: boolean) => overHttp1(gateway, secure, {}),
  'HTTP/2': overHttp2,
}

test.each(
  (['plain', 'tls'] as const).flatMap((layer) =>
    (Object.keys(clients) as (keyof typeof clients)[]).map((client) => [client, layer] as const),
  ),
)(
  'large bodies arrive byte for byte both ways: %s, %s',
  async (client, layer) => {
    const gateway = gateways.get(layer) as Gateway
    const send = clients[client]
    const both = await Promise.all([1, 2].map(async () => digest(await send(gateway, layer === 'tls'))))
    for (const received of both) expect(received).toEqual({ size: SIZE, sha256: expected })
  },
  60_000,
)
