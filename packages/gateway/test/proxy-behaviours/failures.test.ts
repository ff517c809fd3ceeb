/** Rows of the table of proxy behaviours about upstreams that fail, and clients that go away. */
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AnalyticsRecord } from '@tek/analytics-record'
import { createAuthority, type Authority } from '../../../../test/support/certificates.ts'
import { recordsUntil } from '../../../../test/support/read-records.ts'
import { redisSkipReason } from '../../../../test/support/redis.ts'
import { apiAt } from '../support/api.ts'
import { createFakeResolver } from '../support/fake-resolver.ts'
import { LANES, onEachLane, useStages } from '../support/stages.ts'
import { connectWire, exchange, requestText, valuesOf } from '../support/wire.ts'
import { answerText, OK } from '../support/wire-upstream.ts'

const resolver = createFakeResolver({ 'no-such.test': 'ENOTFOUND', 'not-now.test': 'EAI_AGAIN' })
afterAll(() => resolver[Symbol.dispose]())

const stages = useStages(
  onEachLane({
    apis: (url) => ({
      'app.json': apiAt('app', url),
      'refused.json': apiAt('refused', 'http://127.0.0.1:1'),
      'port.json': apiAt('port', 'http://127.0.0.1:99999'),
      'unknown.json': apiAt('unknown', 'http://no-such.test'),
      'unsure.json': apiAt('unsure', 'http://not-now.test'),
    }),
    env: resolver.env,
  }),
)

const PROXYING = 'There was a problem proxying the request'

