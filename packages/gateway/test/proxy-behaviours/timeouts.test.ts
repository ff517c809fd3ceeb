/** Rows of the table of proxy behaviours about time: upstreams and clients that are slow. */
import { once } from 'node:events'
import type net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AnalyticsRecord } from '@tek/analytics-record'
import { recordsUntil } from '../../../../test/support/read-records.ts'
import { redisSkipReason } from '../../../../test/support/redis.ts'
import { readTimeoutMs, writeTimeoutMs } from '../../src/server/limits.ts'
import { apiAt, withVersion } from '../support/api.ts'
import { LANES, onEachLane, useStages, type Stage } from '../support/stages.ts'
import { configWith } from '../support/steps.ts'
import { silentPortSkipReason, startSilentPort, type SilentPort } from '../support/unreachable.ts'
import { connectWire, requestText, type WireClient } from '../support/wire.ts'
import { OK } from '../support/wire-upstream.ts'

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 8\r\n\r\n'
const TIMED_OUT = '{\n    "error": "Upstream service reached hard timeout."\n}'

const hard = (path: string, rest: Record<string, unknown>): Record<string, unknown> => ({
  path,
  method: 'GET',
  ...rest,
})
const LIMITED = withVersion({
  global_enforce_timeout: '1h',
  extended_paths: {
    hard_timeouts: [
      hard('/soon', { duration: '50ms' }),
      hard('/later', { duration: '1h' }),
      hard('/both', { duration: '1h', timeout: 1 }),
      hard('/seconds', { timeout: 1 }),
      hard('/off', { duration: '50ms', disabled: true }),
    ],
  },
})

const stages = useStages({
  ...onEachLane({
    apis: (url) => ({
      'app.json': apiAt('app', url),
      'hard.json': apiAt('hard', url, LIMITED),
      'whole.json': apiAt('whole', url, withVersion({ global_enforce_timeout: '50ms' })),
      'off.json': apiAt(
        'off',
        url,
        withVersion({ global_enforce_timeout: '50ms', global_enforce_timeout_disabled: true }),
      ),
    }),
    conf: { proxy_default_timeout: 20, http_server_options: { enable_websockets: true } },
  }),
  short: {
    apis: (url) => ({ 'app.json': apiAt('app', url), 'hard.json': apiAt('hard', url, LIMITED) }),
    // Half a second is no limit at all for Tyk.
    conf: {
      proxy_default_timeout: 0.5,
      http_server_options: { read_timeout: 1, write_timeout: 1, enable_websockets: true },
    },
  },
})

/** Sends a request; the upstream answers with these bytes and keeps its connection. */
async function begin(stage: Stage, path: string, bytes: string, lines: readonly string[] = []) {
  const begun = Promise.withResolvers<net.Socket>()
  stage.upstream.answerWith((_, socket) => {
    begun.resolve(socket)
    return bytes
  })
  const client = await connectWire(stage.gateway.port)
  client.send(requestText('GET', path, lines))
  return { client, upstream: await begun.promise }
}

const statusOf = async (client: WireClient): Promise<string> =>
  (await client.answer()).startLine.split(' ')[1] as string

describe.skipIf(redisSkipReason()).each(LANES)('time on the %s lane', (lane) => {
  const stage = stages[lane]

  /** Of two requests, the one that began first outlives the other, which its time ends. */
  async function outlives(longer: string, shorter: string): Promise<void> {
    const long = await begin(stage, longer, `${HEAD}half`)
    await long.client.receive('half')
    const short = await begin(stage, shorter, '')
    expect(await short.client.answer()).toMatchObject({
      startLine: 'HTTP/1.1 504 Gateway Timeout',
      body: TIMED_OUT,
    })
    long.upstream.write('rest')
    expect(await long.client.answer()).toMatchObject({ body: 'halfrest', whole: true })
    for (const { client } of [long, short]) client.socket.destroy()
  }

  test.each([
    ['/hard/soon', 'the endpoint'],
    ['/whole/x', 'the version'],
  ])('27.32 %s has the time of %s, and the upstream is let go', async (path) => {
    const { client, upstream } = await begin(stage, path, '')
    const closed = once(upstream, 'close')
    expect(await statusOf(client)).toBe('504')
    await closed
    const isIt = ({ originalPath, responseCode }: AnalyticsRecord): boolean =>
      originalPath === path && responseCode === 504
    await recordsUntil(stage.redis.url, isIt)
  })

  test.each([['/app/x'], ['/hard/later'], ['/hard/off'], ['/hard/other'], ['/off/x']])(
    '27.32 %s lasts longer than the 50 ms of another endpoint',
    async (path) => {
      await outlives(path, '/hard/soon')
    },
  )

  test('27.32 of an endpoint’s duration and its seconds the duration counts', async () => {
    await outlives('/hard/both', '/hard/seconds')
  })

  test('27.32 a hard timeout cuts a body that has begun, which never looks whole', async () => {
    const { client, upstream } = await begin(stage, '/hard/soon', `${HEAD}half`)
    const closed = once(upstream, 'close')
    expect(await client.answer()).toMatchObject({ startLine: 'HTTP/1.1 200 OK', body: 'half', whole: false })
    await closed
  })

  test('27.32 a hard timeout ends a tunnel, and no other does', async () => {
    const lines = ['Connection: Upgrade', 'Upgrade: echo']
    const long = await begin(stage, '/app/tunnel', SWITCH, lines)
    const short = await begin(stage, '/hard/soon', SWITCH, lines)
    const closed = once(short.upstream, 'close')
    expect(await short.client.closed()).toBe(SWITCH)
    await closed
    long.upstream.write('still open')
    await long.client.receive('still open')
    long.client.socket.destroy()
  })
})

