import net from 'node:net'
import { once } from 'node:events'

/** Sends bytes as they are and returns all that comes back until the peer closes or the answer is whole. */
export async function rawRequest(port: number, text: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.write(text, 'latin1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  await closed
  return answer
}

/** An upstream on a bare socket that remembers what it was sent, byte for byte. */
export interface RawUpstream extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** What each connection has sent so far, in order of their opening. */
  readonly received: string[]
  readonly sockets: net.Socket[]
}

export async function startRawUpstream(serve: (socket: net.Socket, received: string) => void): Promise<RawUpstream> {
  const received: string[] = []
  const sockets: net.Socket[] = []
  const server = net.createServer((socket) => {
    const at = received.push('') - 1
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received[at] += chunk.toString('latin1')
      serve(socket, received[at] as string)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    received,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
