import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface CountingUpstream extends AsyncDisposable {
  readonly url: string
  readonly open: () => number
  /** Answers what waits at `/wait`. */
  release(): void
  readonly waiting: () => number
}

/** An upstream that answers with the number of the connection. */
export async function startCountingUpstream(): Promise<CountingUpstream> {
  const numbers = new Map<Socket, number>()
  const waiting: ServerResponse[] = []
  let open = 0
  const server = createServer((req, res) => {
    if (req.url === '/wait') waiting.push(res)
    else res.end(String(numbers.get(req.socket)))
  })
  server.on('connection', (socket) => {
    numbers.set(socket, numbers.size + 1)
    open++
    socket.on('close', () => open--)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => open,
    waiting: () => waiting.length,
    release: () => waiting.splice(0).forEach((res) => res.end(String(numbers.get(res.req.socket)))),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}
