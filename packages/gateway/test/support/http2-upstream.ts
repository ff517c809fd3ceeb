import { createServer, type ServerHttp2Stream } from 'node:http2'
import { once } from 'node:events'
import type net from 'node:net'

/** An upstream over HTTP/2 without TLS whose streams a test answers itself. */
export interface Http2Upstream extends AsyncDisposable {
  readonly url: string
  /** The next request: its stream, and its headers with those of HTTP/2 as a flat list. */
  next(): Promise<{ readonly stream: ServerHttp2Stream; readonly headers: readonly string[] }>
}

export async function startHttp2Upstream(): Promise<Http2Upstream> {
  const server = createServer()
  server.on('stream', (stream) => stream.on('error', () => {}))
  server.on('session', (session) => {
    session.on('error', () => {})
    sessions.push(session)
  })
  const sessions: { destroy(): void }[] = []
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `h2c://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    next: async () => {
      const [stream, , , headers] = (await once(server, 'stream')) as [ServerHttp2Stream, unknown, unknown, string[]]
      return { stream, headers }
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
      server.close()
    },
  }
}
