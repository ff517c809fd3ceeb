import { expect, it } from 'vitest'
import { createLineEncoder, flattenPayload } from './encode.ts'

it.each([
  ['', ''],
  ['SFRUUC8xLjEgMjAwIE9L', 'SFRUUC8xLjEgMjAwIE9L'],
  ['no headers\nhere', 'no headers here'],
  [
    'GET / HTTP/1.1\r\nHost: a\r\nX-T:\tv\r\n\r\n{ "a": [1, 2],\n "b": "x  \\" y" }',
    'GET / HTTP/1.1 Host: a X-T:v {"a":[1,2],"b":"x  \\" y"}',
  ],
  ['H: 1\r\n\r\n"just a string"', 'H: 1 "just a string"'],
  ['H: 1\r\n\r\n9007199254740993', 'H: 1 9007199254740993'],
  ['H: 1\r\n\r\nline1\nline2\r\n\tend', 'H: 1  line1 line2 end'],
  ['H: 1\r\n\r\n', 'H: 1  '],
])('puts %j on one line', (text, flat) => {
  expect(flattenPayload(text)).toBe(flat)
})

const time = new Date('2026-11-25T10:11:12.987Z')

it.each([
  ['tyk-analytics-record', '{"level":"info","msg":"","time":"2026-11-25T10:11:12Z","tyk-analytics-record":{}}\n'],
  ['api-hit', '{"api-hit":{},"level":"info","msg":"","time":"2026-11-25T10:11:12Z"}\n'],
  ['<hit>', '{"\\u003chit\\u003e":{},"level":"info","msg":"","time":"2026-11-25T10:11:12Z"}\n'],
  ['msg', '{"fields.msg":{},"level":"info","msg":"","time":"2026-11-25T10:11:12Z"}\n'],
])('sorts the keys around the record in %s', (fieldName, line) => {
  expect(createLineEncoder(fieldName)('{}', time)).toBe(line)
})
