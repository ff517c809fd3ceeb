import { once } from 'node:events'
import http, { type ServerResponse } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { writeHead } from '../errors/respond.ts'
import { writePlainHead } from './plain-head.ts'
import { createRandom } from '../../test/hostile/support/mutate.ts'

const DATE = ['Date', 'Mon, 30 Nov 2026 07:00:00 GMT']
const PLAIN = [...DATE, 'Content-Type', 'text/plain', 'X-A', '', 'X-A', 'ü \t"x"', 'Content-Length', '2']

/** UTF-8 and what is none, a byte to a unit. */
const DISPOSITION = ['Content-Disposition', `attachment; filename="${Buffer.from('ü日').toString('latin1')}\xfc"`]
const NAMES = [
  'X-A',
  'x-lower',
  'Date',
  'Set-Cookie',
  'Vary',
  'Content-Disposition',
  'Content-Type',
  'Cookie',
  'Link',
  "!#$%&'*+-.^_`|~",
]
const VALUES = ['', '1', 'a \t b', 'ü\xff', '"x"', 'x'.repeat(300), ...DATE, ...DISPOSITION]

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
  ['a disposition before the length', { status: 200, pairs: [...DISPOSITION, ...PLAIN], lengthBytes: 2 }, true],
  ['a disposition behind the length', { status: 200, pairs: [...PLAIN, ...DISPOSITION], lengthBytes: 2 }, true],
  ['an empty body', { status: 404, pairs: [...DATE, 'Content-Length', '0'], lengthBytes: 0 }, true],
  ['an answer without a date', { status: 200, pairs: PLAIN.slice(2), lengthBytes: 2 }, false],
  ['an answer of unknown length', { status: 200, pairs: PLAIN.slice(0, -2), lengthBytes: -1 }, false],
  ['an answer that closes', { status: 200, pairs: [...PLAIN, 'Connection', 'close'], lengthBytes: 2 }, false],
  ['no content', { status: 204, pairs: DATE, lengthBytes: -1 }, false],
  ['not modified', { status: 304, pairs: [...DATE, 'Content-Length', '2'], lengthBytes: 0 }, false],
])('%s has the head that Node would write', async (_, each, ours) => {
  expect(await isOursFor(each)).toBe(ours)
})

/** Whether one of the requests was answered without Node's `writeHead`; all are answered alike either way. */
async function isOursFor(each: Case): Promise<boolean> {
  current = each
  let isOurs = false
  for (const request of REQUESTS) {
    write = (response, { status, pairs }) => writeHead(response, status, [...pairs])
    const expected = await answersTo(request)
    expect(expected).toContain('HTTP/1.1 ')
    write = (response, { status, pairs, lengthBytes }) => {
      const nodes = vi.spyOn(response, 'writeHead')
      writePlainHead(response, status, [...pairs], lengthBytes)
      isOurs ||= nodes.mock.calls.length === 0
    }
    expect(comparable(await answersTo(request))).toEqual(comparable(expected))
  }
  return isOurs
}

/** Without the date that Node puts in. Beside a disposition, `writeHead` puts the length last. */
function comparable(text: string): string[] {
  const lines = text.replaceAll(/^Date: (?!Mon, 30 Nov 2026 07:00:00 GMT).*$/gm, 'Date').split('\r\n')
  return text.includes('Content-Disposition') ? lines.sort() : lines
}

test('any header lines that a parser lets through are written as Node would', async () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const random = createRandom(seed)
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T
  for (let i = 0; i < 100; i++) {
    const lines = Array.from({ length: random(6) }, () => [pick(NAMES), pick(VALUES)])
    lines.splice(random(lines.length + 1), 0, ['Content-Length', '2'])
    if (random(4) > 0) lines.splice(random(lines.length + 1), 0, DATE)
    const each = { status: pick([200, 201, 404, 500, 599]), pairs: lines.flat(), lengthBytes: 2 }
    await isOursFor(each).catch((cause: unknown) => {
      throw new Error(`number ${i} of seed ${seed}: ${JSON.stringify(each)}`, { cause })
    })
  }
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
