import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { awaitPreface } from './preface.ts'

/** Who takes the connections that speak one of the two protocols. */
export interface Acceptors {
  http1(socket: Socket): void
  http2(socket: Socket): void
}

/** Connections of which it is not known yet what they speak: a stop closes them at once. */
export type Undecided = Set<Socket>

type ConnectionListener = (this: Server, socket: Socket) => void

/** Takes Node's own listener of an event off, so that it can be called for some connections only. */
export function takeListener(server: Server, event: 'connection' | 'secureConnection'): (socket: Socket) => void {
  const [own] = server.listeners(event) as ConnectionListener[]
  if (own === undefined) throw new Error(`the server does not listen to ${event}`)
  server.off(event, own)
  return (socket) => own.call(server, socket)
}

export function splitByPreface(server: Server, to: Acceptors, undecided: Undecided, timeoutMs: number): void {
  server.on('connection', (socket: Socket) => {
    undecided.add(socket)
    socket.once('close', () => undecided.delete(socket))
    awaitPreface(socket, timeoutMs, (isHttp2) => {
      undecided.delete(socket)
      if (isHttp2) to.http2(socket)
      else to.http1(socket)
    })
  })
}

/** @param timeoutMs - For the TLS handshake as a whole, however slowly it goes on. */
export function splitByAlpn(server: Server, to: Acceptors, undecided: Undecided, timeoutMs: number): void {
  const handshake = takeListener(server, 'connection')
  // Node does not say which connection a TLS socket runs on: the two ends of both are the same.
  const handshakes = new Map<string, { readonly socket: Socket; readonly timer: NodeJS.Timeout }>()
  const settle = (key: string): void => {
    const found = handshakes.get(key)
    if (found === undefined) return
    handshakes.delete(key)
    undecided.delete(found.socket)
    clearTimeout(found.timer)
  }
  server.on('connection', (socket: Socket) => {
    const key = endsOf(socket)
    undecided.add(socket)
    handshakes.set(key, { socket, timer: setTimeout(() => socket.destroy(), timeoutMs).unref() })
    socket.once('close', () => {
      if (handshakes.get(key)?.socket === socket) settle(key)
    })
    handshake(socket)
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    settle(endsOf(socket))
    if (socket.alpnProtocol === 'h2') to.http2(socket)
    else to.http1(socket)
  })
}

const endsOf = ({ localAddress, remoteAddress, remotePort }: Socket): string =>
  `${localAddress} ${remoteAddress} ${remotePort}`
