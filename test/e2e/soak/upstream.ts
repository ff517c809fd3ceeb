import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

/** An upstream that behaves as the first part of the path says; the second part is the request's number. */
export interface SoakUpstream extends AsyncDisposable {
  readonly url: string
  connections(): number
}

export const LARGE_BYTES = 512 * 1024

const largeBody = Buffer.alloc(LARGE_BYTES, 'x')
const CONTENT = { 'Content-Type': 'application/octet-stream' }

type Behaviour = (request: IncomingMessage, response: ServerResponse) => unknown

/** What is destroyed here is seen as a reset or an early end by the gateway. */
const behaviours: Readonly<Record<string, Behaviour>> = {
  async echo(request, response) {
    let size = 0
    for await (const chunk of request) size += (chunk as Buffer).length
    answer(response, 200, String(size))
  },
  status: (request, response) => answer(response, Number(request.headers['x-status']), 'as asked'),
  empty: (_, response) => response.writeHead(204).end(),
  unmodified: (_, response) => response.writeHead(304, { Etag: '"1"' }).end(),
  delay: (_, response) => delay(60).then(() => answer(response, 200, 'late')),
  hang: () => {},
  reset: (request) => request.socket.resetAndDestroy(),
  close: (request) => request.socket.destroy(),
  garbage: (request) => request.socket.end('SMTP 220 this is something else\r\n\r\n'),
  large: (_, response) => response.writeHead(200, { ...CONTENT, 'Content-Length': LARGE_BYTES }).end(largeBody),
  'large-chunked': (_, response) => {
    response.writeHead(200, CONTENT)
    response.write(largeBody.subarray(0, LARGE_BYTES / 2))
    response.end(largeBody.subarray(LARGE_BYTES / 2))
  },
  cut: async (request, response) => {
    response.writeHead(200, { ...CONTENT, 'Content-Length': LARGE_BYTES })
    response.write(largeBody.subarray(0, 1000))
    await delay(5)
    request.socket.destroy()
  },
  'cut-chunked': async (request, response) => {
    response.writeHead(200, CONTENT)
    response.write('part')
    await delay(5)
    request.socket.resetAndDestroy()
  },
  events: (_, response) => sendEvents(response, 200),
  'events-cut': async (request, response) => {
    void sendEvents(response, 200)
    await delay(30)
    request.socket.destroy()
  },
  'events-end': (_, response) => sendEvents(response, 5),
}

async function sendEvents(response: ServerResponse, count: number): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  for (let i = 1; i <= count && !response.destroyed; i++) {
    response.write(`data: ${i}\n\n`)
    await delay(10)
  }
  response.end()
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain', 'Content-Length': body.length }).end(body)
}

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on('error', () => socket.destroy())
  const what = partOf(request)
  if (what === 'socket-refused') {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno')
  } else if (what === 'socket-late') {
    setTimeout(() => socket.write(SWITCH), 60)
    socket.on('end', () => socket.end())
    socket.resume()
  } else if (what === 'socket-brief') {
    socket.write(`${SWITCH}hello`)
    socket.once('data', () => socket.destroy())
  } else {
    socket.write(SWITCH)
    socket.write(head)
    socket.pipe(socket)
  }
}

const partOf = (request: IncomingMessage): string => request.url?.split('/', 2)[1] ?? ''

export async function startSoakUpstream(): Promise<SoakUpstream> {
  const sockets = new Set<Socket>()
  // Without a limit of its own for idle connections: a reuse that races with it is no fault of the gateway.
  const server = http.createServer({ keepAliveTimeout: 0, noDelay: true }, (request, response) => {
    // Errors of a connection that one of the two sides has cut.
    request.on('error', () => {})
    response.on('error', () => {})
    const behave = behaviours[partOf(request)] ?? ((_, res) => answer(res, 501, 'no such behaviour'))
    Promise.resolve(behave(request, response)).catch(() => {})
  })
  server.on('upgrade', upgrade)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
