/** Rows of the table of proxy behaviours about upgrades to other protocols. */
import { once } from 'node:events'
import type net from 'node:net'
import { describe, expect, test } from 'vitest'
import type { AnalyticsRecord } from '@tek/analytics-record'
import { recordsUntil } from '../../../../test/support/read-records.ts'
import { redisSkipReason } from '../../../../test/support/redis.ts'
import { apiAt } from '../support/api.ts'
import { LANES, onEachLane, useStages, type Stage } from '../support/stages.ts'
import { connectWire, namesOf, requestText, valuesOf, type WireClient } from '../support/wire.ts'
import { answerText, OK } from '../support/wire-upstream.ts'

const apis = (url: string): Record<string, unknown> => ({
  'app.json': apiAt('app', url),
  'keys.json': apiAt('keys', url, { use_keyless: false, use_standard_auth: true }),
  'cors.json': apiAt('cors', url, { CORS: { enable: true, allowed_origins: ['https://a.test'] } }),
  'gone.json': apiAt('gone', 'http://127.0.0.1:1'),
  'ws.json': apiAt('ws', url.replace('http:', 'ws:')),
})
const stages = useStages({
  ...onEachLane({ apis, conf: { http_server_options: { enable_websockets: true } } }),
  off: { apis },
})

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: Echo\r\nConnection: Upgrade\r\nX-Own: 1\r\n\r\n'
const ASKING = ['Connection: Upgrade', 'Upgrade: echo']

interface Tunnel {
  readonly client: WireClient
  readonly upstream: net.Socket
}

/** Opens a tunnel whose ends are in the test's hands. */
async function open(stage: Stage, path: string, lines: readonly string[] = ASKING, answer = SWITCH): Promise<Tunnel> {
  const switched = Promise.withResolvers<net.Socket>()
  stage.upstream.answerWith((_, socket) => {
    switched.resolve(socket)
    return answer
  })
  const client = await connectWire(stage.gateway.port)
  client.send(requestText('GET', path, lines))
  const upstream = await switched.promise
  await client.receive('\r\n\r\n')
  return { client, upstream }
}

/** Sends bytes into one end and waits until they are out of the other. */
async function passes({ client, upstream }: Tunnel): Promise<void> {
  upstream.write('from upstream\0\xff', 'latin1')
  await client.receive('from upstream\0\xff')
  const arrived = once(upstream, 'data') as Promise<[Buffer]>
  client.send('from client\0\xff')
  expect((await arrived)[0].toString('latin1')).toBe('from client\0\xff')
}

