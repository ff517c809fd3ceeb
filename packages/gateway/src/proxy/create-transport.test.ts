import { copyFile } from 'node:fs/promises'
import { pino } from 'pino'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { createAuthority } from '../../../../test/support/certificates.ts'
import { eventually } from '../../../../test/support/eventually.ts'
import { startCountingUpstream, type CountingUpstream } from '../../test/support/counting-upstream.ts'
import { configWith } from '../../test/support/steps.ts'
import { decodeDefinition } from '../api-definition/decode.ts'
import { createUpstreamTransport } from './create-transport.ts'
import { SharedPools } from './http1/shared-pools.ts'
import type { UpstreamTransport } from './transport.ts'
import { parseTarget } from './upstream-url.ts'

const authority = await createAuthority()
const one = await authority.issue({ cn: 'one' })
const other = await authority.issue({ cn: 'other' })
afterAll(() => authority[Symbol.asyncDispose]())

type Create = (changes?: Record<string, unknown>) => UpstreamTransport

/** Creates transports of APIs of one gateway. */
function gatewayWith(conf: Record<string, unknown> = {}): Create {
  const deps = {
    config: configWith(conf),
    log: pino({ level: 'silent' }),
    proxyFromEnvironment: () => null,
    pools: new SharedPools(),
  }
  let created = 0
  return (changes = {}) => createUpstreamTransport(decodeDefinition({ api_id: `api-${++created}`, ...changes }), deps)
}

/** @returns The number of the connection that carried it. */
function send(transport: UpstreamTransport, url: string, path = '/'): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let body = ''
  const target = parseTarget(url)
  transport.exchange(
    {
      target,
      method: 'GET',
      path,
      headers: ['Host', target.authority],
      body: null,
      contentLength: 0,
      timeoutMs: 10_000,
      upgrade: false,
    },
    {
      onHead: () => {},
      onData: (chunk) => (body += chunk.toString()) !== '',
      onEnd: () => resolve(Number(body)),
      onUpgrade: () => reject(new Error('an upgrade was not asked for')),
      onError: reject,
    },
  )
  return promise
}

describe('APIs of one gateway', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['that differ in nothing of the connection', {}, { name: 'b', proxy: { preserve_host_header: true } }],
    [
      'with one proxy',
      { proxy: { transport: { proxy_url: 'PROXY' } } },
      { proxy: { transport: { proxy_url: 'PROXY' } } },
    ],
    [
      'with the same client certificates in another order',
      { upstream_certificates: { 'a.test': one.file, '*': other.file } },
      { upstream_certificates: { '*': other.file, 'a.test': one.file } },
    ],
    [
      'with one set of pins in another order',
      { pinned_public_keys: { '*': `${one.certFile},${other.certFile}` } },
      { pinned_public_keys: { '*': `${other.certFile},${one.certFile}` } },
    ],
    [
      'of which one has client certificates that are disabled',
      {},
      { upstream_certificates: { '*': one.file }, upstream_certificates_disabled: true },
    ],
  ])('%s use a connection one after the other', async (_, first, second) => {
    await using upstream = await startCountingUpstream()
    const create = gatewayWith()
    for (const changes of [first, second, first]) {
      expect(await send(create(withProxy(changes, upstream.url)), upstream.url)).toBe(1)
    }
  })

  const TRANSPORTS: Readonly<Record<string, readonly [unknown, unknown]>> = {
    ssl_insecure_skip_verify: [false, true],
    ssl_ciphers: [[], ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384']],
    ssl_min_version: [771, 772],
    ssl_max_version: [771, 772],
    ssl_force_common_name_check: [false, true],
    proxy_url: ['', 'PROXY'],
  }

  test('have no setting of the transport that is left out below', () => {
    expect(Object.keys(TRANSPORTS)).toEqual(Object.keys(decodeDefinition({}).proxy.transport))
  })

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ...Object.entries(TRANSPORTS).map(
      ([key, [first, second]]): [string, Record<string, unknown>, Record<string, unknown>] => [
        `proxy.transport.${key}`,
        { proxy: { transport: { [key]: first } } },
        { proxy: { transport: { [key]: second } } },
      ],
    ),
    [
      'the password of the proxy',
      { proxy: { transport: { proxy_url: 'http://user:a@PROXY' } } },
      { proxy: { transport: { proxy_url: 'http://user:b@PROXY' } } },
    ],
    ['a client certificate', {}, { upstream_certificates: { '*': one.file } }],
    [
      'which client certificate',
      { upstream_certificates: { '*': one.file } },
      { upstream_certificates: { '*': other.file } },
    ],
    [
      'the host of the client certificate',
      { upstream_certificates: { 'a.test': one.file } },
      { upstream_certificates: { 'b.test': one.file } },
    ],
    [
      'which hosts have which client certificate',
      { upstream_certificates: { 'a.test': one.file, 'b.test': other.file } },
      { upstream_certificates: { 'a.test': other.file, 'b.test': one.file } },
    ],
    ['a pinned key', {}, { pinned_public_keys: { '*': one.certFile } }],
    [
      'which key is pinned',
      { pinned_public_keys: { '*': one.certFile } },
      { pinned_public_keys: { '*': `${one.certFile},${other.certFile}` } },
    ],
  ])('that differ in %s do not, however often', async (_, first, second) => {
    await using upstream = await startCountingUpstream()
    const create = gatewayWith()
    const [a, b] = [create(withProxy(first, upstream.url)), create(withProxy(second, upstream.url))]
    const numbers: number[] = []
    for (const transport of [a, b, a, b]) numbers.push(await send(transport, upstream.url))
    expect(numbers).toEqual([1, 2, 1, 2])
  })

  test('do not share when the file of a certificate holds another one by now', async () => {
    await using upstream = await startCountingUpstream()
    const create = gatewayWith()
    const file = `${one.file}.copy`
    await copyFile(one.file, file)
    const before = create({ upstream_certificates: { '*': file } })
    await copyFile(other.file, file)
    const after = create({ upstream_certificates: { '*': file } })
    expect([await send(before, upstream.url), await send(after, upstream.url)]).toEqual([1, 2])
  })

  test('use no connection to another host or port', async () => {
    await using upstream = await startCountingUpstream()
    const create = gatewayWith()
    const [a, b] = [create(), create()]
    expect(await send(a, upstream.url)).toBe(1)
    expect(await send(b, upstream.url.replace('127.0.0.1', 'localhost'))).toBe(2)
  })
})

