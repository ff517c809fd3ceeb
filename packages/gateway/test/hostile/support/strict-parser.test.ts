import { expect, test } from 'vitest'
import { INCOMPLETE, readAnswers, readRequests } from './strict-parser.ts'

const head = (lines: string): string => `POST /x HTTP/1.1\r\nHost: h\r\n${lines}\r\n`

test('reads requests one after the other', () => {
  const bytes = `${head('Content-Length: 2\r\n')}hi${head('Transfer-Encoding: chunked\r\n')}2\r\nho\r\n0\r\nX-T: 1\r\n\r\n`
  expect(readRequests(bytes)).toEqual({
    messages: [
      { method: 'POST', target: '/x', headers: ['Host: h', 'Content-Length: 2'], body: 'hi', trailers: [] },
      {
        method: 'POST',
        target: '/x',
        headers: ['Host: h', 'Transfer-Encoding: chunked'],
        body: 'ho',
        trailers: ['X-T: 1'],
      },
    ],
    fault: null,
  })
})

test('says of every cut of a request that it is incomplete', () => {
  const whole = `${head('Transfer-Encoding: chunked\r\n')}2\r\nho\r\n0\r\nX-T: 1\r\n\r\n`
  for (let cut = 1; cut < whole.length; cut++) {
    expect(readRequests(whole.slice(0, cut)), `cut at ${cut}`).toEqual({ messages: [], fault: INCOMPLETE })
  }
})

test.each([
  ['both framings', head('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n')],
  ['two lengths', `${head('Content-Length: 2\r\nContent-Length: 2\r\n')}hi`],
  ['a list of lengths', `${head('Content-Length: 2, 2\r\n')}hi`],
  ['a signed length', `${head('Content-Length: +2\r\n')}hi`],
  ['a length with a leading zero', `${head('Content-Length: 02\r\n')}hi`],
  ['another coding', `${head('Transfer-Encoding: gzip, chunked\r\n')}0\r\n\r\n`],
  ['a coding in capitals', `${head('Transfer-Encoding: Chunked\r\n')}0\r\n\r\n`],
  ['a chunk extension', `${head('Transfer-Encoding: chunked\r\n')}2;a\r\nhi\r\n0\r\n\r\n`],
  ['a chunk that is longer than its size', `${head('Transfer-Encoding: chunked\r\n')}1\r\nhi\r\n0\r\n\r\n`],
  ['a trailer without name', `${head('Transfer-Encoding: chunked\r\n')}0\r\n: 1\r\n\r\n`],
  ['a bare line feed', head('X-A: a\nX-B: b\r\n')],
  ['a bare carriage return', head('X-A: a\rX-B: b\r\n')],
  ['NUL', head('X-A: a\0\r\n')],
  ['a folded line', head('X-A: a\r\n b\r\n')],
  ['a space in a name', head('X A: a\r\n')],
  ['a space behind a name', head('X-A : a\r\n')],
  ['no colon', head('XA\r\n')],
  ['two hosts', head('Host: i\r\n')],
  ['no host', 'GET /x HTTP/1.1\r\n\r\n'],
  ['HTTP/1.0', 'GET /x HTTP/1.0\r\nHost: h\r\n\r\n'],
  ['a target with a space', 'GET /x y HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['a target with a fragment', 'GET /x#y HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['a target in absolute form', 'GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n'],
])('has a fault for %s', (_, bytes) => {
  const { messages, fault } = readRequests(bytes)
  expect(messages).toEqual([])
  expect(fault).not.toBeNull()
  expect(fault).not.toBe(INCOMPLETE)
})

test('reads answers by the methods they are for', () => {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'
  const bytes = `HTTP/1.1 100 Continue\r\n\r\n${ok}${ok}hiHTTP/1.1 200 OK\r\n\r\nrest`
  const { messages, fault } = readAnswers(bytes, ['HEAD', 'GET', 'GET'], true)
  expect(messages.map(({ body }) => body)).toEqual(['', 'hi', 'rest'])
  expect(fault).toBeNull()
  expect(readAnswers(bytes, ['HEAD', 'GET', 'GET'], false).fault).toBe(INCOMPLETE)
})
