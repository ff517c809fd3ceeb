/** Rows of the table of proxy behaviours about connections to upstreams: names, TLS, forward proxies. */
import { afterAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../../../test/support/certificates.ts'
import { redisSkipReason } from '../../../../test/support/redis.ts'
import { apiAt } from '../support/api.ts'
import { createFakeResolver } from '../support/fake-resolver.ts'
import { startRawProxy } from '../support/raw-proxy.ts'
import { LANES, onEachLane, useStages } from '../support/stages.ts'
import { startTlsUpstream, type TlsUpstream } from '../support/tls-upstream.ts'
import { silentPortSkipReason, startSilentPort } from '../support/unreachable.ts'
import { valuesOf, type WireMessage } from '../support/wire.ts'
import { OK, startWireUpstream } from '../support/wire-upstream.ts'

const NAMES = {
  'four-last.test': ['::1', '127.0.0.1'],
  'six-last.test': ['127.0.0.1', '::1'],
  'silent-first.test': ['127.0.0.1', '127.0.0.2'],
  'moves.test': ['127.0.0.1'],
  'tls.test': ['127.0.0.1'],
  'other.test': ['127.0.0.1'],
  'sub.near.test': ['127.0.0.1'],
  'proxied.test': 'ENOTFOUND',
}

const open = new AsyncDisposableStack()
afterAll(() => open.disposeAsync())
const resolver = open.use(createFakeResolver(NAMES))
const proxy = open.use(await startRawProxy())
const six = open.use(await startWireUpstream('::1'))
const silent = silentPortSkipReason() === undefined ? open.use(await startSilentPort()) : null
const behindSilent = open.use(await startWireUpstream('127.0.0.2', silent?.port ?? 0))
const before = open.use(await startWireUpstream('127.0.0.1'))
const after = open.use(await startWireUpstream('127.0.0.2', before.port))

const authority = open.use(await createAuthority())
const stranger = open.use(await createAuthority('stranger'))
const own = await authority.issue({ cn: 'tls.test' })
const foreign = await stranger.issue({ cn: 'tls.test' })
const client = await authority.issue({ cn: 'client' })
const anyone = await authority.issue({ cn: 'anyone' })
const renamed = await authority.issue({ cn: 'renamed.test', names: ['tls.test'] })
const good = open.use(await startTlsUpstream(own))
const old = open.use(await startTlsUpstream(own, { maxVersion: 'TLSv1.2' }))
const unknown = open.use(await startTlsUpstream(foreign))
const misnamed = open.use(await startTlsUpstream(renamed))
const onlyKnown = { requestCert: true, rejectUnauthorized: true, ca: authority.cert, maxVersion: 'TLSv1.2' } as const
const asking = open.use(await startTlsUpstream(own, onlyKnown))
const behindProxy = open.use(await startTlsUpstream(await authority.issue({ cn: 'proxied.test' })))
proxy.connectTo(behindProxy.port)

const at = ({ port }: TlsUpstream, name = 'tls.test'): string => `https://${name}:${port}`
const TLS_APIS: Record<string, readonly [target: string, transport: object, changes?: object]> = {
  good: [at(good), {}],
  unknown: [at(unknown), {}],
  unverified: [at(unknown), { ssl_insecure_skip_verify: true }],
  misnamed: [at(good, 'other.test'), {}],
  'too-old': [at(old), { ssl_min_version: 772 }],
  'old-enough': [at(old), { ssl_max_version: 771 }],
  ciphers: [at(old), { ssl_ciphers: ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'] }],
  'common-name': [at(misnamed), { ssl_force_common_name_check: true }],
  'any-name': [at(misnamed), {}],
  pinned: [at(unknown), {}, { pinned_public_keys: { 'tls.test': foreign.certFile } }],
  'pinned-other': [at(good), {}, { pinned_public_keys: { 'tls.test': client.certFile } }],
  stranger: [at(asking), {}],
  client: [at(asking), {}, { upstream_certificates: { '*': anyone.file, [`tls.test:${asking.port}`]: client.file } }],
  tunnel: ['https://proxied.test:8443', { proxy_url: `http://127.0.0.1:${proxy.port}` }],
  wrong: ['https://other.test:8443', { proxy_url: `http://127.0.0.1:${proxy.port}` }],
  proxied: ['http://proxied.test/base', { proxy_url: `http://me:p%40ss@127.0.0.1:${proxy.port}` }],
}
const tlsApis = (): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(TLS_APIS).map(([id, [target, transport, changes]]) => [
      `${id}.json`,
      apiAt(id, target, { proxy: { transport }, ...changes }),
    ]),
  )

const stages = useStages({
  ...onEachLane({
    apis: (url) => ({
      ...tlsApis(),
      'four.json': apiAt('four', url.replace('127.0.0.1', 'four-last.test')),
      'six.json': apiAt('six', `http://six-last.test:${six.port}`),
      'kept.json': apiAt('kept', at(good), { proxy: { preserve_host_header: true } }),
      'silent.json': apiAt('silent', `http://silent-first.test:${behindSilent.port}`),
      'moves.json': apiAt('moves', `http://moves.test:${before.port}`),
    }),
    conf: { access_logs: { enabled: true }, log_format: 'json' },
    env: { ...resolver.env, NODE_EXTRA_CA_CERTS: authority.certFile },
  }),
  environment: {
    apis: (url) => ({
      'local.json': apiAt('local', url),
      'far.json': apiAt('far', 'http://proxied.test'),
      'near.json': apiAt('near', url.replace('127.0.0.1', 'sub.near.test')),
    }),
    env: { ...resolver.env, HTTP_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: 'near.test' },
  },
})

const statusOf = ({ startLine }: WireMessage): string => startLine.split(' ')[1] as string

describe.skipIf(redisSkipReason()).each(LANES)('a connection on the %s lane', (lane) => {
  const stage = stages[lane]

  test('27.75 goes to whichever address of a name takes it, of IPv4 and IPv6', async () => {
    expect(statusOf(await stage.ask('GET', '/four/x'))).toBe('200')
    expect(valuesOf(stage.upstream.last(), 'Host')).toEqual([`four-last.test:${stage.upstream.port}`])
    const count = six.requests.length
    expect(statusOf(await stage.ask('GET', '/six/x'))).toBe('200')
    expect(six.requests).toHaveLength(count + 1)
  })

  test.skipIf(silentPortSkipReason())('27.75 does not wait for an address that is silent', async () => {
    const count = behindSilent.requests.length
    expect(statusOf(await stage.ask('GET', '/silent/x'))).toBe('200')
    expect(behindSilent.requests).toHaveLength(count + 1)
  })

  test('27.75 is preceded by a lookup of its own: a name may move', async () => {
    for (const each of [before, after]) each.answerWith(OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    const counts = (): number[] => [before.requests.length, after.requests.length]
    const [first = 0, second = 0] = counts()
    await stage.ask('GET', '/moves/x')
    resolver.set({ ...NAMES, 'moves.test': ['127.0.0.2'] })
    await stage.ask('GET', '/moves/x')
    resolver.set(NAMES)
    expect(counts()).toEqual([first + 1, second + 1])
  })

  test.each([
    ['/good/x', `tls.test:${good.port}`],
    ['/kept/x', 'client.test'],
  ])('27.12 over TLS %s has the Host %s, and the name in TLS is the target’s', async (path, host) => {
    expect(statusOf(await stage.ask('GET', path))).toBe('200')
    const { request, servername } = good.seen.at(-1) as TlsUpstream['seen'][number]
    expect([valuesOf(request, 'Host'), servername]).toEqual([[host], 'tls.test'])
  })

  test('27.69 the proxy of an API gets the whole URL, and its own credentials', async () => {
    const count = proxy.heads.length
    expect((await stage.ask('GET', '/proxied/x?a=%20', ['Proxy-Authorization: mine'])).body).toBe('ok')
    const [head] = proxy.heads.slice(count) as [WireMessage]
    expect(head.startLine).toBe('GET http://proxied.test/base/x?a=%20 HTTP/1.1')
    expect(valuesOf(head, 'Host')).toEqual(['proxied.test'])
    const credentials = Buffer.from('me:p@ss').toString('base64')
    expect(valuesOf(head, 'Proxy-Authorization')).toEqual([`Basic ${credentials}`])
    expect(head.lines.join()).not.toContain('Proxy-Connection')
  })

  test('27.69 the proxy of an API is asked for a tunnel to an upstream with TLS, which is verified behind it', async () => {
    const count = proxy.heads.length
    expect(statusOf(await stage.ask('GET', '/tunnel/x', ['Proxy-Authorization: mine']))).toBe('200')
    expect(proxy.heads[count]?.raw).toBe('CONNECT proxied.test:8443 HTTP/1.1\r\nHost: proxied.test:8443\r\n\r\n')
    expect(behindProxy.seen.at(-1)?.request.startLine).toBe('GET /x HTTP/1.1')
    expect(behindProxy.seen.at(-1)?.request.lines.join()).not.toContain('Proxy-')
    expect(statusOf(await stage.ask('GET', '/wrong/x'))).toBe('500')
  })

  test.each(['good', 'unverified', 'old-enough', 'any-name', 'pinned', 'client'])('27.68 %s connects', async (id) => {
    const answer = await stage.ask('GET', `/${id}/x`)
    expect([statusOf(answer), answer.body]).toEqual(['200', 'ok'])
    if (id === 'client') expect(asking.seen.at(-1)?.client).toBe('client')
  })

  test.each([
    ['unknown', 'TLN', 'tls_unknown_authority'],
    ['misnamed', 'TLM', 'tls_hostname_mismatch'],
    ['too-old', 'TLP', 'tls_protocol_version_error'],
    ['ciphers', 'TLH', 'tls_handshake_failure'],
    ['stranger', 'TLH', 'tls_handshake_failure'],
    ['common-name', 'UPE', 'upstream_error'],
    ['pinned-other', 'UPE', 'upstream_error'],
  ])('27.68 %s fails with 500, and the access log says %s', async (id, flag, details) => {
    const answer = await stage.ask('GET', `/${id}/x`)
    expect(answer.startLine).toBe('HTTP/1.1 500 Internal Server Error')
    expect(answer.body).toBe('{\n    "error": "There was a problem proxying the request"\n}')
    const line = await stage.gateway.program.waitForLine(
      new RegExp(`"original_path":"/${id}/x".*"prefix":"access-log"`),
    )
    expect(JSON.parse(line)).toMatchObject({ response_flag: flag, response_code_details: details, status: 500 })
  })
})

describe.skipIf(redisSkipReason())('a connection', () => {
  test('27.69 the proxy of the environment is used, but for NO_PROXY and the loopback', async () => {
    const count = proxy.heads.length
    const { environment } = stages
    for (const path of ['/far/x', '/local/x', '/near/x'])
      expect(statusOf(await environment.ask('GET', path)), path).toBe('200')
    expect(proxy.heads.slice(count).map(({ startLine }) => startLine)).toEqual(['GET http://proxied.test/x HTTP/1.1'])
    expect(environment.upstream.requests).toHaveLength(2)
  })
})
