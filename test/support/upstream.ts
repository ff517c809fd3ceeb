import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Upstream extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Ends the listener and cuts every connection. */
  close(): Promise<void>
}

/** Starts an HTTP server on a free port of the loopback. A handler that throws or rejects answers 500. */
export async function startUpstream(
  handler: (req: IncomingMessage, res: ServerResponse) => unknown,
): Promise<Upstream> {
  const listener: RequestListener = (req, res) => {
    void (async () => handler(req, res))().catch((error: unknown) => {
      if (!res.headersSent) res.statusCode = 500
      res.end(String(error))
    })
  }
  const server = createServer({ keepAliveTimeout: 0 }, listener)
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', resolve)
  await listening
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const { promise, resolve: closed } = Promise.withResolvers<void>()
    server.close(() => closed())
    server.closeAllConnections()
    await promise
  }
  return { port, url: `http://127.0.0.1:${port}`, close, [Symbol.asyncDispose]: close }
}

/** Reads a whole request body. */
export async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
