/** Rows of the table of proxy behaviours about what becomes of an upstream's answer. */
import { once } from 'node:events'
import type net from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { recordsUntil } from '../../../../test/support/read-records.ts'
import { redisSkipReason } from '../../../../test/support/redis.ts'
import { apiAt } from '../support/api.ts'
import { connectHttp2 } from '../support/http2.ts'
import { startHttp2Upstream } from '../support/http2-upstream.ts'
import { LANES, onEachLane, useStages } from '../support/stages.ts'
import { connectWire, exchange, namesOf, requestText, valuesOf } from '../support/wire.ts'
import { answerText, OK } from '../support/wire-upstream.ts'

const http2 = await startHttp2Upstream()
afterAll(() => http2[Symbol.asyncDispose]())

const stages = useStages(
  onEachLane({
    apis: (url) => ({
      'app.json': apiAt('app', url),
      'detailed.json': apiAt('detailed', url, { enable_detailed_recording: true }),
      'h2c.json': apiAt('h2c', http2.url),
    }),
    conf: { http_server_options: { write_timeout: 1 } },
  }),
)
const CHUNKED = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n'
const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
const BROKEN = 'event: error\ndata: upstream connection terminated unexpectedly\n\n'

describe.skipIf(redisSkipReason()).each(LANES)('an answer on the %s lane', (lane) => {
  const stage = stages[lane]

  /** Sends a request and gives the connection to the upstream at its hands. */
  async function begin(path: string, head: string, version = 'HTTP/1.1') {
    const begun = Promise.withResolvers<net.Socket>()
    stage.upstream.answerWith((_, socket) => {
      begun.resolve(socket)
      return head
    })
    const client = await connectWire(stage.gateway.port)
    client.send(requestText('GET', path).replace('HTTP/1.1', version))
    return { client, upstream: await begun.promise }
  }

  test.each([
    ['301 Moved Permanently', 'http://127.0.0.1:1/elsewhere'],
    ['302 Found', '/relative'],
    ['303 See Other', '//other.test/x?a=%20b'],
    ['307 Temporary Redirect', '?q'],
    ['308 Permanent Redirect', 'x:y'],
    ['300 Multiple Choices', 'http://h/'],
  ])('27.35 %s to %s is the client’s to follow', async (status, location) => {
    const before = stage.upstream.requests.length
    const answer = await stage.answered('/app/x', answerText(status, [`Location: ${location}`], 'moved'))
    expect(answer.startLine).toBe(`HTTP/1.1 ${status}`)
    expect(valuesOf(answer, 'Location')).toEqual([location])
    expect(answer.body).toBe('moved')
    expect(stage.upstream.requests).toHaveLength(before + 1)
  })

  test.each([
    ['gzip', gzipSync('plain text')],
    ['deflate', deflateSync('plain text')],
    ['br', brotliCompressSync('plain text')],
    ['gzip, br', brotliCompressSync(gzipSync('plain text'))],
    ['x-unknown', Buffer.from('anything at all')],
    ['gzip', Buffer.from('this is not gzip')],
  ])('27.36 a body in %s reaches the client byte for byte, whether it was asked for or not', async (coding, bytes) => {
    const body = bytes.toString('latin1')
    for (const asked of [[`Accept-Encoding: ${coding};q=0.5`], []]) {
      const text = answerText('200 OK', [`Content-Encoding: ${coding}`, 'Etag: "1"'], body)
      const answer = await stage.answered('/app/x', text, asked)
      expect(answer.body).toBe(body)
      expect(valuesOf(answer, 'Content-Encoding')).toEqual([coding])
      expect(valuesOf(answer, 'Content-Length')).toEqual([String(bytes.length)])
      expect(stage.upstream.last().lines.filter((line) => line.startsWith('Accept-Encoding'))).toEqual(asked)
    }
  })

  test('27.36 a plain body is not compressed, whatever the client accepts', async () => {
    const text = answerText('200 OK', ['Content-Type: text/plain'], 'long '.repeat(1000))
    const answer = await stage.answered('/app/x', text, ['Accept-Encoding: gzip, br'])
    expect(answer.body).toBe('long '.repeat(1000))
    expect(namesOf(answer)).not.toContain('Content-Encoding')
  })

  test.each([0, 1, 5, 70_000])('27.37 a Content-Length of %i stays', async (length) => {
    const answer = await stage.answered('/app/x', answerText('200 OK', [], 'x'.repeat(length)))
    expect(valuesOf(answer, 'Content-Length')).toEqual([String(length)])
    expect(namesOf(answer)).not.toContain('Transfer-Encoding')
    expect(answer.framedBody).toBe('x'.repeat(length))
  })

  test.each([
    ['is chunked', `${CHUNKED}2\r\nok\r\n0\r\n\r\n`],
    ['ends with its connection', 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nok'],
    ['is of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nok'],
  ])('27.37 a body that %s reaches the client in chunks', async (_, text) => {
    const answer = await stage.answered('/app/x', (_request, socket) => {
      if (text.includes('chunked')) return text
      socket.end(text, 'latin1')
      return undefined
    })
    expect(answer.startLine).toBe('HTTP/1.1 200 OK')
    expect(valuesOf(answer, 'Transfer-Encoding')).toEqual(['chunked'])
    expect(namesOf(answer)).not.toContain('Content-Length')
    expect(answer.framedBody).toBe('2\r\nok\r\n0\r\n\r\n')
  })

  test('27.37 a client of HTTP/1.0 gets no chunks: the body ends with the connection', async () => {
    const { client } = await begin('/app/x', `${CHUNKED}2\r\nok\r\n0\r\n\r\n`, 'HTTP/1.0')
    const text = await client.closed()
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(text).not.toMatch(/chunked|Content-Length/)
    expect(text.endsWith('\r\n\r\nok')).toBe(true)
  })

  test.each<[string, string, string, string[]]>([
    ['HEAD', '200 OK', 'Content-Length: 1234', ['1234']],
    ['HEAD', '200 OK', 'Transfer-Encoding: chunked', []],
    ['HEAD', '404 Not Found', 'Content-Length: 9', ['9']],
    ['HEAD', '200 OK', 'X-No: length', []],
    ['GET', '204 No Content', 'X-No: length', []],
    ['GET', '304 Not Modified', 'Content-Length: 77', ['77']],
    ['GET', '304 Not Modified', 'Etag: "x"', []],
    ['POST', '204 No Content', 'X-No: length', []],
  ])(
    '27.37 the answer to %s with %s and %s has no body and says the length %j',
    async (method, status, line, length) => {
      stage.upstream.answerWith(`HTTP/1.1 ${status}\r\nContent-Type: a/b\r\n${line}\r\n\r\n`)
      await using client = await connectWire(stage.gateway.port)
      client.send(requestText(method, '/app/x'))
      const answer = await client.answer(method)
      expect(answer.startLine).toBe(`HTTP/1.1 ${status}`)
      expect(valuesOf(answer, 'Content-Length')).toEqual(length)
      // What follows on both connections is the next answer, not a body.
      stage.upstream.answerWith(OK)
      client.send(requestText('GET', '/app/next'))
      expect((await client.answer()).body).toBe('ok')
      expect(client.received()).not.toMatch(/\r\n\r\n0\r\n/)
    },
  )

  test.each([
    ['413 Payload Too Large', '413 Request Entity Too Large'],
    ['414 x', '414 Request URI Too Long'],
    ['416 x', '416 Requested Range Not Satisfiable'],
    ['418 x', "418 I'm a teapot"],
    ['200 Fine', '200 OK'],
    ['299 Odd', '299 status code 299'],
    ['509 Full', '509 status code 509'],
    ['777 Lucky', '777 status code 777'],
    ['503', '503 Service Unavailable'],
  ])('27.37 the status %s reaches the client as %s', async (status, expected) => {
    expect((await stage.answered('/app/x', answerText(status, [], 'b'))).startLine).toBe(`HTTP/1.1 ${expected}`)
  })

  test.each([
    ['GET', '200 OK', '4\r\nbody\r\n0\r\nX-Sum: 7\r\n\r\n', 'HTTP/1.1', true],
    ['GET', '200 OK', '4\r\nbody\r\n0\r\nX-Sum: 7\r\n\r\n', 'HTTP/1.0', false],
    ['HEAD', '200 OK', '', 'HTTP/1.1', false],
    ['GET', '304 Not Modified', '', 'HTTP/1.1', false],
  ])('27.37 Trailer in the answer to %s with %s does no harm', async (method, status, body, version, announced) => {
    const head = `HTTP/1.1 ${status}\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n`
    stage.upstream.answerWith(head + body)
    const text = requestText(method, '/app/x').replace('HTTP/1.1', version)
    const answer = await exchange(stage.gateway.port, text)
    expect(answer.startLine).toBe(`HTTP/1.1 ${status}`)
    expect(valuesOf(answer, 'Trailer')).toEqual(announced ? ['X-Sum'] : [])
    expect(answer.body).toBe(body === '' ? '' : 'body')
  })

  test.each([
    ['a chunked one', CHUNKED, ['3\r\none\r\n', '3\r\ntwo\r\n', '0\r\n\r\n'], ['one', 'two']],
    [
      'one that ends with its connection',
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n',
      ['one', 'two'],
      ['one', 'two'],
    ],
    [
      'one with a length',
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n',
      ['one', 'two'],
      ['one', 'two'],
    ],
    ['an event stream', `${EVENTS}\r\n`, ['data: one\n\n', 'data: two\n\n'], ['one', 'two']],
    [
      'one without a type',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      ['3\r\none\r\n', '3\r\ntwo\r\n', '0\r\n\r\n'],
      ['one', 'two'],
    ],
  ])('27.38 every part of %s is with the client before the next is sent', async (_, head, parts, awaited) => {
    const { client, upstream } = await begin('/app/x', head)
    for (const [i, part] of parts.entries()) {
      upstream.write(part, 'latin1')
      const sign = awaited[i]
      if (sign !== undefined) await client.receive(sign)
    }
    upstream.end()
    await using _client = client
    expect((await client.answer()).whole).toBe(true)
  })

  test('27.38 the head of an event stream is with the client before its first event', async () => {
    const { client, upstream } = await begin('/app/x', `${EVENTS}\r\n`)
    await client.receive('Content-Type: text/event-stream')
    upstream.end('data: x\n\n')
    expect((await client.answer()).body).toBe('data: x\n\n')
    client.socket.destroy()
  })

  test('27.38 so is every part of an answer over HTTP/2, on both sides', async () => {
    await using client = await connectHttp2(stage.gateway.url)
    const next = http2.next()
    const stream = client.session.request({ ':path': '/h2c/x' })
    stream.end()
    const arrived = async (): Promise<string> => String(((await once(stream, 'data')) as [Buffer])[0])
    const { stream: upstream } = await next
    upstream.respond({ ':status': 200, 'content-type': 'text/plain' })
    for (const part of ['one', 'two']) {
      const received = arrived()
      upstream.write(part)
      expect(await received).toBe(part)
    }
    upstream.end()
    await once(stream, 'end')
  })

  test('27.39 an event stream lasts beyond write_timeout, which cuts another answer', async () => {
    const events = await begin('/app/x', `${EVENTS.replace('event-stream', 'Event-Stream; charset=utf-8')}\r\n`)
    events.upstream.write('data: first\n\n')
    await events.client.receive('data: first')
    const plain = await begin('/app/x', `${CHUNKED}4\r\nhalf\r\n`)
    expect((await plain.client.answer()).whole).toBe(false)
    events.upstream.write('data: second\n\n')
    await events.client.receive('data: second')
    const gone = once(events.upstream, 'close')
    events.client.socket.destroy()
    await gone
  })

  test('27.39 the request of an event stream is recorded, its answer is not', async () => {
    const { client, upstream } = await begin('/detailed/events', `${EVENTS}\r\n`)
    upstream.end('data: x\n\n')
    await client.answer()
    const isIt = ({ originalPath }: { originalPath: string }): boolean => originalPath === '/detailed/events'
    const record = (await recordsUntil(stage.redis.url, isIt)).find(isIt)
    expect(record).toMatchObject({ responseCode: 200, rawResponse: '' })
    expect(record?.rawRequest).not.toBe('')
  })

  test.each<[string, string, string, 'end' | 'reset', string]>([
    ['in chunks that have no end', 'Transfer-Encoding: chunked', '3\r\n:x\n\r\n', 'end', `:x\n${BROKEN}`],
    ['in chunks, reset', 'Transfer-Encoding: chunked', '3\r\n:x\n\r\n', 'reset', `:x\n${BROKEN}`],
    ['in mid-chunk', 'Transfer-Encoding: chunked', '9\r\n:x\n', 'end', `:x\n${BROKEN}`],
    ['without framing, reset', 'Cache-Control: no-cache', ':x\n', 'reset', `:x\n${BROKEN}`],
    ['without framing, as it may', 'Cache-Control: no-cache', ':x\n', 'end', ':x\n'],
  ])('27.39 an event stream that ends %s', async (_, line, part, how, expected) => {
    const { client, upstream } = await begin('/app/x', `${EVENTS}${line}\r\n\r\n${part}`)
    await client.receive(':x\n')
    if (how === 'end') upstream.end()
    else upstream.resetAndDestroy()
    const answer = await client.answer()
    expect([answer.body, answer.whole]).toEqual([expected, true])
    client.socket.destroy()
  })

  test.each([
    ['with a length', 'Content-Length: 100'],
    ['in gzip', 'Transfer-Encoding: chunked\r\nContent-Encoding: gzip'],
  ])('27.39 nothing can be appended to an event stream %s: it is cut', async (_, lines) => {
    const part = lines.includes('chunked') ? '3\r\n:x\n\r\n' : ':x\n'
    const { client, upstream } = await begin('/app/x', `${EVENTS}${lines}\r\n\r\n${part}`)
    await client.receive(':x\n')
    upstream.end()
    expect(await client.answer()).toMatchObject({ body: ':x\n', whole: false })
  })

  const half = 'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n'
  test.each<[string, string, string]>([
    ['before the last chunk', `${CHUNKED}4\r\nhalf\r\n`, 'end'],
    ['before the last chunk, reset', `${CHUNKED}4\r\nhalf\r\n`, 'reset'],
    ['in a chunk', `${CHUNKED}9\r\nhalf`, 'end'],
    ['in the size of a chunk', `${CHUNKED}4\r\nhalf\r\n1`, 'end'],
    ['after the last chunk, before the end of its trailers', `${CHUNKED}4\r\nhalf\r\n0\r\nX-T: 1`, 'end'],
    ['in a chunk with a wrong size', `${CHUNKED}4\r\nhalf\r\n`, 'zz\r\n'],
    ['in a chunk longer than its size', `${CHUNKED}4\r\nhalf`, ' more\r\n'],
    ['before its length is reached', `${half}Content-Length: 5\r\n\r\nhalf`, 'end'],
    ['before its length is reached, reset', `${half}Content-Length: 5\r\n\r\nhalf`, 'reset'],
    ['without a length, reset', `${half}Cache-Control: a\r\n\r\nhalf`, 'reset'],
    ['in gzip', `${half}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhalf`, 'end'],
  ])('27.40 a body that breaks off %s never looks whole', async (_, text, how) => {
    const { client, upstream } = await begin('/app/x', text)
    await client.receive('half')
    if (how === 'end') upstream.end()
    else if (how === 'reset') upstream.resetAndDestroy()
    else upstream.write(how)
    const answer = await client.answer()
    expect(answer.startLine).toBe('HTTP/1.1 200 OK')
    expect(answer).toMatchObject({ body: 'half', whole: false })
    expect(await client.closed()).not.toMatch(/0\r\n\r\n$/)
  })

  test('27.40 nor does one that breaks off over HTTP/2, on either side', async () => {
    await using client = await connectHttp2(stage.gateway.url)
    stage.upstream.answerWith((_, socket) => {
      socket.end(`${CHUNKED}4\r\nhalf\r\n`)
    })
    expect(await client.request({ ':path': '/app/x' })).toMatchObject({ body: 'half', whole: false })
    const next = http2.next()
    const answer = exchange(stage.gateway.port, requestText('GET', '/h2c/x'))
    const { stream: upstream } = await next
    upstream.respond({ ':status': 200, 'content-type': 'text/plain' })
    upstream.write('half', () => upstream.destroy(new Error('dies')))
    expect(await answer).toMatchObject({ body: 'half', whole: false })
  })
})
