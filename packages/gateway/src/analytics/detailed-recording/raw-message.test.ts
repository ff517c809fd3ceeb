import { expect, test } from 'vitest'
import {
  errorMessage,
  requestMessage,
  responseMessage,
  type RequestMessage,
  type ResponseMessage,
} from './raw-message.ts'

const request = (changes: Partial<RequestMessage>): string =>
  requestMessage({
    method: 'GET',
    target: '/x?y=1',
    host: 'client.test',
    headers: ['User-Agent', 'ua'],
    contentLength: 0,
    body: Buffer.alloc(0),
    proxied: true,
    ...changes,
  }).toString('latin1')

const HEAD = 'Host: client.test\r\nUser-Agent: ua\r\n'

test.each<[name: string, changes: Partial<RequestMessage>, text: string]>([
  ['a request without a body', {}, `GET /x?y=1 HTTP/1.1\r\n${HEAD}\r\n`],
  [
    'headers sorted by name, those of one name in order',
    { headers: ['X-B', '2', 'User-Agent', 'ua', 'X-A', '1', 'X-B', '3'] },
    `GET /x?y=1 HTTP/1.1\r\n${HEAD}X-A: 1\r\nX-B: 2\r\nX-B: 3\r\n\r\n`,
  ],
  [
    'the agent of Go when the client named none',
    { headers: [] },
    'GET /x?y=1 HTTP/1.1\r\nHost: client.test\r\nUser-Agent: Go-http-client/1.1\r\n\r\n',
  ],
  [
    'no agent line when the client’s is empty',
    { headers: ['User-Agent', ''] },
    'GET /x?y=1 HTTP/1.1\r\nHost: client.test\r\n\r\n',
  ],
  [
    'a body with its length',
    { method: 'POST', contentLength: 4, body: Buffer.from('body') },
    `POST /x?y=1 HTTP/1.1\r\n${HEAD}Content-Length: 4\r\n\r\nbody`,
  ],
  [
    'a body of unknown length as one chunk',
    { method: 'POST', contentLength: -1, body: Buffer.from('hello') },
    `POST /x?y=1 HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  ],
  [
    'an empty body of a method that usually has one',
    { method: 'PATCH' },
    `PATCH /x?y=1 HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['an empty body of DELETE', { method: 'DELETE' }, `DELETE /x?y=1 HTTP/1.1\r\n${HEAD}\r\n`],
  [
    'no hop-by-hop headers but Te: trailers once the proxy step ran',
    { headers: ['User-Agent', 'ua', 'Connection', 'X-A', 'Te', 'trailers', 'Keep-Alive', '5', 'X-A', '1'] },
    `GET /x?y=1 HTTP/1.1\r\n${HEAD}Te: trailers\r\nX-A: 1\r\n\r\n`,
  ],
  [
    'hop-by-hop headers of a request that was refused before',
    { proxied: false, headers: ['User-Agent', 'ua', 'Keep-Alive', '5', 'Content-Length', '0'] },
    `GET /x?y=1 HTTP/1.1\r\n${HEAD}Keep-Alive: 5\r\n\r\n`,
  ],
])('a recorded request shows %s', (_, changes, text) => {
  expect(request(changes)).toBe(text)
})

const response = (changes: Partial<ResponseMessage>): string =>
  responseMessage({
    statusLine: 'HTTP/1.1 200 OK',
    status: 200,
    method: 'GET',
    upstreamHeaders: [],
    headers: ['X-B', '2', 'Content-Length', '2', 'X-A', '1'],
    body: Buffer.from('ok'),
    decompressed: false,
    ...changes,
  }).toString('latin1')

const none = Buffer.alloc(0)

test.each<[name: string, changes: Partial<ResponseMessage>, text: string]>([
  [
    'its length first, then the other headers sorted',
    {},
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\nX-B: 2\r\n\r\nok',
  ],
  [
    'the end of the connection in place of an unknown length',
    { headers: ['X-A', '1'] },
    'HTTP/1.1 200 OK\r\nConnection: close\r\nX-A: 1\r\n\r\nok',
  ],
  [
    'the same for a body that was decompressed',
    { headers: ['Content-Length', '30', 'Content-Encoding', 'gzip'], decompressed: true },
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\n\r\nok',
  ],
  [
    'the version and the reason of the upstream',
    { statusLine: 'HTTP/1.0 200 Fine by me', headers: ['Content-Length', '2'] },
    'HTTP/1.0 200 Fine by me\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'version 2.0',
    { statusLine: 'HTTP/2.0 200 OK', headers: ['X-A', '1'] },
    'HTTP/2.0 200 OK\r\nConnection: close\r\nX-A: 1\r\n\r\nok',
  ],
  [
    'an empty reason',
    { statusLine: 'HTTP/1.1 200', headers: ['Content-Length', '2'] },
    'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'that the upstream ends the connection',
    { upstreamHeaders: ['connection', 'Close'], headers: ['Content-Length', '2'] },
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'one such line when the gateway closes connections itself',
    { upstreamHeaders: ['connection', 'close'], headers: ['Content-Length', '2', 'Connection', 'close'] },
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
  ],
  [
    'the length but no body for HEAD',
    { method: 'HEAD', headers: ['Content-Length', '77'], body: none },
    'HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n',
  ],
  [
    'no body and no length for 204',
    { statusLine: 'HTTP/1.1 204 No Content', status: 204, headers: ['X-A', '1'], body: none },
    'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n',
  ],
  [
    'a length of 0 behind the other headers',
    { headers: ['Content-Length', '0', 'X-A', '1'], body: none },
    'HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n',
  ],
  [
    'a length of 0 before them when the request was a POST',
    { method: 'POST', headers: ['Content-Length', '0', 'X-A', '1'], body: none },
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\n\r\n',
  ],
])('a recorded answer shows %s', (_, changes, text) => {
  expect(response(changes)).toBe(text)
})

test.each([
  [500, '{}', 'HTTP/0.0 500 Internal Server Error\r\nX-Generator: tyk.io\r\n\r\n{}'],
  [413, '{}', 'HTTP/0.0 413 Request Entity Too Large\r\nX-Generator: tyk.io\r\n\r\n{}'],
  [499, '{}', 'HTTP/0.0 499 status code 499\r\nX-Generator: tyk.io\r\n\r\n{}'],
  [400, '', 'HTTP/0.0 400 Bad Request\r\nX-Generator: tyk.io\r\nContent-Length: 0\r\n\r\n'],
])('a recorded error %i with body %j has version 0.0', (status, body, text) => {
  expect(errorMessage(status, ['X-Generator', 'tyk.io'], body).toString('latin1')).toBe(text)
})
