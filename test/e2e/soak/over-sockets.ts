import net from 'node:net'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Call, Send } from './call.ts'

/** Bytes on a connection of its own. */
async function connect(call: Call): Promise<net.Socket> {
  const socket = net.connect(call.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}

const write = (socket: net.Socket, text: string): Promise<void> =>
  new Promise((resolve) => void socket.write(text, 'latin1', () => resolve()))

const head = (path: string, lines: readonly string[] = []): string =>
  ['GET ' + path + ' HTTP/1.1', 'Host: h', ...lines, '', ''].join('\r\n')

export type SocketEnd = 'client cuts' | 'client ends' | 'upstream ends' | 'early'

const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket']

/** An upgrade, some bytes both ways, and an end. */
export function talk(to: string, end: SocketEnd): Send {
  return async (call) => {
    const id = call.open()
    const socket = await connect(call)
    await write(socket, head(`/${to}/${id}`, UPGRADE))
    if (end === 'early') {
      await delay(call.random.next() * 40)
      socket.destroy()
      return
    }
    const [first] = (await once(socket, 'data')) as [Buffer]
    if (!first.toString().startsWith('HTTP/1.1 101 ')) throw new Error(`answered ${first.toString()}`)
    call.answered(id, 101)
    const closed = once(socket, 'close')
    socket.write('ping')
    if (end !== 'upstream ends') {
      await once(socket, 'data')
      await delay(call.random.next() * 500)
      if (end === 'client ends') socket.end()
      else socket.destroy()
    }
    socket.resume()
    await closed
  }
}

/** Several requests in one write; `leaves`: and the client is gone at once. */
export function pipeline(paths: readonly string[], leaves: boolean): Send {
  return async (call) => {
    const socket = await connect(call)
    // One after the other, as in Go: when the client leaves, those that wait are not begun any more.
    const ids = paths.map((_, i) => call.open(leaves && i > 0))
    const closed = once(socket, 'close')
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString('latin1')))
    const close = (i: number): string[] => (i === paths.length - 1 ? ['Connection: close'] : [])
    await write(socket, paths.map((to, i) => head(`/${to}/${ids[i]}`, leaves ? [] : close(i))).join(''))
    if (leaves) {
      await delay(call.random.next() * 20)
      socket.destroy()
    }
    await closed
    if (leaves) return
    const statuses = [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
    if (statuses.length !== paths.length) throw new Error(`${statuses.length} answers to ${paths.length} requests`)
    statuses.forEach((status, i) => call.answered(ids[i] as number, status))
  }
}

/** Bytes that are no request: an answer with this status, or none, and a closed connection. */
export function babble(text: string, status: string): Send {
  return async (call) => {
    const socket = await connect(call)
    const closed = once(socket, 'close')
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString('latin1')))
    await write(socket, text)
    await closed
    if (!received.startsWith(`HTTP/1.1 ${status}`)) throw new Error(`answered ${received.slice(0, 60)}`)
  }
}
