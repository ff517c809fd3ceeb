import { once } from 'node:events'
import net from 'node:net'

export interface Sending {
  /** Says behind the bytes that no more will come. */
  readonly halfClose?: boolean
  /** Sizes of the pieces to send, the last one again and again; else all at once. */
  readonly pieces?: readonly number[]
}

const GIVE_UP_MS = 15_000

/**
 * Sends bytes as they are and returns all that came back until the gateway closed the connection.
 *
 * @throws When it does not close it.
 */
export async function converse(port: number, bytes: string, sending: Sending = {}): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  const received: Buffer[] = []
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  // A gateway that refuses does not wait for the rest: writing it may fail.
  socket.on('error', () => {})
  const closed = new Promise<'closed'>((resolve) => socket.once('close', () => resolve('closed')))
  await Promise.race([once(socket, 'connect'), closed])
  void send(socket, Buffer.from(bytes, 'latin1'), sending)
  const { promise: tooLate, resolve } = Promise.withResolvers<'open'>()
  const timer = setTimeout(() => resolve('open'), GIVE_UP_MS)
  const end = await Promise.race([closed, tooLate])
  clearTimeout(timer)
  socket.destroy()
  const text = Buffer.concat(received).toString('latin1')
  if (end === 'open') throw new Error(`the gateway kept the connection open; it had answered ${JSON.stringify(text)}`)
  return text
}

async function send(socket: net.Socket, bytes: Buffer, { halfClose = false, pieces }: Sending): Promise<void> {
  if (pieces === undefined) {
    socket.write(bytes)
  } else {
    let at = 0
    for (let i = 0; at < bytes.length && !socket.destroyed; i++) {
      const size = pieces[Math.min(i, pieces.length - 1)] as number
      // The piece must have left before the next one, or both would go together.
      await new Promise<void>((resolve) => socket.write(bytes.subarray(at, (at += size)), () => resolve()))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  if (halfClose) socket.end()
}
