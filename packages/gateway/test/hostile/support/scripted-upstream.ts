import { once } from 'node:events'
import net from 'node:net'

/** An upstream that answers `/after` as it should, and anything else with the bytes it was told. */
export interface ScriptedUpstream extends AsyncDisposable {
  readonly url: string
  /** From now on. */
  script(script: Script): void
  /** Request targets since then, with the number of the connection each came on. */
  requests(): { readonly target: string; readonly connection: number }[]
  /** Connections since the start that are still open. */
  readonly open: ReadonlySet<net.Socket>
}

export interface Script {
  readonly bytes: string
  /** The connection ends behind them. */
  readonly ends?: boolean
  readonly byteByByte?: boolean
}

export const AFTER_BODY = 'this is what comes after'
const AFTER = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${AFTER_BODY.length}\r\n\r\n${AFTER_BODY}`

export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  let current: Script = { bytes: '' }
  let requests: { target: string; connection: number }[] = []
  let connections = 0
  const open = new Set<net.Socket>()
  const server = net.createServer({ noDelay: true }, (socket) => {
    const connection = connections++
    let received = ''
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      // Requests to it have no bodies.
      for (let end = received.indexOf('\r\n\r\n'); end !== -1; end = received.indexOf('\r\n\r\n')) {
        const target = received.split(' ', 2)[1] as string
        received = received.slice(end + 4)
        requests.push({ target, connection })
        if (target === '/after') socket.write(AFTER)
        else void play(socket, current)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    script(script) {
      current = script
      requests = []
    },
    requests: () => requests,
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function play(socket: net.Socket, { bytes, ends = false, byteByByte = false }: Script): Promise<void> {
  const all = Buffer.from(bytes, 'latin1')
  if (byteByByte) {
    for (let at = 0; at < all.length && !socket.destroyed; at++) {
      await new Promise<void>((resolve) => socket.write(all.subarray(at, at + 1), () => resolve()))
      await new Promise((resolve) => setImmediate(resolve))
    }
  } else if (all.length > 0) {
    socket.write(all)
  }
  if (ends) socket.end()
}
