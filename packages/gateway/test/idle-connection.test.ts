/**
 * A request on an idle connection leaves within the turn of the event loop in which it was made, and does not wait for
 * something else to wake the loop. undici 7.29.0 lets it wait for a timer, 1 ms at the least, and 8.8.0 for whatever comes
 * next, half a second on an idle process (nodejs/undici#5493 and #5600): one connection would then measure timers. What
 * that costs: packages/gateway/bench/undici-idle.bench.ts.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import * as gatewayUndici from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Dialler } from '../src/proxy/dial.ts'
import { Http1Pool } from '../src/proxy/http1/pool.ts'
import { parseTarget } from '../src/proxy/upstream-url.ts'
import { loadStockUndici } from './support/stock-undici.ts'

const REQUESTS = 20

/** Sends requests, one after the other, over one connection. */
interface Client {
  send(done: () => void, failed: (err: Error) => void): void
  /** Each that it has opened. */
  readonly sockets: readonly Socket[]
  close(): unknown
}

const stock = loadStockUndici()
const server = createServer((_, res) => res.end('ok'))
let port: number

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})
afterAll(() => server.close())

function undiciClient({ Pool }: Pick<typeof gatewayUndici, 'Pool'>): Client {
  const sockets: Socket[] = []
  const pool = new Pool(`http://127.0.0.1:${port}`, {
    connections: 1,
    connect(_, callback) {
      const socket = net.connect(port, '127.0.0.1', () => callback(null, socket))
      sockets.push(socket)
    },
  })
  return {
    sockets,
    send: (done, failed) =>
      pool.dispatch(
        { method: 'GET', path: '/' },
        {
          onRequestStart: () => {},
          onResponseStart: () => {},
          onResponseData: () => {},
          onResponseEnd: done,
          onResponseError: (_, err) => failed(err),
        },
      ),
    close: () => pool.destroy(),
  }
}

function ownClient(): Client {
  const sockets: Socket[] = []
  const dialler = new Dialler({ tls: { connectOptions: () => ({}), check: () => {} }, proxyFor: () => null })
  const pool = new Http1Pool({ keepAlive: true, maxIdlePerHost: 1, maxIdle: 0, dialler })
  const target = parseTarget(`http://127.0.0.1:${port}`)
  const request = {
    target,
    method: 'GET',
    path: '/',
    headers: ['Host', 'upstream.test'],
    body: null,
    contentLength: 0,
    timeoutMs: 0,
    upgrade: false,
  }
  return {
    sockets,
    send(done, failed) {
      const handler = { onHead: () => {}, onData: () => true, onEnd: done, onUpgrade: () => {}, onError: failed }
      if (sockets.length > 0) {
        pool.exchange(request, handler)
        return
      }
      const socket = net.connect(port, '127.0.0.1', () => pool.exchangeOn(socket, request, handler))
      sockets.push(socket)
    },
    close: () => pool.destroy(),
  }
}

/** Tells of each time that bytes go from the stream to the system. */
function watchWrites(socket: Socket, onWrite: () => void): void {
  for (const name of ['_write', '_writev'] as const) {
    const original = socket[name]?.bind(socket) as ((...args: unknown[]) => void) | undefined
    socket[name] = (...args: unknown[]) => {
      onWrite()
      original?.(...args)
    }
  }
}

/** What keeps the event loop from sleeping. */
const immediates = (): number => process.getActiveResourcesInfo().filter((each) => each === 'Immediate').length

test.each<[string, () => Client]>([
  [`undici ${stock.version}, which the stock peer of the bench uses`, () => undiciClient(stock.undici)],
  ["the gateway's undici", () => undiciClient(gatewayUndici)],
  ['our own HTTP/1.1 client', ownClient],
])('%s sends a request on an idle connection at once', async (_, open) => {
  const client = open()
  try {
    await new Promise<void>((resolve, reject) => client.send(resolve, reject))
    let written = false
    for (const socket of client.sockets) watchWrites(socket, () => (written = true))
    for (let i = 0; i < REQUESTS; i++) {
      // The connection becomes idle behind the end of its answer.
      for (let turn = 0; turn < 3; turn++) await nextTurn()
      written = false
      const before = immediates()
      const answered = new Promise<void>((resolve, reject) => client.send(resolve, reject))
      answered.catch(() => {}) // when one of these fails, the end of the client is no second failure
      expect(written || immediates() > before, `request ${i} leaves although nothing else happens`).toBe(true)
      // What was put off to the end of the turn comes before this.
      await nextTurn()
      expect(written, `request ${i} has left with its turn`).toBe(true)
      await answered
    }
    expect(client.sockets).toHaveLength(1)
  } finally {
    await client.close()
  }
})
