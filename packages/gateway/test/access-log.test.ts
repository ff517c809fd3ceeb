import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'

type Line = Record<string, unknown>

/** The access log line of the request to this path. */
async function lineOf(gateway: Gateway, path: string): Promise<Line> {
  const text = await gateway.program.waitForLine(new RegExp(`"original_path":"${path}".*"prefix":"access-log"`))
  return JSON.parse(text) as Line
}

interface ExpiredUpstream extends AsyncDisposable {
  readonly url: string
  /** Its certificate, for those who would trust it. */
  readonly certificate: string
}

/** An upstream whose certificate ended yesterday. */
async function startExpired(): Promise<ExpiredUpstream> {
  const folder = await mkdtemp(join(tmpdir(), 'tek-expired-'))
  const file = (name: string): string => join(folder, name)
  const openssl = (...args: string[]): Promise<unknown> => promisify(execFile)('openssl', args)
  const subject = ['-subj', '/O=Acme/CN=127.0.0.1']
  await openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', file('key'), '-out', file('csr'), ...subject)
  await openssl('x509', '-req', '-in', file('csr'), '-signkey', file('key'), '-days', '-1', '-out', file('pem'))
  const server = tls.createServer({ key: await readFile(file('key')), cert: await readFile(file('pem')) })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    certificate: file('pem'),
    async [Symbol.asyncDispose]() {
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

describe('the access log', () => {
  let upstream: Upstream
  let plain: net.Server
  let expired: ExpiredUpstream
  let gateway: Gateway
  const port = (): number => (plain.address() as net.AddressInfo).port

  beforeAll(async () => {
    upstream = await startUpstream((request, response) => {
      if (request.url === '/hang') return
      if (request.url === '/reset') request.socket.resetAndDestroy()
      else response.writeHead(request.url === '/bad' ? 502 : 200).end('ok')
    })
    plain = net.createServer((socket) => socket.on('error', () => {}).end('this is not TLS')).listen(0, '127.0.0.1')
    await once(plain, 'listening')
    expired = await startExpired()
    const api = (id: string, target: string, changes: Record<string, unknown> = {}): unknown =>
      keylessApi(target, { api_id: id, name: id, ...changes, proxy: { listen_path: `/${id}/` } })
    gateway = await startGateway({
      apis: {
        'app.json': api('app', `${upstream.url}/base/`),
        'root.json': api('root', upstream.url),
        'keys.json': api('keys', upstream.url, { use_keyless: false, use_standard_auth: true }),
        'jwt.json': api('jwt', upstream.url, { use_keyless: false, enable_jwt: true, jwt_signing_method: 'hmac' }),
        'quiet.json': api('quiet', 'http://127.0.0.1:1', { do_not_track: true }),
        'gone.json': api('gone', 'http://127.0.0.1:1'),
        'lost.json': api('lost', 'http://no-such-host.invalid'),
        'nottls.json': api('nottls', `https://127.0.0.1:${port()}`),
        'old.json': api('old', expired.url),
      },
      conf: { access_logs: { enabled: true }, log_format: 'json', proxy_default_timeout: 1 },
      env: { TYK_GW_ENABLEANALYTICS: 'false', NODE_EXTRA_CA_CERTS: expired.certificate },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    plain?.close()
    await expired?.[Symbol.asyncDispose]()
    await upstream?.[Symbol.asyncDispose]()
  })

  test('has one line per request with every field, also with records off', async () => {
    const headers = { 'X-Real-IP': '10.0.0.7', 'User-Agent': 'tester' }
    await fetch(`${gateway.url}/app/a%20b?secret=1`, { headers })
    const line = await lineOf(gateway, '/app/a b')
    expect(line).toEqual({
      api_id: 'app',
      api_key: '00000000',
      api_name: 'app',
      api_type: 'classic',
      client_ip: '10.0.0.7',
      host: `127.0.0.1:${gateway.port}`,
      latency_gateway: expect.any(Number),
      latency_total: expect.any(Number),
      level: 'info',
      message: '',
      method: 'GET',
      org_id: 'default',
      original_path: '/app/a b',
      path: '/base/a b',
      prefix: 'access-log',
      protocol: 'HTTP/1.1',
      remote_addr: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      status: 200,
      time: expect.any(String),
      upstream_addr: `${upstream.url}/base/a%20b`,
      upstream_latency: expect.any(Number),
      user_agent: 'tester',
    })
    expect(line['latency_gateway']).toBe(Number(line['latency_total']) - Number(line['upstream_latency']))
  })

  test.each([
    ['/root/bad', 502, 'URS', 'upstream_response_5xx', 'Upstream'],
    ['/gone/x', 500, 'UCF', 'connection_refused', 'ReverseProxy'],
    ['/lost/x', 500, 'DNS', expect.stringMatching(/^dns_(not_found|resolution_failed)$/), 'ReverseProxy'],
    ['/root/reset', 500, 'URR', 'connection_reset', 'ReverseProxy'],
    ['/root/hang', 504, 'URT', 'request_timeout', 'ReverseProxy'],
    ['/nottls/x', 500, 'TLP', 'tls_protocol_error', 'ReverseProxy'],
    ['/keys/x', 401, 'AMF', 'auth_field_missing', 'AuthKey'],
    ['/jwt/x', 400, 'AMF', 'jwt_field_missing', 'JWTMiddleware'],
  ])('%s: %i is classified as %s', async (path, status, flag, details, source) => {
    expect((await fetch(gateway.url + path)).status).toBe(status)
    const line = await lineOf(gateway, path)
    const reason = { status, response_flag: flag, response_code_details: details, error_source: source }
    expect(line).toMatchObject(reason)
    if (source === 'Upstream') {
      expect(line).toMatchObject({ error_target: `127.0.0.1:${upstream.port}`, upstream_status: 502 })
    } else if (source === 'ReverseProxy') {
      expect(line['error_target']).toMatch(/^[^/]+\/(x|reset|hang)$/)
    } else {
      expect(line).not.toHaveProperty('error_target')
      expect(line).toMatchObject({ path, upstream_addr: path, upstream_latency: 0 })
    }
  })

  test('names an expired certificate', async () => {
    expect((await fetch(`${gateway.url}/old/x`)).status).toBe(500)
    expect(await lineOf(gateway, '/old/x')).toMatchObject({
      response_flag: 'TLE',
      response_code_details: 'tls_certificate_expired',
      tls_cert_expiry: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      tls_cert_subject: 'CN=127.0.0.1,O=Acme',
    })
  })
})
