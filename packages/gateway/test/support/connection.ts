import { Agent, request } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionAnswer {
  readonly status: number
  readonly body: string
}

/** A client with one connection, which it keeps. */
export interface Connection extends Disposable {
  /** Port of the connection at this end; 0 before the first request. */
  readonly localPort: number
  /** How many connections it needed so far. */
  readonly opened: number
  get(path: string, headers?: Record<string, string>): Promise<ConnectionAnswer>
}

export function openConnection(port: number): Connection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sockets = new Set<Socket>()
  let localPort = 0
  return {
    get localPort() {
      return localPort
    },
    get opened() {
      return sockets.size
    },
    get: (path, headers = {}) =>
      new Promise((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port, path, headers, agent }, (response) => {
          let body = ''
          response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
          response.once('end', () => resolve({ status: response.statusCode ?? 0, body }))
          response.once('error', reject)
        })
        sent.once('socket', (socket) => {
          sockets.add(socket)
          const note = (): void => void (localPort = socket.localPort ?? 0)
          if (socket.connecting) socket.once('connect', note)
          else note()
        })
        sent.once('error', reject)
        sent.end()
      }),
    [Symbol.dispose]: () => agent.destroy(),
  }
}
