/** What the gateway tells the upstream about a client must not be the client's to add, change or take away. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { apiAt, keylessApi } from '../support/api.ts'
import { get } from './corpus/case.ts'
import { converse } from './support/hostile-client.ts'
import { readAll, startObservedUpstream, type ObservedUpstream } from './support/observed-upstream.ts'

const HEADERS = { 'X-Tenant': 'a', 'X-Q': '$tyk_context.request_data_a', 'X-P': '$tyk_context.path' }

describe('a client', () => {
  let upstream: ObservedUpstream
  let gateway: Gateway

  beforeAll(async () => {
    upstream = await startObservedUpstream()
    const version = { name: 'Default', use_extended_paths: true, global_headers: HEADERS }
    const proxy = { listen_path: '/', preserve_host_header: true }
    gateway = await startGateway({
      apis: {
        'app.json': keylessApi(upstream.url, {
          enable_context_vars: true,
          version_data: { not_versioned: true, versions: { Default: version } },
          proxy,
        }),
      },
      conf: { enable_analytics: false },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
  })

  /** The header lines of the one request that the upstream must have seen. */
  async function linesOf(target: string, lines = ''): Promise<readonly string[]> {
    upstream.clear()
    await converse(gateway.port, get(`Connection: close\r\n${lines}`, target))
    const { requests, faults } = readAll(upstream)
    expect(faults).toEqual([])
    expect(upstream.seenByNode()).toEqual(requests)
    expect(requests).toHaveLength(1)
    return requests[0]?.headers ?? []
  }
  const named = (lines: readonly string[], name: string): string[] =>
    lines.filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))

  test.each([
    ['x-tenant', ''],
    ['x-tenant', 'X-Tenant: b\r\n'],
    ['X-TENANT', 'x-TENANT: a\r\n'],
    ['close, X-Tenant , x-q', 'X-Tenant: b\r\nX-Tenant: c\r\n'],
  ])('cannot take a header of the gateway away by Connection: %s and %j', async (connection, lines) => {
    const seen = await linesOf('/x', `Connection: ${connection}\r\n${lines}`)
    expect(named(seen, 'X-Tenant')).toEqual(['X-Tenant: a'])
    expect(named(seen, 'Connection')).toEqual([])
  })

  test('can take its own away', async () => {
    expect(named(await linesOf('/x', 'Connection: x-mine\r\nX-Mine: 1\r\n'), 'X-Mine')).toEqual([])
  })

  test.each([
    ['the query', `/x?a=${encodeURIComponent('\r\nContent-Length: 0\r\n\r\nGET /admin HTTP/1.1\r\nX: ')}`],
    ['the path', '/x%0d%0aX-Evil:1'],
    ['a carriage return', '/x?a=%0dX-Evil:1'],
    ['NUL', '/x%00?a=%00'],
  ])('cannot put a line of its own into a header through a variable: %s', async (_, target) => {
    const seen = await linesOf(target)
    expect(named(seen, 'X-Evil')).toEqual([])
    expect(named(seen, 'Content-Length')).toEqual([])
    expect(named(seen, 'X-Q')).toHaveLength(1)
  })

  test('that names a host in its target is believed that one, and no other is passed on', async () => {
    expect(named(await linesOf('http://other.test:81/x'), 'Host')).toEqual(['Host: other.test:81'])
    expect(named(await linesOf('/x'), 'Host')).toEqual(['Host: client.test'])
  })
})

describe('an answer', () => {
  let upstream: ObservedUpstream
  let gateway: Gateway

  beforeAll(async () => {
    upstream = await startObservedUpstream()
    const adding = (id: string, add_headers: object): object =>
      apiAt(id, upstream.url, {
        enable_context_vars: true,
        response_processors: [{ name: 'header_injector', options: { add_headers } }],
      })
    gateway = await startGateway({
      apis: {
        'app.json': adding('app', { 'X-Q': '$tyk_context.request_data_a' }),
        'bad.json': adding('bad', { 'X Bad': '1' }),
      },
      conf: { enable_analytics: false },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
  })

  test('has what a step says, and never a line of the client', async () => {
    const ask = (query: string): Promise<string> => askKept(`/app/x?a=${query}`)
    expect(await ask('b')).toContain('\r\nX-Q: b\r\n')
    for (const query of ['%0d%0aX-Evil:1', '%0aX-Evil:1', '%0dX-Evil:1', '%00']) {
      const answer = await ask(query)
      expect(answer).not.toMatch(/[\r\n]X-Evil/)
      expect(answer).not.toContain('\0')
    }
  })

  test('with a name that is none is none', async () => {
    const answer = await askKept('/bad/x')
    expect(answer).toMatch(/^HTTP\/1\.1 500 /)
    expect(answer).not.toContain('X Bad')
  })

  /** On a connection that stays open behind it. */
  const askKept = (target: string): Promise<string> =>
    converse(gateway.port, get('', target) + get('Connection: close\r\n', '/app/end'))
})
