import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority, type Authority, type Certificate } from '../../../test/support/certificates.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { keylessApi } from './support/api.ts'

interface Seen {
  protocol: string
  cipher: string
  servername: string | false
  client: string | null
  /** Which connection it was, counted from 1. */
  connection: number
}

interface TlsUpstream extends AsyncDisposable {
  readonly port: number
}

/** An upstream that tells how it was connected to. */
async function startTlsUpstream(options: ServerOptions): Promise<TlsUpstream> {
  const connections = new Map<TLSSocket, number>()
  const server = createServer(options, (req, res) => {
    const socket = req.socket as TLSSocket
    const seen: Seen = {
      protocol: socket.getProtocol() ?? '',
      cipher: socket.getCipher().name,
      servername: (socket as TLSSocket & { servername: string | false }).servername,
      client: (socket.getPeerCertificate().subject as { CN?: string } | undefined)?.CN ?? null,
      connection: connections.get(socket) ?? 0,
    }
    res.setHeader('Content-Type', 'application/json')
    res.end(JSON.stringify(seen))
  })
  server.on('secureConnection', (socket) => connections.set(socket, connections.size + 1))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const fingerprint = (pem: string): string =>
  createHash('sha256')
    .update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')

describe('TLS to upstreams', () => {
  let trusted: Authority
  let stranger: Authority
  let gateway: Gateway
  const upstreams: TlsUpstream[] = []
  let client: Certificate
  let wildcardClient: Certificate
  let foreign: Certificate
  const apis: Record<string, unknown> = {}

  const start = async (options: ServerOptions): Promise<number> => {
    const upstream = await startTlsUpstream(options)
    upstreams.push(upstream)
    return upstream.port
  }
  const add = (name: string, target: string, changes: Record<string, unknown> = {}): void => {
    const { transport, preserve_host_header: preserveHost = false, ...rest } = changes
    const proxy = { listen_path: `/${name}/`, transport, preserve_host_header: preserveHost }
    apis[`${name}.json`] = keylessApi(target, { api_id: name, name, proxy, ...rest })
  }

  beforeAll(async () => {
    trusted = await createAuthority('trusted')
    stranger = await createAuthority('stranger')
    const local = await trusted.issue({ cn: 'localhost' })
    const renamed = await trusted.issue({ cn: 'renamed.test', names: ['localhost'] })
    foreign = await stranger.issue({ cn: 'localhost' })
    client = await trusted.issue({ cn: 'client' })
    wildcardClient = await trusted.issue({ cn: 'anybody' })
    const good = await start({ key: local.key, cert: local.cert })
    const old = await start({ key: local.key, cert: local.cert, maxVersion: 'TLSv1.2' })
    const other = await start({ key: renamed.key, cert: renamed.cert })
    const unknown = await start({ key: foreign.key, cert: foreign.cert })
    const asking = await start({
      key: local.key,
      cert: local.cert,
      ca: trusted.cert,
      requestCert: true,
      rejectUnauthorized: false,
    })
    const at = (port: number): string => `https://localhost:${port}`

    add('good', at(good), { preserve_host_header: true })
    add('address', `https://127.0.0.1:${good}`)
    add('address-unverified', `https://127.0.0.1:${good}`, { transport: { ssl_insecure_skip_verify: true } })
    add('unknown', at(unknown))
    add('unknown-unverified', at(unknown), { transport: { ssl_insecure_skip_verify: true } })

    const named = { ssl_force_common_name_check: true }
    add('common-name', at(good), { transport: named })
    add('other-common-name', at(other))
    add('other-common-name-checked', at(other), { transport: named })
    add('other-common-name-alone', at(other), { transport: { ...named, ssl_insecure_skip_verify: true } })

    add('newest-only', at(old), { transport: { ssl_min_version: 772 } })
    add('max-1.2', at(good), { transport: { ssl_max_version: 771 } })
    const suite = ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384']
    add('cipher', at(old), { transport: { ssl_ciphers: suite } })
    add('empty-range', at(good), { transport: { ssl_min_version: 772, ssl_max_version: 771 } })

    const certificates = { '*': wildcardClient.file, [`localhost:${asking}`]: client.file }
    add('client-certificate', at(asking), { upstream_certificates: certificates })
    add('client-certificate-too', at(asking), { upstream_certificates: certificates })
    add('client-certificate-any', at(asking), { upstream_certificates: { '*': wildcardClient.file } })
    add('client-certificate-off', at(asking), {
      upstream_certificates: certificates,
      upstream_certificates_disabled: true,
    })
    add('client-certificate-missing', at(asking), { upstream_certificates: { '*': 'default0123' } })

    add('pinned', at(unknown), { pinned_public_keys: { localhost: `${client.file},${foreign.certFile}` } })
    add('pinned-by-id', at(unknown), { pinned_public_keys: { '*': `default${fingerprint(foreign.cert)}` } })
    add('pinned-authority', at(good), { pinned_public_keys: { '*': trusted.certFile } })
    add('pinned-other', at(good), { pinned_public_keys: { localhost: client.certFile } })
    add('pinned-off', at(good), {
      pinned_public_keys: { localhost: client.certFile },
      certificate_pinning_disabled: true,
    })
    add('pinned-elsewhere', at(unknown), { pinned_public_keys: { 'other.test': foreign.certFile } })

    gateway = await startGateway({ apis, conf: { enable_analytics: false }, env: { SSL_CERT_FILE: trusted.certFile } })
  })
  afterAll(async () => {
    await gateway?.stop()
    for (const upstream of upstreams) await upstream[Symbol.asyncDispose]()
    await trusted?.[Symbol.asyncDispose]()
    await stranger?.[Symbol.asyncDispose]()
  })

  const ask = async (name: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${gateway.url}/${name}/x`)
    return { status: response.status, text: await response.text() }
  }

  test.each<[string, string, number]>([
    ['good', 'an authority of the operating system is trusted', 200],
    ['address', 'the certificate must be for the host of the target', 500],
    ['address-unverified', 'ssl_insecure_skip_verify checks no name', 200],
    ['unknown', 'an unknown authority is not trusted', 500],
    ['unknown-unverified', 'ssl_insecure_skip_verify checks no authority', 200],
    ['common-name', 'a common name equal to the host passes its check', 200],
    ['other-common-name', 'without the check another common name does not matter', 200],
    ['other-common-name-checked', 'with the check it does', 500],
    ['other-common-name-alone', 'the check works without verification too', 500],
    ['newest-only', 'an upstream below ssl_min_version is refused', 500],
    ['pinned', 'a pinned key takes the place of a known authority', 200],
    ['pinned-by-id', 'a pin can be the id of a stored key', 200],
    ['pinned-authority', 'a pin can be the key of any certificate of the chain', 200],
    ['pinned-other', 'another key than the pinned one is refused', 500],
    ['pinned-off', 'certificate_pinning_disabled turns the pins of the API off', 200],
    ['pinned-elsewhere', 'a pin for another host leaves the ordinary verification in force', 500],
  ])('%s: %s', async (name, _, expected) => {
    const { status, text } = await ask(name)
    expect(status).toBe(expected)
    if (expected === 500) expect(text).toContain('There was a problem proxying the request')
  })

  test('the pinning error is logged in the words of Tyk', async () => {
    await ask('pinned-other')
    await gateway.program.waitForLine(
      'https://localhost certificate public key pinning error. Public keys do not match.',
    )
  })

  test.each<[string, Partial<Seen>]>([
    ['good', { protocol: 'TLSv1.3', servername: 'localhost', client: null }],
    ['max-1.2', { protocol: 'TLSv1.2' }],
    ['cipher', { protocol: 'TLSv1.2', cipher: 'ECDHE-ECDSA-AES256-GCM-SHA384' }],
    ['client-certificate', { client: 'client' }],
    ['client-certificate-any', { client: 'anybody' }],
    ['client-certificate-off', { client: null }],
  ])('%s connects as %o', async (name, expected) => {
    expect(JSON.parse((await ask(name)).text)).toMatchObject(expected)
  })

  test('APIs share a connection when they make it alike, and only then', async () => {
    const names = ['client-certificate', 'client-certificate-any', 'client-certificate-off', 'client-certificate-too']
    const rounds: Seen[][] = []
    for (let round = 0; round < 3; round++) {
      const seen: Seen[] = []
      for (const name of names) seen.push(JSON.parse((await ask(name)).text) as Seen)
      rounds.push(seen)
    }
    for (const seen of rounds) {
      expect(seen.map(({ client: shown }) => shown)).toEqual(['client', 'anybody', null, 'client'])
      const [own, any, off, too] = seen.map(({ connection }) => connection)
      expect(too).toBe(own)
      expect(new Set([own, any, off]).size).toBe(3)
      expect(seen).toEqual(rounds[0])
    }
  })

  test('a connection that one API did not verify is of no use to another that does', async () => {
    expect((await ask('unknown-unverified')).status).toBe(200)
    expect((await ask('unknown')).status).toBe(500)
    expect((await ask('pinned')).status).toBe(200)
    expect((await ask('unknown')).status).toBe(500)
  })

  test.each([
    ['empty-range', 'ssl_min_version 772 is above ssl_max_version 771'],
    ['client-certificate-missing', 'is not a readable PEM file'],
  ])('an API with %s is skipped with the reason', async (name, reason) => {
    expect((await ask(name)).status).toBe(404)
    await gateway.program.waitForLine(reason)
  })
})

test('global TLS settings hold for every API, and those of an API come before them', async () => {
  await using authority = await createAuthority()
  const { key, cert } = await authority.issue({ cn: 'localhost' })
  await using upstream = await startTlsUpstream({ key, cert })
  const target = `https://localhost:${upstream.port}`
  await using gateway = await startGateway({
    apis: {
      'global.json': keylessApi(target),
      'own.json': keylessApi(target, {
        api_id: 'own',
        proxy: { listen_path: '/own/', transport: { ssl_max_version: 772 } },
      }),
    },
    conf: { enable_analytics: false, proxy_ssl_max_version: 771, proxy_ssl_insecure_skip_verify: true },
  })
  const protocol = async (path: string): Promise<string> =>
    ((await (await fetch(`${gateway.url}${path}`)).json()) as Seen).protocol
  expect(await protocol('/app/x')).toBe('TLSv1.2')
  expect(await protocol('/own/x')).toBe('TLSv1.3')
})

test('a renewed client certificate is shown after a reload', async () => {
  await using authority = await createAuthority()
  const { key, cert } = await authority.issue({ cn: 'localhost' })
  const client = await authority.issue({ cn: 'old.test' })
  const renewed = await authority.issue({ cn: 'new.test' })
  await using upstream = await startTlsUpstream({ key, cert, requestCert: true, rejectUnauthorized: false })
  await using gateway = await startGateway({
    apis: {
      'app.json': keylessApi(`https://localhost:${upstream.port}`, { upstream_certificates: { '*': client.file } }),
    },
    conf: { enable_analytics: false, proxy_ssl_insecure_skip_verify: true },
  })
  const shown = async (): Promise<string | null> =>
    ((await (await fetch(`${gateway.url}/app/x`)).json()) as Seen).client
  expect(await shown()).toBe('old.test')
  await writeFile(client.file, renewed.cert + renewed.key)
  await gateway.reload()
  expect(await shown()).toBe('new.test')
})
