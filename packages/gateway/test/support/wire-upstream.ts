import net from 'node:net'
import { once } from 'node:events'
import { readMessage, type WireMessage } from './wire.ts'

/** What an upstream says to a request: bytes, or what it does with the connection itself. */
export type WireAnswer = string | ((request: WireMessage, socket: net.Socket) => string | void)

/** An upstream on bare sockets: keeps every whole request byte for byte, and answers with bytes. */
export interface WireUpstream extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Whole requests of all connections, in the order of their arrival. */
  readonly requests: WireMessage[]
  /** Every connection there was. */
  readonly sockets: net.Socket[]
  /** The latest request; fails when none has come. */
  last(): WireMessage
  /** Resolves with the connection on which the next bytes come, of a whole request or not. */
  nextBytes(): Promise<net.Socket>
  /** From now on. */
  answerWith(answer: WireAnswer): void
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok'

/** An answer with these header lines and a body of a known length. */
export const answerText = (status: string, lines: readonly string[] = [], body = ''): string =>
  `${[`HTTP/1.1 ${status}`, ...lines, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`

/** @param onPort - Of one's own choice; 0 for any. */
export async function startWireUpstream(host = '127.0.0.1', onPort = 0): Promise<WireUpstream> {
  const requests: WireMessage[] = []
  const sockets: net.Socket[] = []
  let answer: WireAnswer = OK
  const waiting: ((socket: net.Socket) => void)[] = []
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.push(socket)
    let received = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      for (const resolve of waiting.splice(0)) resolve(socket)
      for (let next = readMessage(received); next !== null; next = readMessage(received)) {
        received = received.slice(next.raw.length)
        requests.push(next)
        const text = typeof answer === 'string' ? answer : answer(next, socket)
        if (typeof text === 'string') socket.write(text, 'latin1')
      }
    })
  })
  server.listen(onPort, host)
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  return {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    requests,
    sockets,
    last() {
      const latest = requests.at(-1)
      if (latest === undefined) throw new Error('no request has reached the upstream')
      return latest
    },
    nextBytes: () => new Promise((resolve) => waiting.push(resolve)),
    answerWith: (next) => void (answer = next),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
