import { once } from 'node:events'
import http, { type ServerResponse } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { writeHead } from '../errors/respond.ts'
import { writePlainHead } from './plain-head.ts'

const DATE = ['Date', 'Mon, 30 Nov 2026 07:00:00 GMT']
const PLAIN = [...DATE, 'Content-Type', 'text/plain', 'X-A', '', 'X-A', 'ü \t"x"', 'Content-Length', '2']

interface Case {
  readonly status: number
  readonly pairs: readonly string[]
  readonly lengthBytes: number
}

let current: Case
let write: (response: ServerResponse, each: Case) => void
const server = http.createServer({ requireHostHeader: false }, (_, response) => {
  write(response, current)
  if (current.lengthBytes === -1) response.write('ok')
  response.end(current.lengthBytes === 2 ? 'ok' : '')
})
server.on('checkContinue', (request, response) => server.emit('request', request, response))
beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => void server.close())

/** All that comes back for a request and for one behind it that asks to close. */
async function answersTo(request: string): Promise<string> {
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(`${request}\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n`)
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
  socket.on('error', () => {})
  await once(socket, 'close')
  return received
}

const REQUESTS = [
  'GET / HTTP/1.1',
  'HEAD / HTTP/1.1',
  'GET / HTTP/1.0',
  'GET / HTTP/1.0\r\nConnection: keep-alive',
  'GET / HTTP/1.1\r\nExpect: 100-continue',
]

test.each<[what: string, each: Case, ours: boolean]>([
  ['a plain answer', { status: 200, pairs: PLAIN, lengthBytes: 2 }, true],
  ['a status with a phrase of Go', { status: 418, pairs: PLAIN, lengthBytes: 2 }, true],
  ['a status that nobody knows', { status: 999, pairs: PLAIN, lengthBytes: 2 }, true],
  ['an empty body', { status: 404, pairs: [...DATE, 'Content-Length', '0'], lengthBytes: 0 }, true],
  ['an answer without a date', { status: 200, pairs: PLAIN.slice(2), lengthBytes: 2 }, false],
  ['an answer of unknown length', { status: 200, pairs: PLAIN.slice(0, -2), lengthBytes: -1 }, false],
  ['an answer that closes', { status: 200, pairs: [...PLAIN, 'Connection', 'close'], lengthBytes: 2 }, false],
  ['no content', { status: 204, pairs: DATE, lengthBytes: -1 }, false],
  ['not modified', { status: 304, pairs: [...DATE, 'Content-Length', '2'], lengthBytes: 0 }, false],
])('%s has the head that Node would write', async (_, each, ours) => {
  current = each
  let isOurs = false
  for (const request of REQUESTS) {
    write = (response, { status, pairs }) => writeHead(response, status, [...pairs])
    const expected = await answersTo(request)
    write = (response, { status, pairs, lengthBytes }) => {
      const nodes = vi.spyOn(response, 'writeHead')
      writePlainHead(response, status, [...pairs], lengthBytes)
      isOurs ||= nodes.mock.calls.length === 0
    }
    const dateless = (text: string): string => text.replace(/^Date: .*$/gm, 'Date')
    expect(dateless(await answersTo(request))).toBe(dateless(expected))
    expect(expected).toContain('HTTP/1.1 ')
  }
  expect(isOurs).toBe(ours)
})

test('a status of two digits is refused', async () => {
  current = { status: 99, pairs: PLAIN, lengthBytes: 2 }
  let refusal: unknown
  write = (response, { status, pairs, lengthBytes }) => {
    try {
      writePlainHead(response, status, [...pairs], lengthBytes)
    } catch (err) {
      refusal = err
      response.destroy()
    }
  }
  await answersTo('GET / HTTP/1.1')
  expect(refusal).toMatchObject({ code: 'ERR_HTTP_INVALID_STATUS_CODE' })
})
