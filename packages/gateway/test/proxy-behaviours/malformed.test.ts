/** The row of the table of proxy behaviours about requests that two readers could take for different ones. */
import { describe, expect, test } from 'vitest'
import { redisSkipReason } from '../../../../test/support/redis.ts'
import { apiAt } from '../support/api.ts'
import { useStages } from '../support/stages.ts'
import { connectWire, exchange, requestText } from '../support/wire.ts'
import { OK } from '../support/wire-upstream.ts'

// What is refused comes to no lane.
const { stage } = useStages({ stage: { apis: (url) => ({ 'app.json': apiAt('app', url) }) } })

const post = (...lines: string[]): string => `${['POST /app/x HTTP/1.1', 'Host: h', ...lines].join('\r\n')}\r\n\r\n`
const chunks = (text: string): string => post('Transfer-Encoding: chunked') + text
const get = (...lines: string[]): string => `${['GET /app/x HTTP/1.1', 'Host: h', ...lines].join('\r\n')}\r\n\r\n`
/** What would be a second request, if the first ended too early. */
const HIDDEN = 'GET /app/hidden HTTP/1.1\r\nHost: h\r\n\r\n'

describe.skipIf(redisSkipReason())('a request', () => {
  test.each([
    ['with a length and chunks', `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n${HIDDEN}`],
    ['with chunks and a length', `${post('Transfer-Encoding: chunked', 'Content-Length: 5')}0\r\n\r\n${HIDDEN}`],
    ['with two lengths', `${post('Content-Length: 0', 'Content-Length: 44')}${HIDDEN}`],
    ['with a length that is no number', `${post('Content-Length: 1x')}${HIDDEN}`],
    ['with a length below nought', `${post('Content-Length: -1')}${HIDDEN}`],
    ['with a length with a sign', `${post('Content-Length: +1')}${HIDDEN}`],
    ['with an endless length', `${post(`Content-Length: ${'9'.repeat(30)}`)}${HIDDEN}`],
    ['with another coding last', `${post('Transfer-Encoding: chunked, gzip')}0\r\n\r\n${HIDDEN}`],
    ['with chunks in a coding of no name', `${post('Transfer-Encoding: xchunked')}0\r\n\r\n${HIDDEN}`],
    ['with a space before the colon of its coding', `${post('Transfer-Encoding : chunked')}0\r\n\r\n${HIDDEN}`],
    ['with a chunk size of no digits', `${chunks('zz\r\n')}${HIDDEN}`],
    ['with a chunk size in two bases', `${chunks('0x0\r\n\r\n')}${HIDDEN}`],
    ['with a chunk size below nought', `${chunks('-1\r\n')}${HIDDEN}`],
    ['with a chunk longer than its size', `${chunks('1\r\nabc\r\n0\r\n\r\n')}${HIDDEN}`],
    ['with a chunk size that ends in a bare line feed', `${chunks('1\na\r\n0\r\n\r\n')}${HIDDEN}`],
    ['with a chunk that ends in a bare line feed', `${chunks('1\r\na\n0\r\n\r\n')}${HIDDEN}`],
    ['with a space before a colon', get('X-Name : 1')],
    ['with a tab before a colon', get('X-Name\t: 1')],
    ['with a header without a colon', get('X-Name')],
    ['with a header without a name', get(': 1')],
    ['with a space in a header name', get('X Name: 1')],
    ['with a bare carriage return', get('X-Name: a\rX-Hidden: b')],
    ['with a nought byte', get('X-Name: a\0b')],
    ['with two hosts', get('Host: other')],
    ['without a host', 'GET /app/x HTTP/1.1\r\n\r\n'],
    ['with a space in its target', 'GET /app/x y HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['with a bad escape', 'GET /app/%zz HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['of another version', 'GET /app/x HTTP/3.7\r\nHost: h\r\n\r\n'],
    ['without a version', 'GET /app/x\r\nHost: h\r\n\r\n'],
    ['of another protocol', 'EHLO client.test\r\n\r\n'],
  ])('27.73 %s is refused, and nothing of it goes upstream', async (_, text) => {
    stage.upstream.answerWith(OK)
    const before = stage.upstream.requests.length
    await using client = await connectWire(stage.gateway.port)
    client.send(text)
    const received = await client.closed()
    expect(received).toMatch(/^HTTP\/1\.1 (400 Bad Request|501 Not Implemented|505 HTTP Version Not Supported)\r\n/)
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(stage.upstream.requests).toHaveLength(before)
  })

  test.each([
    ['as a body', `${post(`Content-Length: ${HIDDEN.length}`)}${HIDDEN}`, HIDDEN],
    ['as a chunk', chunks(`${HIDDEN.length.toString(16)};ext=1\r\n${HIDDEN}\r\n0\r\n\r\n`), HIDDEN],
    ['as a chunk of nought, as text', chunks('5\r\n0\r\n\r\n\r\n0\r\n\r\n'), '0\r\n\r\n'],
    ['behind a second space', 'GET  /app/x HTTP/1.1\r\nHost: h\r\n\r\n', ''],
    ['as a header', get(`X-Value: ${HIDDEN.replaceAll('\r\n', ' ')}`), ''],
  ])('27.73 what looks like a request %s is none', async (_, text, body) => {
    stage.upstream.answerWith(OK)
    const before = stage.upstream.requests.length
    expect((await exchange(stage.gateway.port, text)).startLine).toBe('HTTP/1.1 200 OK')
    const seen = stage.upstream.requests.slice(before)
    expect(seen.map(({ startLine }) => startLine.split(' ')[1])).toEqual(['/x'])
    expect(seen[0]?.body).toBe(body)
  })

  test('27.73 requests in a row are answered in their order, up to the first that is none', async () => {
    stage.upstream.answerWith(({ startLine }) => OK.replace('ok', startLine.slice(5, 7)))
    await using client = await connectWire(stage.gateway.port)
    client.send(`${requestText('GET', '/app/1a')}${requestText('GET', '/app/2b')}GET\r\n\r\n${HIDDEN}`)
    expect([(await client.answer()).body, (await client.answer()).body]).toEqual(['1a', '2b'])
    expect((await client.answer()).startLine).toBe('HTTP/1.1 400 Bad Request')
    await client.closed()
    expect(stage.upstream.last().startLine).toBe('GET /2b HTTP/1.1')
  })

  test.each([
    ['in one line', [`X-Big: ${'b'.repeat(1_100_000)}`]],
    ['in many lines', Array.from({ length: 1100 }, () => `X-Big: ${'b'.repeat(1000)}`)],
    ['in too many lines', Array.from({ length: 11_000 }, () => 'a:b')],
    ['in its target', []],
  ])('27.4 more than 1 MiB of headers %s is refused with 431', async (where, lines) => {
    const before = stage.upstream.requests.length
    const target = where === 'in its target' ? `/app/${'p'.repeat(1_100_000)}` : '/app/x'
    const answer = await stage.ask('GET', target, lines)
    expect(answer.startLine).toBe('HTTP/1.1 431 Request Header Fields Too Large')
    expect(answer.whole).toBe(true)
    expect(stage.upstream.requests).toHaveLength(before)
  })
})
