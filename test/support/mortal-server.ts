import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface MortalServer extends AsyncDisposable {
  readonly url: string
  /** Ends the listener and cuts every connection. */
  die(): Promise<void>
  /** Listens again where it did before, unless it lives. */
  revive(): Promise<void>
}

/** Starts an HTTP server on a free port of the loopback that dies and comes back on demand. */
export async function startMortalServer(
  handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<MortalServer> {
  const server = createServer((request, response) => {
    handler(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  const listen = async (port: number): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
    await promise
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  const die = async (): Promise<void> => {
    if (!server.listening) return
    const { promise, resolve } = Promise.withResolvers<void>()
    server.close(() => resolve())
    server.closeAllConnections()
    await promise
  }
  return {
    url: `http://127.0.0.1:${port}`,
    die,
    revive: async () => (server.listening ? undefined : listen(port)),
    [Symbol.asyncDispose]: die,
  }
}
