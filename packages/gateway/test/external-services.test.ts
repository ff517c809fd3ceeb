/** Calls that the gateway makes itself, over proxies and with certificates of the configuration. */
import { once } from 'node:events'
import { rename, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority, type Authority, type Certificate } from '../../../test/support/certificates.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'
import { startRawProxy } from './support/raw-proxy.ts'
import { jwkOf, rsaKeys, signToken } from './support/tokens.ts'

const keys = rsaKeys()

interface Called {
  readonly path: string
  /** Common name of the certificate that the gateway showed. */
  readonly client: string | undefined
}

/** A server that takes webhooks, publishes keys and answers for tokens. */
interface Service extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly calls: Called[]
}

describe.skipIf(redisSkipReason())('calls of the gateway', () => {
  const resources = new AsyncDisposableStack()
  let redis: RedisServer
  let upstream: Upstream
  let authority: Authority
  let other: Authority
  let serverCertificate: Certificate
  let client: Certificate
  beforeAll(async () => {
    redis = resources.use(await startRedis())
    upstream = resources.use(await startUpstream((_, res) => res.end('ok')))
    authority = resources.use(await createAuthority('services'))
    other = resources.use(await createAuthority('others'))
    serverCertificate = await authority.issue({ cn: 'service.test', names: ['service.test'], ips: ['127.0.0.1'] })
    client = await authority.issue({ cn: 'gateway' })
  })
  afterAll(() => resources.disposeAsync())

  async function startService(options: https.ServerOptions | null): Promise<Service> {
    const calls: Called[] = []
    const published = JSON.stringify({ keys: [await jwkOf(keys, 'k1')] })
    const listener: RequestListener = (req, res) => {
      const socket = req.socket as Partial<TLSSocket>
      const subject = socket.getPeerCertificate?.().subject as { CN?: string } | undefined
      calls.push({ path: req.url ?? '', client: subject?.CN })
      req.resume()
      res.end(req.url === '/keys' ? published : JSON.stringify({ active: true, sub: 'ann' }))
    }
    const server = options === null ? createServer(listener) : https.createServer(options, listener)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return {
      url: `${options === null ? 'http' : 'https'}://127.0.0.1:${port}`,
      port,
      calls,
      async [Symbol.asyncDispose]() {
        server.close()
        server.closeAllConnections()
      },
    }
  }
  const demanding = (): https.ServerOptions => ({
    key: serverCertificate.key,
    cert: serverCertificate.cert,
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: true,
  })

  /** APIs that make the gateway call the service when they are asked. */
  function apisFor(service: string): Record<string, unknown> {
    const at = (id: string, changes: Record<string, unknown>) => [
      `${id}.json`,
      keylessApi(upstream.url, { api_id: id, name: id, proxy: { listen_path: `/${id}/` }, ...changes }),
    ]
    const handler = {
      handler_name: 'eh_web_hook_handler',
      handler_meta: { method: 'POST', target_path: `${service}/hook` },
    }
    const jwt = { enable_jwt: true, jwt_signing_method: 'rsa', jwt_policy_field_name: 'pol' }
    const introspection = {
      enabled: true,
      url: `${service}/introspect`,
      client_id: 'c',
      client_secret: 's',
      identity_base_field: 'sub',
    }
    return Object.fromEntries([
      at('hook', {
        blacklisted_ips: ['127.0.0.1'],
        enable_ip_blacklisting: true,
        event_handlers: { events: { AuthFailure: [handler] } },
      }),
      at('jwt', { use_keyless: false, ...jwt, jwt_source: `${service}/keys`, jwt_default_policies: ['pol1'] }),
      at('oauth', { use_keyless: false, external_oauth: { enabled: true, providers: [{ introspection }] } }),
    ])
  }
  const start = (service: string, external_services: object, env: Record<string, string> = {}): Promise<Gateway> =>
    startGateway({
      redisPort: redis.port,
      apis: apisFor(service),
      policies: {
        pol1: { org_id: 'default', rate: 0, per: 0, quota_max: -1, access_rights: { jwt: { versions: ['Default'] } } },
      },
      conf: { enable_analytics: false, external_services },
      env,
    })
  const status = async (gateway: Gateway, path: string, authorization = ''): Promise<number> =>
    (await fetch(gateway.url + path, { headers: authorization === '' ? {} : { authorization } })).status
  const token = (): Promise<string> => signToken({ sub: 'ann' }, keys.privateKey, { alg: 'RS256', kid: 'k1' })
  const pathsOf = (service: Service): Set<string> => new Set(service.calls.map(({ path }) => path))

  test('show the certificate of their service and trust its authorities only', async () => {
    await using service = await startService(demanding())
    const mtls = { enabled: true, cert_file: client.certFile, key_file: client.keyFile, ca_file: authority.certFile }
    const told = { ...mtls, cert_file: 'env://cert', key_file: '$kv{env:key}' }
    await using gateway = await start(
      service.url,
      { oauth: { mtls: told }, webhooks: { mtls: told } },
      { TYK_SECRET_CERT: client.certFile, TYK_SECRET_KEY: client.keyFile },
    )
    expect(await status(gateway, '/jwt/x', await token())).toBe(200)
    await status(gateway, '/oauth/x', 'opaque')
    expect(await status(gateway, '/hook/x')).toBe(403)
    await eventually(() => expect(pathsOf(service)).toEqual(new Set(['/keys', '/introspect', '/hook'])))
    expect(new Set(service.calls.map((call) => call.client))).toEqual(new Set(['gateway']))

    const distrusting = { ...mtls, ca_file: other.certFile }
    await using strict = await start(service.url, { oauth: { mtls: distrusting }, webhooks: { mtls: distrusting } })
    const before = service.calls.length
    expect(await status(strict, '/jwt/x', await token())).toBe(403)
    expect(await status(strict, '/hook/x')).toBe(403)
    await strict.program.waitForLine('Request to webhook failed')
    expect(service.calls).toHaveLength(before)
  })

  test('accept any certificate only where they are told to', async () => {
    await using service = await startService({ key: serverCertificate.key, cert: serverCertificate.cert })
    await using careful = await start(service.url, { oauth: { mtls: { enabled: false, insecure_skip_verify: true } } })
    expect(await status(careful, '/jwt/x', await token())).toBe(403)
    await using careless = await start(service.url, { oauth: { mtls: { enabled: true, insecure_skip_verify: true } } })
    expect(await status(careless, '/jwt/x', await token())).toBe(200)
  })

  test('find authorities in the certificate store', async () => {
    await using service = await startService({ key: serverCertificate.key, cert: serverCertificate.cert })
    await using any = await startGateway({ redisPort: redis.port })
    const stored = await fetch(`${any.url}/tyk/certs?org_id=default`, {
      method: 'POST',
      headers: { 'x-tyk-authorization': any.secret },
      body: authority.cert,
    })
    const { id } = (await stored.json()) as { id: string }
    const missing = `default${'0'.repeat(64)}`
    await using gateway = await start(service.url, { oauth: { mtls: { enabled: true, ca_cert_ids: [id] } } })
    expect(await status(gateway, '/jwt/x', await token())).toBe(200)
    await using without = await start(service.url, { oauth: { mtls: { enabled: true, ca_cert_ids: [id, missing] } } })
    expect(await status(without, '/jwt/x', await token())).toBe(403)
    await without.program.waitForLine(`certificate ${missing} of ca_cert_ids is not in the store`)
  })

  test('show a renewed certificate after a reload, and the old one while the new one is not whole', async () => {
    await using service = await startService(demanding())
    const old = await authority.issue({ cn: 'old' })
    const next = await authority.issue({ cn: 'next' })
    const mtls = { enabled: true, cert_file: old.certFile, key_file: old.keyFile, ca_file: authority.certFile }
    await using gateway = await start(service.url, { webhooks: { mtls } })
    const shown = async (): Promise<string | undefined> => {
      const before = service.calls.length
      await status(gateway, `/hook/${before}`)
      await eventually(() => expect(service.calls.length).toBeGreaterThan(before))
      return service.calls.at(-1)?.client
    }
    const replace = async (file: string, text: string): Promise<void> => {
      await writeFile(`${file}.new`, text)
      await rename(`${file}.new`, file)
    }
    expect(await shown()).toBe('old')
    await replace(old.certFile, next.cert)
    await gateway.reload()
    expect(await shown()).toBe('old')
    await gateway.program.waitForLine('the last good ones stay in force')
    await replace(old.keyFile, next.key)
    await gateway.reload()
    expect(await shown()).toBe('next')
  })

  test('take the proxy of their service, that of all services, or none', async () => {
    await using service = await startService(null)
    await using own = await startRawProxy()
    await using shared = await startRawProxy()
    const at = ({ port }: { readonly port: number }): string => `http://127.0.0.1:${port}`
    await using gateway = await start(service.url, {
      global: { enabled: true, http_proxy: at(shared) },
      webhooks: { proxy: { enabled: true, http_proxy: `http://user:word@127.0.0.1:${own.port}` } },
    })
    await status(gateway, '/hook/x')
    await status(gateway, '/oauth/x', 'opaque')
    await eventually(() => expect([own.heads.length, shared.heads.length]).toEqual([1, 1]))
    expect(own.heads[0]?.startLine).toBe(`POST ${service.url}/hook HTTP/1.1`)
    expect(own.heads[0]?.raw).toContain(Buffer.from('user:word').toString('base64'))
    expect(shared.heads[0]?.startLine).toBe(`POST ${service.url}/introspect HTTP/1.1`)
    expect(service.calls).toEqual([])
  })

  test('reach the hosts that are exempt directly, and https ones through a tunnel, with the certificates of both ends', async () => {
    await using service = await startService(demanding())
    await using proxy = await startRawProxy()
    proxy.connectTo(service.port)
    const mtls = { enabled: true, cert_file: client.certFile, key_file: client.keyFile, ca_file: authority.certFile }
    const through = { enabled: true, https_proxy: `127.0.0.1:${proxy.port}` }
    await using gateway = await start(`https://service.test:${service.port}`, {
      oauth: { proxy: through, mtls },
      webhooks: { proxy: { ...through, bypass_proxy: 'elsewhere.test,.test' }, mtls },
    })
    expect(await status(gateway, '/jwt/x', await token())).toBe(200)
    expect(proxy.heads.map(({ startLine }) => startLine)).toEqual([`CONNECT service.test:${service.port} HTTP/1.1`])
    expect(service.calls).toEqual([{ path: '/keys', client: 'gateway' }])
    await status(gateway, '/hook/x')
    // There is no such host.
    await gateway.program.waitForLine('Request to webhook failed')
    expect(proxy.heads).toHaveLength(1)
  })

  test('reach an exempt block of addresses directly', async () => {
    await using service = await startService(null)
    await using proxy = await startRawProxy()
    await using gateway = await start(service.url, {
      global: { enabled: true, http_proxy: `127.0.0.1:${proxy.port}`, bypass_proxy: '10.0.0.0/8, 127.0.0.0/8' },
    })
    expect(await status(gateway, '/jwt/x', await token())).toBe(200)
    expect(proxy.heads).toEqual([])
  })

  test('take the proxies of the environment where the configuration names none', async () => {
    await using proxy = await startRawProxy()
    const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` }
    await using gateway = await start('http://service.test', {}, env)
    await status(gateway, '/hook/x')
    await status(gateway, '/oauth/x', 'opaque')
    const lines = (): string[] => proxy.heads.map(({ startLine }) => startLine).sort()
    await eventually(() => {
      expect(lines()).toContain('POST http://service.test/hook HTTP/1.1')
      expect(lines()).toContain('POST http://service.test/introspect HTTP/1.1')
    })
  })
})
