/** Clients that take their time: each is given up, and none of what they began reaches the upstream as a whole. */
import net from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../../test/support/gateway.ts'
import { keylessApi } from '../support/api.ts'
import { get, HOST } from './corpus/case.ts'
import { connectHttp2Wire, dataFrame, headersFrames, type Field } from './support/http2-client.ts'
import { readAll, startObservedUpstream, type ObservedUpstream } from './support/observed-upstream.ts'
import { readAnswers } from './support/strict-parser.ts'

/** Sends the first bytes at once and then one byte again and again until the gateway has had enough; returns its words. */
async function drip(port: number, first: string, again: string, everyMs = 20): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(first, 'latin1')
  const timer = again === '' ? undefined : setInterval(() => void socket.write(again, 'latin1'), everyMs)
  // A connection that was reset is closed as well.
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  clearInterval(timer)
  return text
}

const statuses = (text: string, methods: readonly string[]): number[] =>
  readAnswers(text, methods, true).messages.map(({ status }) => status)

const REQUEST: readonly Field[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':authority', 'client.test'],
  [':path', '/slow'],
]

describe('with a read timeout of a second', () => {
  let upstream: ObservedUpstream
  let gateway: Gateway

  beforeAll(async () => {
    upstream = await startObservedUpstream()
    gateway = await startGateway({
      apis: { 'app.json': keylessApi(upstream.url, { proxy: { listen_path: '/' } }) },
      conf: { enable_analytics: false, http_server_options: { read_timeout: 1 } },
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await upstream?.[Symbol.asyncDispose]()
  })

  test.concurrent.each([
    ['says nothing', '', ''],
    ['begins with half a preface of HTTP/2', 'PRI * HT', ''],
  ])('a connection that %s is closed without a word', async (_, first, again) => {
    expect(await drip(gateway.port, first, again)).toBe('')
  })

  test.concurrent.each([
    ['a request line', 'GET /slow', 'w'],
    ['a header', `GET /slow HTTP/1.1\r\n${HOST}X-A: `, 'a'],
    ['headers without end', `GET /slow HTTP/1.1\r\n${HOST}`, 'X-A: a\r\n'],
    ['a body with a length', `POST /slow HTTP/1.1\r\n${HOST}Content-Length: 100000\r\n\r\n`, 'a'],
    ['a chunk', `POST /slow HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nffff\r\n`, 'a'],
    ['chunks without end', `POST /slow HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`, '1\r\na\r\n'],
    ['trailers without end', `POST /slow HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n`, 'X-A: a\r\n'],
    ['a body of which nothing comes', `POST /slow HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\n`, ''],
  ])('%s that takes longer is answered 408', async (_, first, again) => {
    expect(statuses(await drip(gateway.port, first, again), ['GET'])).toEqual([408])
  })

  test.concurrent('a request that takes longer behind one that was answered gets an answer of its own', async () => {
    const text = await drip(gateway.port, `${get('', '/quick')}GET /slow`, 'w')
    expect(statuses(text, ['GET', 'GET'])).toEqual([200, 408])
  })

  test.concurrent('a connection that waits for its next request is closed without a word', async () => {
    expect(statuses(await drip(gateway.port, get('', '/quick'), ''), ['GET'])).toEqual([200])
  })

  test.concurrent('a session of HTTP/2 without a request is closed', async () => {
    await using client = await connectHttp2Wire(gateway.port)
    await client.closed()
  })

  test.concurrent('a stream whose body takes longer is reset', async () => {
    await using client = await connectHttp2Wire(gateway.port)
    client.write(headersFrames(1, REQUEST, false))
    client.write(dataFrame(1, 'begun', false))
    expect(await client.streamEnd(1)).toMatchObject({ whole: false })
  })

  test('the upstream has seen no slow request as a whole', () => {
    const targets = readAll(upstream).requests.map(({ target }) => target)
    expect(new Set([...targets, ...upstream.seenByNode().map(({ target }) => target)])).toEqual(new Set(['/quick']))
  })
})
