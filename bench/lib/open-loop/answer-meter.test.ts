import { describe, expect, test } from 'vitest'
import { AnswerMeter } from './answer-meter.ts'

const PLAIN = 'HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello'
const EMPTY = 'HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n'
const CHUNKED = 'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'
const NO_CHUNKS = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'

describe('the meter of answers', () => {
  test.each([
    ['with a length', PLAIN, 200],
    ['without a body', EMPTY, 429],
    ['in chunks', CHUNKED, 201],
    ['in no chunks', NO_CHUNKS, 200],
  ])('finds the end of one %s, whole or byte by byte, twice', (_, answer, status) => {
    const meter = new AnswerMeter()
    expect([meter.feed(Buffer.from(answer)), meter.status]).toEqual([true, status])
    const bytes = [...Buffer.from(answer)].map((byte) => meter.feed(Buffer.from([byte])))
    expect(bytes.indexOf(true)).toBe(answer.length - 1)
    expect(meter.feed(Buffer.from(answer))).toBe(true)
  })

  test('refuses one that only ends with its connection', () => {
    expect(() => new AnswerMeter().feed(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))).toThrow('without a length')
  })
})