describe.skipIf(redisSkipReason()).each(LANES)('on the %s lane', (lane) => {
  const stage = stages[lane]

  /** The record of the request to this path. */
  async function recordOf(originalPath: string): Promise<AnalyticsRecord | undefined> {
    const isIt = (record: AnalyticsRecord): boolean => record.originalPath === originalPath
    return (await recordsUntil(stage.redis.url, isIt)).find(isIt)
  }

  /** Paths of requests that were answered with 500. */
  const failed: string[] = []

  async function failsWith(path: string, message: string): Promise<void> {
    const answer = await stage.ask('GET', path)
    expect(answer.startLine).toBe('HTTP/1.1 500 Internal Server Error')
    expect(valuesOf(answer, 'X-Generator')).toEqual(['tyk.io'])
    expect(answer.body).toBe(`{\n    "error": "${message}"\n}`)
    failed.push(path)
  }

  test.each([
    ['refuses the connection', '/refused/x', PROXYING],
    ['has a port that cannot be', '/port/x', PROXYING],
    ['is no known host', '/unknown/x', 'Upstream host lookup failed'],
    ['cannot be looked up', '/unsure/x', PROXYING],
  ])('27.28 an upstream that %s: 500', async (_, path, message) => {
    stage.upstream.answerWith(OK)
    await failsWith(path, message)
  })

  test.each<[string, (socket: net.Socket) => void]>([
    ['resets the connection', (socket) => void socket.resetAndDestroy()],
    ['closes the connection', (socket) => void socket.end()],
    ['closes in the head', (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Le')],
    ['speaks another protocol', (socket) => void socket.end('SSH-2.0-OpenSSH_9.6\r\n')],
    ['speaks the next version', (socket) => void socket.end(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))],
    ['has a bad status', (socket) => void socket.end('HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n')],
    ['has a status below 100', (socket) => void socket.end('HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n')],
    ['has a bad length', (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok')],
    [
      'has two lengths',
      (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok'),
    ],
    [
      'has a header without a colon',
      (socket) => void socket.end('HTTP/1.1 200 OK\r\nNoColon\r\nContent-Length: 0\r\n\r\n'),
    ],
    [
      'switches protocols unasked',
      (socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'),
    ],
  ])('27.28 an upstream that %s before its answer: 500', async (name, misbehave) => {
    stage.upstream.answerWith((_, socket) => misbehave(socket))
    await failsWith(`/app/${encodeURIComponent(name).replaceAll('%20', '-')}`, PROXYING)
  })

  test('27.28 each of them is recorded with its status and no time of the upstream', async () => {
    await stage.ask('GET', '/refused/last')
    const isLast = ({ originalPath }: AnalyticsRecord): boolean => originalPath === '/refused/last'
    const records = await recordsUntil(stage.redis.url, isLast)
    const found = records.filter(({ originalPath }) => failed.includes(originalPath))
    expect(found.map(({ originalPath }) => originalPath).toSorted()).toEqual(failed.toSorted())
    for (const record of found) expect(record).toMatchObject({ responseCode: 500, latency: { upstream: 0 } })
  })

  test.each(['500 Internal Server Error', '502 Bad Gateway', '503 Service Unavailable', '504 Gateway Timeout'])(
    '27.28 an upstream’s own %s passes',
    async (status) => {
      const answer = await stage.answered('/app/own', answerText(status, ['Content-Type: a/b'], 'own'))
      expect([answer.startLine, answer.body]).toEqual([`HTTP/1.1 ${status}`, 'own'])
      expect(valuesOf(answer, 'X-Generator')).toEqual([])
    },
  )

  /** Sends a request, and leaves once the upstream has it and its answer has begun. */
  async function abandon(path: string, answer: string, sent = requestText('GET', path)): Promise<void> {
    stage.upstream.answerWith(() => answer)
    const arrived = stage.upstream.nextBytes()
    const client = await connectWire(stage.gateway.port)
    client.send(sent)
    const upstream = await arrived
    if (answer !== '') await client.receive('begun')
    const closed = once(upstream, 'close')
    client.socket.destroy()
    await closed
  }

  test.each([
    ['before the answer', '', 499],
    ['in the answer', 'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 100\r\n\r\nbegun', 200],
    ['in an event stream', 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: begun\n\n', 200],
  ])('27.29 a client that leaves %s cancels the upstream request, and is recorded', async (when, answered, code) => {
    const path = `/app/left-${when.replaceAll(' ', '-')}`
    await abandon(path, answered)
    expect(await recordOf(path)).toMatchObject({ responseCode: code })
    stage.upstream.answerWith(OK)
    expect((await stage.ask('GET', '/app/after')).body).toBe('ok')
  })

  test.each([
    ['with a length', ['Content-Length: 10'], '0123'],
    ['in chunks', ['Transfer-Encoding: chunked'], '4\r\n0123\r\n'],
  ])('27.29 a client that leaves in its body %s: the upstream never sees it whole', async (form, framing, part) => {
    const path = `/app/left-${form.replaceAll(' ', '-')}`
    const before = stage.upstream.requests.length
    await abandon(path, '', requestText('POST', path, framing, part))
    expect(stage.upstream.requests).toHaveLength(before)
    expect(await recordOf(path)).toMatchObject({ responseCode: 499 })
  })

  /**
   * Makes the gateway hold an idle connection, on which the upstream drops the next request.
   *
   * @returns How often the request arrived, and what the client got.
   */
  async function onDeadConnection(text: string, dieAgain = false): Promise<[number, string]> {
    let first: net.Socket | null = null
    let arrivals = 0
    stage.upstream.answerWith((request, socket) => {
      if (request.startLine.includes('/warm ')) {
        first = socket
        return OK
      }
      arrivals++
      if (socket !== first && !dieAgain) return OK
      socket.resetAndDestroy()
      return undefined
    })
    await stage.ask('GET', '/app/warm')
    const { startLine } = await exchange(stage.gateway.port, text)
    return [arrivals, startLine.split(' ')[1] as string]
  }

  test.each<[string, string[], number, string, string?]>([
    ['GET', [], 2, '200'],
    ['HEAD', [], 2, '200'],
    ['OPTIONS', [], 2, '200'],
    ['TRACE', [], 2, '200'],
    ['POST', [], 1, '500'],
    ['PUT', [], 1, '500'],
    ['DELETE', [], 1, '500'],
    ['PATCH', [], 1, '500'],
    ['PROPFIND', [], 1, '500'],
    ['POST', ['Idempotency-Key: a'], 2, '200'],
    ['DELETE', ['x-idempotency-key: a'], 2, '200'],
    ['GET', ['Content-Length: 4'], 1, '500', 'body'],
    ['POST', ['Idempotency-Key: a', 'Content-Length: 4'], 1, '500', 'body'],
  ])(
    '27.30 %s with %j on a connection that was dead arrives %i times',
    async (method, lines, arrivals, status, body) => {
      const text = requestText(method, '/app/x', lines, body)
      expect(await onDeadConnection(text)).toEqual([arrivals, status])
    },
  )

  test('27.30 a request is sent again once, and none that met a fresh connection', async () => {
    expect(await onDeadConnection(requestText('GET', '/app/x'), true)).toEqual([2, '500'])
    let arrivals = 0
    stage.upstream.answerWith((_, socket) => {
      arrivals++
      socket.end()
    })
    // The first of them uses what the test before has left in the pool.
    expect((await stage.ask('GET', '/app/x')).startLine).toMatch(/ 500 /)
    arrivals = 0
    expect((await stage.ask('GET', '/app/x')).startLine).toMatch(/ 500 /)
    expect(arrivals).toBe(1)
  })

  test('27.30 nor one whose answer has begun', async () => {
    let arrivals = 0
    stage.upstream.answerWith(OK)
    await stage.ask('GET', '/app/warm')
    stage.upstream.answerWith((_, socket) => {
      arrivals++
      socket.end('HTTP/1.1 2')
    })
    expect((await stage.ask('GET', '/app/x')).startLine).toMatch(/ 500 /)
    expect(arrivals).toBe(1)
  })

  test('27.30 a connection that was closed while idle is never used, whatever the request', async () => {
    stage.upstream.answerWith(OK)
    await stage.ask('GET', '/app/warm')
    const idle = stage.upstream.sockets.at(-1) as net.Socket
    const closed = once(idle, 'close')
    idle.end()
    await closed
    const seen = await stage.seenUpstream('POST', '/app/x', ['Content-Length: 4'], 'body')
    expect(seen.body).toBe('body')
  })
})

describe.skipIf(redisSkipReason())('an upstream with TLS', () => {
  let authority: Authority
  let server: tls.Server
  let plain: net.Server
  beforeAll(async () => {
    authority = await createAuthority()
    const { key, cert } = await authority.issue({ cn: 'localhost', ips: ['127.0.0.1'] })
    server = tls.createServer({ key, cert }, (socket) => void socket.on('error', () => {}).end(OK))
    server.on('tlsClientError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    const { gateway } = stages.direct
    await gateway.writeApi('plain.json', apiAt('plain', `http://127.0.0.1:${port}`))
    await gateway.writeApi('strange.json', apiAt('strange', `https://127.0.0.1:${port}`))
    plain = net.createServer((socket) => void socket.on('error', () => {}).end('this is not TLS'))
    plain.listen(0, '127.0.0.1')
    await once(plain, 'listening')
    const { port: plainPort } = plain.address() as net.AddressInfo
    await gateway.writeApi('nottls.json', apiAt('nottls', `https://127.0.0.1:${plainPort}`))
    await gateway.reload()
  })
  afterAll(async () => {
    server?.close()
    plain?.close()
    await authority?.[Symbol.asyncDispose]()
  })

  test.each([
    ['whose certificate nobody knows', '/strange/x'],
    ['that is asked without TLS', '/plain/x'],
    ['that is asked for TLS and speaks none', '/nottls/x'],
  ])('27.28 %s: 500', async (_, path) => {
    const answer = await stages.direct.ask('GET', path)
    expect(answer.startLine).toBe('HTTP/1.1 500 Internal Server Error')
    expect(answer.body).toBe(`{\n    "error": "${PROXYING}"\n}`)
  })
})
