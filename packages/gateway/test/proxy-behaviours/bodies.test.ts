/** Rows of the table of proxy behaviours about bodies, trailers and expectations. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisSkipReason } from '../../../../test/support/redis.ts'
import { apiAt, withVersion } from '../support/api.ts'
import { startBulkServer, flow, type BulkServer } from '../support/bulk.ts'
import { LANES, onEachLane, useStages, type Lane, type StagePlan } from '../support/stages.ts'
import { connectWire, exchange, namesOf, requestText, valuesOf, type WireMessage } from '../support/wire.ts'
import { answerText, OK } from '../support/wire-upstream.ts'

const BULK_BYTES = 64 * 1024 * 1024

let bulk: BulkServer
beforeAll(async () => void (bulk = await startBulkServer(BULK_BYTES)))
afterAll(() => bulk?.[Symbol.asyncDispose]())

const limits = withVersion({
  global_size_limit: 20,
  extended_paths: {
    size_limits: [
      { path: '/small', method: 'POST', size_limit: 5 },
      { path: '/small', method: 'GET', size_limit: 5 },
      { path: '/large', method: 'POST', size_limit: 100 },
    ],
  },
})
const apis = (url: string): Record<string, unknown> => ({
  'app.json': apiAt('app', url),
  'keys.json': apiAt('keys', url, { use_keyless: false, use_standard_auth: true }),
  'sizes.json': apiAt('sizes', url, limits),
})
const limited = (plan: StagePlan): Record<`${Lane} limited`, StagePlan> => {
  const { direct, 'http-proxy': proxied } = onEachLane({
    ...plan,
    conf: { http_server_options: { max_request_body_size: 10 } },
  })
  return { 'direct limited': direct, 'http-proxy limited': proxied }
}
const stages = useStages({ ...onEachLane({ apis }), ...limited({ apis }) })

const chunked = (...parts: string[]): string =>
  `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`

describe.skipIf(redisSkipReason()).each(LANES)('a body on the %s lane', (lane) => {
  const stage = stages[lane]
  const limitedStage = stages[`${lane} limited`]
  beforeAll(() => {
    for (const each of [stage, limitedStage]) each.upstream.answerWith(OK)
  })

  test('27.41 a download waits for its reader, and arrives whole', async () => {
    await stage.gateway.writeApi('bulk.json', apiAt('bulk', bulk.url))
    await stage.gateway.reload()
    const { socket, seen } = await flow(stage.gateway.port, requestText('GET', '/bulk/down'))
    await bulk.atRest()
    expect(bulk.sentBytes()).toBeLessThan(BULK_BYTES / 2)
    socket.resume()
    expect(await seen).toEqual({ bodyBytes: BULK_BYTES, checksum: bulk.checksum })
  })

  test.each([
    ['with a length', false],
    ['in chunks', true],
  ])('27.41 an upload %s waits for the upstream, and arrives whole', async (_, inChunks) => {
    const received = bulk.expectUpload()
    await using client = await connectWire(stage.gateway.port)
    const framing = inChunks ? 'Transfer-Encoding: chunked' : `Content-Length: ${BULK_BYTES}`
    client.send(requestText('POST', '/bulk/up', [framing]))
    const sending = bulk.send(client.socket, inChunks)
    await sending.atRest()
    expect(sending.sentBytes()).toBeLessThan(BULK_BYTES / 2)
    received.start()
    expect(await received.seen).toEqual({ bodyBytes: BULK_BYTES, checksum: bulk.checksum })
    expect((await client.answer()).startLine).toBe('HTTP/1.1 200 OK')
  })

  test.each<[string, string[], string, string[]]>([
    ['GET', ['Content-Length: 4'], 'body', ['Content-Length: 4']],
    ['GET', ['Transfer-Encoding: chunked'], chunked('bo', 'dy'), ['Transfer-Encoding: chunked']],
    ['GET', ['Content-Length: 0'], '', []],
    ['GET', [], '', []],
    ['HEAD', [], '', []],
    ['DELETE', ['Content-Length: 4'], 'body', ['Content-Length: 4']],
    ['DELETE', ['Transfer-Encoding: chunked'], chunked('body'), ['Transfer-Encoding: chunked']],
    ['DELETE', ['Content-Length: 0'], '', []],
    ['OPTIONS', ['Content-Length: 4'], 'body', ['Content-Length: 4']],
    ['PROPFIND', ['Content-Length: 4'], 'body', ['Content-Length: 4']],
    ['POST', ['Content-Length: 4'], 'body', ['Content-Length: 4']],
    ['POST', ['Content-Length: 0'], '', ['Content-Length: 0']],
    ['POST', [], '', ['Content-Length: 0']],
    ['PUT', [], '', ['Content-Length: 0']],
    ['PATCH', ['Transfer-Encoding: chunked'], chunked('body'), ['Transfer-Encoding: chunked']],
    ['POST', ['Transfer-Encoding: chunked'], chunked(), ['Transfer-Encoding: chunked']],
  ])('27.42 %s with %j passes as it came', async (method, framing, body, expected) => {
    const seen = await stage.seenUpstream(method, '/app/x', framing, body)
    expect(seen.startLine).toBe(`${method} /x HTTP/1.1`)
    expect(seen.lines.filter((line) => /^(content-length|transfer-encoding)/i.test(line))).toEqual(expected)
    expect(seen.body).toBe(body.includes('\r\n') ? body.replaceAll(/[0-9a-f]+\r\n|\r\n/g, '') : body)
  })

  test('27.42 bytes of every kind pass, also those that look like framing or compression', async () => {
    const bytes = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('')
    const body = `${bytes}0\r\n\r\nGET / HTTP/1.1\r\n\r\n${bytes}`
    const lines = ['Content-Type: application/json', 'Content-Encoding: gzip']
    const seen = await stage.seenUpstream('POST', '/app/x', [...lines, `Content-Length: ${body.length}`], body)
    expect(seen.framedBody).toBe(body)
    expect(seen.lines).toEqual(expect.arrayContaining(lines))
    const inChunks = await stage.seenUpstream('POST', '/app/x', [...lines, 'Transfer-Encoding: chunked'], chunked(body))
    expect(inChunks.body).toBe(body)
  })

  test.each([
    ['announced', ['Trailer: X-Sum, X-More'], 'Trailer: X-Sum, X-More\r\n'],
    ['not announced', [], ''],
  ])('27.43 trailers that are %s pass both ways, with canonical names', async (_, lines, announced) => {
    const trailers = '0\r\nx-SUM: 7\r\nX-More: \xe9\r\nx-sum: 8\r\n\r\n'
    const expected = ['X-Sum: 7', 'X-More: \xe9', 'X-Sum: 8']
    stage.upstream.answerWith(
      `HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n${announced}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n${trailers}`,
    )
    const answer = await stage.ask('POST', '/app/x', [...lines, 'Transfer-Encoding: chunked'], `2\r\nhi\r\n${trailers}`)
    expect([stage.upstream.last().body, answer.body]).toEqual(['hi', 'ok'])
    expect(stage.upstream.last().trailers).toEqual(expected)
    expect(answer.trailers).toEqual(expected)
    expect(valuesOf(answer, 'Trailer')).toEqual(lines.length === 0 ? [] : ['X-Sum, X-More'])
    stage.upstream.answerWith(OK)
  })

  test('27.43 trailers pass also where a limit makes the gateway read the body first', async () => {
    const lines = ['Transfer-Encoding: chunked']
    const seen = await limitedStage.seenUpstream('POST', '/app/x', lines, '2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n')
    expect([seen.body, seen.trailers]).toEqual(['hi', ['X-Sum: 7']])
  })

  test('27.44 a client that waits gets 100 once its request is accepted, and the upstream its expectation', async () => {
    for (const framing of [['Content-Length: 4'], ['Transfer-Encoding: chunked']]) {
      await using client = await connectWire(stage.gateway.port)
      client.send(requestText('POST', '/app/x', [...framing, 'Expect: 100-continue']))
      expect((await client.answer()).raw).toBe('HTTP/1.1 100 Continue\r\n\r\n')
      client.send(framing[0] === 'Content-Length: 4' ? 'body' : chunked('body'))
      expect((await client.answer()).startLine).toBe('HTTP/1.1 200 OK')
      expect(stage.upstream.last().lines).toContain('Expect: 100-continue')
      expect(stage.upstream.last().body).toBe('body')
    }
  })

  test.each([
    ['for want of a key', 'POST', '/keys/x', ['Content-Length: 4'], '401'],
    ['for its size', 'POST', '/sizes/small', ['Content-Length: 6'], '400'],
    ['for want of an API', 'POST', '/none', ['Content-Length: 4'], '404'],
    ['for its path', 'POST', '/app//x', ['Content-Length: 4'], '301'],
    ['for a method that may be', 'PUT', '/keys/x', ['Transfer-Encoding: chunked'], '401'],
  ])('27.44 a client that waits and is refused %s gets no 100', async (_, method, path, framing, status) => {
    const before = stage.upstream.requests.length
    const answer = await stage.ask(method, path, [...framing, 'Expect: 100-continue'])
    expect(answer.startLine.split(' ')[1]).toBe(status)
    expect(stage.upstream.requests).toHaveLength(before)
  })

  test.each(['100 Continue', '102 Processing', '103 Early Hints', '150 Odd'])(
    '27.44 %s of the upstream is not passed on',
    async (status) => {
      const interim = `HTTP/1.1 ${status}\r\nLink: </a>\r\n\r\n`
      const answer = await stage.answered('/app/x', interim + interim + answerText('200 OK', ['X-Real: 1'], 'ok'))
      expect(answer.startLine).toBe('HTTP/1.1 200 OK')
      expect(answer.body).toBe('ok')
      expect(namesOf(answer)).not.toContain('Link')
      stage.upstream.answerWith(OK)
    },
  )

  test.each([
    ['exactly as large as the limit', ['Content-Length: 10'], '0123456789'],
    ['exactly as large as the limit in chunks', ['Transfer-Encoding: chunked'], chunked('01234', '56789')],
    ['empty', [], ''],
  ])('27.49 a body %s passes', async (_, framing, body) => {
    const seen = await limitedStage.seenUpstream('POST', '/app/x', framing, body)
    expect(seen.body).toBe(body === '' ? '' : '0123456789')
    expect(seen.lines.filter((line) => line.startsWith('Transfer-Encoding'))).toEqual(
      framing.filter((line) => line.startsWith('Transfer-Encoding')),
    )
  })

  test.each<[string, string, string[], string, string[]]>([
    ['one byte larger', '/app/x', ['Content-Length: 11'], '0123456789a', []],
    ['one byte larger in chunks', '/app/x', ['Transfer-Encoding: chunked'], chunked('01234', '56789', 'a'), ['close']],
    ['much larger', '/app/x', ['Content-Length: 99999999'], '', ['close']],
    ['one byte larger for no API', '/none', ['Content-Length: 11'], '0123456789a', []],
  ])('27.49 a body %s is refused with 413 in plain text', async (_, path, framing, body, connection) => {
    const before = limitedStage.upstream.requests.length
    const answer = await limitedStage.ask('POST', path, framing, body)
    expect(answer.startLine).toBe('HTTP/1.1 413 Request Entity Too Large')
    expect(valuesOf(answer, 'Content-Type')).toEqual(['text/plain; charset=utf-8'])
    expect(valuesOf(answer, 'X-Content-Type-Options')).toEqual(['nosniff'])
    expect(valuesOf(answer, 'Connection')).toEqual(connection)
    expect(answer.body).toBe('Request Entity Too Large\n')
    expect(limitedStage.upstream.requests).toHaveLength(before)
  })

  test('27.49 after a refused body the connection carries the next request', async () => {
    await using client = await connectWire(limitedStage.gateway.port)
    client.send(requestText('POST', '/app/x', ['Content-Length: 11'], '0123456789a') + requestText('GET', '/app/y'))
    expect((await client.answer()).startLine).toMatch(/ 413 /)
    expect((await client.answer()).startLine).toMatch(/ 200 /)
    expect(limitedStage.upstream.last().startLine).toBe('GET /y HTTP/1.1')
  })

  const refusal = (answer: WireMessage): string =>
    `${answer.startLine.split(' ')[1]} ${/"error": "(.*)"/.exec(answer.body)?.[1] ?? answer.body}`

  test.each([
    ['POST', '/small', ['Content-Length: 5'], '200 ok', '12345'],
    ['POST', '/small', ['Content-Length: 6'], '400 Request is too large', '123456'],
    ['POST', '/x', ['Content-Length: 20'], '200 ok', 'x'.repeat(20)],
    ['POST', '/x', ['Content-Length: 21'], '400 Request is too large', 'x'.repeat(21)],
    ['POST', '/large', ['Content-Length: 21'], '400 Request is too large', 'x'.repeat(21)],
    ['PUT', '/x', ['Transfer-Encoding: chunked'], '411 Content length is required for this request', chunked('1')],
    ['PATCH', '/x', [], '411 Content length is required for this request', ''],
    ['GET', '/small', ['Content-Length: 30'], '200 ok', 'x'.repeat(30)],
    ['GET', '/small', [], '200 ok', ''],
    ['DELETE', '/small', ['Transfer-Encoding: chunked'], '200 ok', chunked('x'.repeat(30))],
    ['TRACE', '/small', [], '200 ok', ''],
    ['OPTIONS', '/small', [], '200 ok', ''],
  ])('27.50 %s %s with %j is answered %s', async (method, path, framing, expected, body) => {
    const text = requestText(method, `/sizes${path}`, framing, body)
    expect(refusal(await exchange(stage.gateway.port, text))).toBe(expected)
  })
})