describe.skipIf(redisSkipReason()).each(LANES)('an upgrade on the %s lane', (lane) => {
  const stage = stages[lane]

  test.each([
    'Upgrade',
    'upgrade',
    'UPGRADE',
    'keep-alive, Upgrade',
    'Upgrade, keep-alive',
    'keep-alive ,  upgrade, X-Named',
  ])('27.45 with Connection: %s joins both sides', async (connection) => {
    const lines = [`Connection: ${connection}`, 'Upgrade: EchO', 'Sec-WebSocket-Key: k', 'X-Named: 1', 'Keep-Alive: 1']
    const tunnel = await open(stage, '/app/x', lines)
    const seen = stage.upstream.last()
    expect(valuesOf(seen, 'Connection')).toEqual(['Upgrade'])
    expect(valuesOf(seen, 'Upgrade')).toEqual(['echo'])
    expect(valuesOf(seen, 'Sec-Websocket-Key')).toEqual(['k'])
    expect(valuesOf(seen, 'X-Named')).toEqual(connection.includes('X-Named') ? [] : ['1'])
    expect(namesOf(seen)).not.toContain('Keep-Alive')
    expect(tunnel.client.received()).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: Echo\r\nConnection: Upgrade\r\nX-Own: 1\r\n\r\n',
    )
    await passes(tunnel)
    tunnel.client.socket.destroy()
  })

  test('27.45 headers that the gateway has set are on the 101 as well', async () => {
    const { client } = await open(stage, '/cors/x', [...ASKING, 'Origin: https://a.test'])
    expect(client.received()).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nVary: Origin\r\nAccess-Control-Allow-Origin: https://a.test\r\n' +
        'Upgrade: Echo\r\nConnection: Upgrade\r\nX-Own: 1\r\n\r\n',
    )
    client.socket.destroy()
  })

  test('27.45 bytes right behind either head are part of the tunnel', async () => {
    const switched = Promise.withResolvers<net.Socket>()
    stage.upstream.answerWith((_, socket) => {
      switched.resolve(socket)
      return `${SWITCH}early answer`
    })
    await using client = await connectWire(stage.gateway.port)
    const arrived = (async () => once(await switched.promise, 'data'))() as Promise<[Buffer]>
    client.send(`${requestText('GET', '/app/x', ASKING)}early`)
    await client.receive('\r\n\r\nearly answer')
    expect((await arrived)[0].toString()).toBe('early')
  })

  test('27.45 a target of scheme ws is reached like one of http', async () => {
    await passes(await open(stage, '/ws/x'))
  })

  test.each<[string, (tunnel: Tunnel) => void]>([
    ['the client ends its side', ({ client }) => void client.socket.end()],
    ['the client resets', ({ client }) => void client.socket.resetAndDestroy()],
    ['the upstream ends its side', ({ upstream }) => void upstream.end()],
    ['the upstream resets', ({ upstream }) => void upstream.resetAndDestroy()],
  ])('27.45 both connections end when %s', async (_, endOne) => {
    const tunnel = await open(stage, '/app/x')
    const closed = Promise.all([once(tunnel.upstream, 'close'), tunnel.client.closed()])
    endOne(tunnel)
    await closed
  })

  test('27.45 what was sent before the end still arrives', async () => {
    const tunnel = await open(stage, '/app/x')
    const bytes = 'x'.repeat(1_000_000)
    tunnel.upstream.end(bytes)
    expect((await tunnel.client.closed()).endsWith(`\r\n\r\n${bytes}`)).toBe(true)
  })

  test('27.45 it is recorded once, with 101, when it ends', async () => {
    const tunnel = await open(stage, '/app/tunnel')
    const isIt = (path: string) => (record: AnalyticsRecord) => record.originalPath === path
    stage.upstream.answerWith(OK)
    await stage.ask('GET', '/app/between')
    const before = await recordsUntil(stage.redis.url, isIt('/app/between'))
    expect(before.filter(isIt('/app/tunnel'))).toEqual([])
    tunnel.client.socket.end()
    const after = await recordsUntil(stage.redis.url, isIt('/app/tunnel'))
    expect(after.filter(isIt('/app/tunnel')).map(({ responseCode }) => responseCode)).toEqual([101])
  })

  test.each([
    ['/keys/x', '401', 'Authorization field missing'],
    ['/none', '404', 'Not Found'],
    ['/app//x', '301', ''],
    ['/gone/x', '500', 'There was a problem proxying the request'],
  ])('27.45 every step comes before it: %s is answered %s', async (path, status, text) => {
    const before = stage.upstream.requests.length
    await using client = await connectWire(stage.gateway.port)
    client.send(requestText('GET', path, ASKING))
    const answer = await client.answer()
    expect(answer.startLine.split(' ')[1]).toBe(status)
    expect(answer.body).toContain(text)
    expect(stage.upstream.requests).toHaveLength(before)
  })

  test.each([
    ['refuses', answerText('403 Forbidden', ['Content-Type: a/b', 'X-Own: 1'], 'no')],
    ['ignores it', answerText('200 OK', ['Content-Type: a/b', 'X-Own: 1', 'Set-Cookie: a=1'], 'plain')],
    [
      'wants another protocol',
      answerText('426 Upgrade Required', ['Content-Type: a/b', 'X-Own: 1', 'Upgrade: x'], 'x'),
    ],
    [
      'answers in chunks',
      'HTTP/1.1 404 Not Found\r\nX-Own: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
    ],
  ])('27.46 an upstream that %s is relayed', async (_, text) => {
    stage.upstream.answerWith(text)
    await using client = await connectWire(stage.gateway.port)
    client.send(requestText('GET', '/app/x', ASKING))
    const answer = await client.answer()
    expect(answer.whole).toBe(true)
    expect(answer.startLine).toBe(text.slice(0, text.indexOf('\r\n')))
    expect(valuesOf(answer, 'X-Own')).toEqual(['1'])
    expect(valuesOf(answer, 'X-Ratelimit-Limit')).toEqual(['0'])
    expect(answer.framedBody).toBe(text.slice(text.indexOf('\r\n\r\n') + 4))
    expect(namesOf(answer)).not.toContain('Upgrade')
  })

  test('27.46 an upstream that closes instead is answered for', async () => {
    stage.upstream.answerWith((_, socket) => void socket.end())
    const answer = await stage.ask('GET', '/app/x', ASKING)
    expect(answer.startLine).toBe('HTTP/1.1 500 Internal Server Error')
    expect(answer.body).toContain('There was a problem proxying the request')
  })

  test('27.45 without Connection, or without a type, it is an ordinary request', async () => {
    for (const lines of [['Upgrade: echo'], ['Connection: keep-alive', 'Upgrade: echo'], ['Connection: Upgrade']]) {
      stage.upstream.answerWith(OK)
      const seen = await stage.seenUpstream('GET', '/app/x', lines)
      expect(namesOf(seen).join()).not.toMatch(/Upgrade|Connection/)
    }
  })
})

describe.skipIf(redisSkipReason())('with websockets off', () => {
  test('27.45 an upgrade reaches the upstream as an ordinary request', async () => {
    stages.off.upstream.answerWith(OK)
    const seen = await stages.off.seenUpstream('GET', '/app/x', [...ASKING, 'Sec-WebSocket-Key: k'])
    expect(namesOf(seen).join()).not.toMatch(/Upgrade|Connection/)
    expect(valuesOf(seen, 'Sec-Websocket-Key')).toEqual(['k'])
  })
})
