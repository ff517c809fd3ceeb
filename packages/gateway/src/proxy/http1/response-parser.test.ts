import { describe, expect, test } from 'vitest'
import { ResponseParseError, ResponseParser } from './response-parser.ts'

interface Parsed {
  status: number
  headers: string[]
  body: string
  trailers: string[] | null
  rest: string
  keepAlive: boolean
  ended: boolean
}

/** Feeds a response in pieces and tells what came out. */
function parse(text: string, pieces: number[] = [], method = 'GET'): Parsed {
  const out: Parsed = { status: 0, headers: [], body: '', trailers: null, rest: '', keepAlive: false, ended: false }
  const parser = new ResponseParser({
    onHead: (status, headers) => Object.assign(out, { status, headers }),
    onBody: (chunk) => void (out.body += chunk.toString('latin1')),
    onComplete: (trailers) => void (out.trailers = trailers),
  })
  parser.begin(method)
  const bytes = Buffer.from(text, 'latin1')
  const cuts = [0, ...pieces, bytes.length]
  for (let i = 0; i + 1 < cuts.length; i++) {
    const read = Buffer.from(bytes.subarray(cuts[i], cuts[i + 1]))
    const rest = parser.push(read)
    if (rest !== null) out.rest += rest.toString('latin1')
    // The memory of a read is given back once its body is written: the parser keeps none of it.
    read.fill(0)
  }
  out.keepAlive = parser.keepAlive
  out.ended = parser.finish()
  return out
}

const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-T: t\r\n\r\n'
const LENGTH = 'HTTP/1.1 201 Created\r\nContent-Length: 5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nhello'

test('gives the same result wherever a chunked response is cut', () => {
  const whole = parse(CHUNKED)
  expect(whole).toMatchObject({
    status: 200,
    body: 'hello world',
    trailers: ['X-T', 't'],
    keepAlive: true,
    ended: true,
  })
  for (let cut = 1; cut < CHUNKED.length; cut++) expect(parse(CHUNKED, [cut]), `cut at ${cut}`).toEqual(whole)
})

test('gives the same result when every byte comes alone', () => {
  const everywhere = Array.from({ length: LENGTH.length - 1 }, (_, i) => i + 1)
  const whole = parse(LENGTH)
  expect(whole).toMatchObject({ status: 201, body: 'hello', headers: expect.arrayContaining(['a', 'b']) as unknown })
  expect(parse(LENGTH, everywhere)).toEqual(whole)
})

describe('framing', () => {
  test('a response without length ends with the connection', () => {
    expect(parse('HTTP/1.1 200 OK\r\n\r\nabc')).toMatchObject({
      body: 'abc',
      trailers: [],
      keepAlive: false,
      ended: true,
    })
  })
  test('a cut body is not complete', () => {
    expect(parse(LENGTH.slice(0, -1))).toMatchObject({ trailers: null, ended: false })
    expect(parse(CHUNKED.slice(0, -2))).toMatchObject({ trailers: null, ended: false })
  })
  test('HEAD, 204 and 304 have no body whatever they announce', () => {
    expect(parse(LENGTH.replace('hello', ''), [], 'HEAD')).toMatchObject({ trailers: [], body: '' })
    expect(parse('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n')).toMatchObject({ trailers: [], body: '' })
    expect(parse('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n')).toMatchObject({ trailers: [], body: '' })
  })
  test('interim responses are skipped', () => {
    const text = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${LENGTH}`
    expect(parse(text)).toMatchObject({ status: 201, body: 'hello' })
  })
  test('bytes behind the end are handed back', () => {
    expect(parse(`${LENGTH}HTTP/1.1`)).toMatchObject({ body: 'hello', rest: 'HTTP/1.1' })
    expect(parse('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x81\x00')).toMatchObject({
      status: 101,
      rest: '\x81\x00',
    })
  })
  test('chunked wins over a length', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n'
    expect(parse(text)).toMatchObject({ body: 'a', rest: '' })
  })
  test('HTTP/1.0 and Connection: close are not reused, unless asked for', () => {
    expect(parse('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n').keepAlive).toBe(false)
    expect(parse('HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n').keepAlive).toBe(true)
    expect(parse('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n').keepAlive).toBe(false)
  })
  test.each([
    ['Connection: close\r\nConnection: keep-alive', false],
    ['Connection: x-a, Close ,x-b', false],
    ['Connection: closed-circuit', true],
    ['Connection: keep-alive, close', false],
  ])('%j: the connection carries another request: %s', (lines, kept) => {
    expect(parse(`HTTP/1.1 200 OK\r\n${lines}\r\nContent-Length: 0\r\n\r\n`).keepAlive).toBe(kept)
  })
})

test('joins folded header lines and keeps bytes above 0x7f', () => {
  const { headers } = parse('HTTP/1.1 200 \r\nX-Fold: a\r\n  b\r\nX-Byte: \xe9\r\nContent-Length: 0\n\r\n')
  expect(headers).toEqual(['X-Fold', 'a b', 'X-Byte', '\xe9', 'Content-Length', '0'])
})

test.each([
  ['no status line', 'hello\r\n\r\n'],
  ['HTTP/2 in text', 'HTTP/2 200 OK\r\n\r\n'],
  ['a header without colon', 'HTTP/1.1 200 OK\r\nbad\r\n\r\n'],
  ['a header without name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n'],
  ['a blank in a name', 'HTTP/1.1 200 OK\r\nX A: x\r\n\r\n'],
  ['a byte above 0x7f in a name', 'HTTP/1.1 200 OK\r\nX-\xe9: x\r\n\r\n'],
  ['a NUL in a value', 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\n\r\n'],
  ['a DEL in a value', 'HTTP/1.1 200 OK\r\nX-A: a\x7f\r\n\r\n'],
  ['a carriage return that ends no line', 'HTTP/1.1 200 OK\r\nX-A: a\rX-B: b\r\n\r\n'],
  ['two carriage returns before a line feed', 'HTTP/1.1 200 OK\r\r\nX-A: a\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n'],
  ['another transfer coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['a chunk size that is none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
  [
    'a chunk size with a return amid its line',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\rjunk\nhello\r\n0\r\n\r\n',
  ],
  ['a chunk size without end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n'],
  ['data longer than its chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n'],
  ['a flood of interim responses', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(7)],
])('refuses %s', (_, text) => {
  expect(() => parse(text)).toThrow(ResponseParseError)
})

test('bounds the head', () => {
  expect(() => parse(`HTTP/1.1 200 OK\r\n${`X-A: ${'a'.repeat(1000)}\r\n`.repeat(11_000)}\r\n`)).toThrow(/10 MiB/)
})
