import net from 'node:net'
import { once } from 'node:events'
import { readMessage, type WireMessage } from './wire.ts'
import { OK } from './wire-upstream.ts'

/** A forward proxy on a bare socket: answers for whatever is asked of it, and keeps the heads. */
export interface RawProxy extends AsyncDisposable {
  readonly port: number
  readonly heads: WireMessage[]
  /** Connects tunnels to this port, whatever host was asked for. */
  connectTo(port: number): void
}

export async function startRawProxy(): Promise<RawProxy> {
  const heads: WireMessage[] = []
  let tunnelPort = 0
  const sockets: net.Socket[] = []
  const server = net.createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      const head = readMessage(chunk.toString('latin1')) as WireMessage
      heads.push(head)
      if (!head.startLine.startsWith('CONNECT ')) {
        socket.write(OK)
        return
      }
      socket.removeAllListeners('data')
      const onward = net.connect(tunnelPort, '127.0.0.1')
      onward.on('error', () => socket.destroy())
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    heads,
    connectTo: (port) => void (tunnelPort = port),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