describe.skipIf(redisSkipReason())('time', () => {
  const stage = stages.short
  let silent: SilentPort | undefined
  beforeAll(async () => {
    if (redisSkipReason() !== undefined || silentPortSkipReason() !== undefined) return
    silent = await startSilentPort()
    await stage.gateway.writeApi('silent.json', apiAt('silent', `http://127.0.0.1:${silent.port}`))
    await stage.gateway.reload()
  })
  afterAll(() => silent?.[Symbol.asyncDispose]())

  test('27.31 proxy_default_timeout limits the wait for the head, not the body', async () => {
    const long = await begin(stage, '/app/long', `${HEAD}half`)
    await long.client.receive('half')
    const short = await begin(stage, '/app/short', '')
    const closed = once(short.upstream, 'close')
    expect(await short.client.answer()).toMatchObject({ startLine: 'HTTP/1.1 504 Gateway Timeout', body: TIMED_OUT })
    await closed
    long.upstream.write('rest')
    expect(await long.client.answer()).toMatchObject({ body: 'halfrest', whole: true })
  })

  test('27.31 it begins when the request was sent: a slow upload does not count', async () => {
    stage.upstream.answerWith(OK)
    const slow = await connectWire(stage.gateway.port)
    const arrived = stage.upstream.nextBytes()
    slow.send(requestText('POST', '/app/up', ['Content-Length: 4'], 'bo'))
    await arrived
    const short = await begin(stage, '/app/short', '')
    expect(await statusOf(short.client)).toBe('504')
    stage.upstream.answerWith(OK)
    slow.send('dy')
    expect(await statusOf(slow)).toBe('200')
  })

  test('27.32 a hard timeout that is longer does not take the place of proxy_default_timeout', async () => {
    const { client } = await begin(stage, '/hard/later', '')
    expect(await client.answer()).toMatchObject({ startLine: 'HTTP/1.1 504 Gateway Timeout', body: TIMED_OUT })
  })

  test.skipIf(silentPortSkipReason())(
    '27.33 an upstream that takes no connection: 500, one that is silent then: 504',
    async () => {
      const dial = await stage.ask('GET', '/silent/x')
      expect(dial.startLine).toBe('HTTP/1.1 500 Internal Server Error')
      expect(dial.body).toBe('{\n    "error": "There was a problem proxying the request"\n}')
      const { client } = await begin(stage, '/app/x', '')
      expect(await statusOf(client)).toBe('504')
    },
  )

  test('27.34 read and write timeouts are 120 s unless the configuration says otherwise', () => {
    const seconds = (options: Record<string, number>): number[] => {
      const names = Object.entries(options).map(([name, value]) => [`http_server_options.${name}`, value])
      const config = configWith(Object.fromEntries(names) as Record<string, unknown>)
      return [readTimeoutMs(config) / 1000, writeTimeoutMs(config) / 1000]
    }
    expect(seconds({})).toEqual([120, 120])
    expect(seconds({ read_timeout: 0, write_timeout: 0 })).toEqual([120, 120])
    expect(seconds({ read_timeout: 7, write_timeout: 300 })).toEqual([7, 300])
  })

  test('27.34 a connection on which nothing comes for read_timeout is closed, and nothing of it goes upstream', async () => {
    stage.upstream.answerWith(OK)
    const served = await connectWire(stage.gateway.port)
    served.send(requestText('GET', '/app/x'))
    const answer = await served.answer()
    const before = stage.upstream.requests.length
    const mute = await connectWire(stage.gateway.port)
    const begun = await connectWire(stage.gateway.port)
    begun.send('GET /app/x HTTP/1.1\r\nHost: cl')
    const [ofServed, ofMute, ofBegun] = await Promise.all([served, mute, begun].map((client) => client.closed()))
    expect([ofServed, ofMute]).toEqual([answer.raw, ''])
    expect(ofBegun).toMatch(/^$|^HTTP\/1\.1 408 /)
    expect(stage.upstream.requests).toHaveLength(before)
  })

  test('27.34 so is one on which a body takes longer; the upstream never sees it whole', async () => {
    const before = stage.upstream.requests.length
    const client = await connectWire(stage.gateway.port)
    const arrived = stage.upstream.nextBytes()
    client.send(requestText('POST', '/app/x', ['Content-Length: 10'], 'half'))
    const closed = once(await arrived, 'close')
    expect(await client.closed()).toMatch(/^$|^HTTP\/1\.1 408 /)
    await closed
    expect(stage.upstream.requests).toHaveLength(before)
  })

  test('27.34 an answer that takes longer than write_timeout is cut, a tunnel is not', async () => {
    const tunnel = await begin(stage, '/app/x', SWITCH, ['Connection: Upgrade', 'Upgrade: echo'])
    const { client, upstream } = await begin(stage, '/app/x', `${HEAD}half`)
    const closed = once(upstream, 'close')
    expect(await client.answer()).toMatchObject({ body: 'half', whole: false })
    await closed
    tunnel.upstream.write('still open')
    await tunnel.client.receive('still open')
    tunnel.client.socket.destroy()
  })
})