/** Where a definition says PROXY: the upstream itself, which answers a plain request to a proxy too. */
const withProxy = (changes: Record<string, unknown>, url: string): Record<string, unknown> =>
  JSON.parse(JSON.stringify(changes).replaceAll('PROXY', new URL(url).host)) as Record<string, unknown>

describe('idle connections', () => {
  /** So many requests of each at once, then quiet. */
  async function burst(
    upstream: CountingUpstream,
    transports: readonly UpstreamTransport[],
    each: number,
  ): Promise<void> {
    const sent = transports.flatMap((transport) =>
      Array.from({ length: each }, () => send(transport, upstream.url, '/wait')),
    )
    await eventually(() => expect(upstream.waiting()).toBe(sent.length))
    upstream.release()
    await Promise.all(sent)
  }

  test.each([
    ['max_idle_connections_per_host', { max_idle_connections_per_host: 1 }],
    ['max_idle_connections', { max_idle_connections: 1 }],
  ])('are kept up to %s for each API that shares them', async (_, conf) => {
    await using upstream = await startCountingUpstream()
    const create = gatewayWith(conf)
    await burst(upstream, [create(), create()], 3)
    await eventually(() => expect(upstream.open()).toBe(2))
  })

  test('to a host are kept for the APIs that send there, and not for others', async () => {
    await using upstream = await startCountingUpstream()
    await using elsewhere = await startCountingUpstream()
    const create = gatewayWith({ max_idle_connections_per_host: 1 })
    const [a, b] = [create(), create()]
    await send(b, elsewhere.url)
    await burst(upstream, [a], 3)
    await eventually(() => expect(upstream.open()).toBe(1))
    expect(elsewhere.open()).toBe(1)
  })
})

describe('with max_conn_time', () => {
  afterEach(() => void vi.useRealTimers())

  test('a connection is used for that time from its own beginning, not from that of the API', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    await using upstream = await startCountingUpstream()
    const transport = gatewayWith({ max_conn_time: 3 })()
    const numbers: number[] = []
    for (const ms of [2000, 1500, 1499, 1]) {
      vi.advanceTimersByTime(ms)
      numbers.push(await send(transport, upstream.url))
    }
    expect(numbers).toEqual([1, 1, 1, 2])
    await transport.close()
  })

  test('a request that comes when its API has gone and the time is over leaves nothing behind', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    await using upstream = await startCountingUpstream()
    const transport = gatewayWith({ max_conn_time: 3 })()
    await transport.close()
    vi.advanceTimersByTime(3000)
    expect(await send(transport, upstream.url)).toBe(1)
    // Before the upstream ends what is idle.
    await eventually(() => expect(upstream.open()).toBe(0), 3000)
  })
})

describe('when an API goes', () => {
  test('connections that others use stay, and those that only it used end', async () => {
    await using shared = await startCountingUpstream()
    await using own = await startCountingUpstream()
    const create = gatewayWith()
    const [a, b] = [create(), create()]
    for (const transport of [b, a]) expect(await send(transport, shared.url)).toBe(1)
    await send(a, own.url)
    await a.close()
    await a.close()
    await eventually(() => expect(own.open()).toBe(0))
    expect(await send(b, shared.url)).toBe(1)
    await b.close()
    await eventually(() => expect(shared.open()).toBe(0))
  })

  test('its next form takes its connections over', async () => {
    await using upstream = await startCountingUpstream()
    const create = gatewayWith()
    const before = create()
    expect(await send(before, upstream.url)).toBe(1)
    const after = create()
    await before.close()
    expect(await send(after, upstream.url)).toBe(1)
  })

  test('what it began goes on to its end, and nothing is kept', async () => {
    await using upstream = await startCountingUpstream()
    const create = gatewayWith()
    const [a, b] = [create(), create()]
    const answer = send(a, upstream.url, '/wait')
    await eventually(() => expect(upstream.waiting()).toBe(1))
    await a.close()
    upstream.release()
    expect(await answer).toBe(1)
    await eventually(() => expect(upstream.open()).toBe(0))
    // A request on the set of before the reload.
    expect(await send(a, upstream.url)).toBe(2)
    await eventually(() => expect(upstream.open()).toBe(0))
    expect(await send(b, upstream.url)).toBe(3)
  })

  test('the next one begins anew', async () => {
    await using upstream = await startCountingUpstream()
    const create = gatewayWith()
    const only = create()
    expect(await send(only, upstream.url)).toBe(1)
    await only.close()
    expect(await send(create(), upstream.url)).toBe(2)
  })
})
