import net from 'node:net'
import { Readable } from 'node:stream'
import { Pool } from 'undici'
import { Dialler, type DialOutcome } from '../../../src/proxy/dial.ts'
import { Http1Pool } from '../../../src/proxy/http1/pool.ts'
import { parseTarget, type UpstreamTarget } from '../../../src/proxy/upstream-url.ts'
import type { RandomRequest } from './random-answer.ts'

/** What a client hears of an answer. */
export interface Heard {
  status: number
  /** `Name: value`, byte for byte. */
  headers: string[]
  body: string
  trailers: string[]
  /** Told that it is the whole answer. */
  whole: boolean
}

/** A client that keeps one connection to an upstream. */
export interface HearingClient {
  hear(request: RandomRequest, path: string): Promise<Heard>
  /** Its connections that are open. */
  readonly sockets: ReadonlySet<net.Socket>
  /** It reads nothing just now. */
  isPausing(): boolean
  close(): Promise<void>
}

/** The limit that Go has, and ours. */
const MAX_HEAD_BYTES = 10 * 1024 * 1024

const nothing = (): Heard => ({ status: 0, headers: [], body: '', trailers: [], whole: false })

const lines = (flat: readonly (string | Buffer)[]): string[] => {
  const text = flat.map((each) => (typeof each === 'string' ? each : each.toString('latin1')))
  // Blanks behind a value are no part of it; undici leaves them there.
  return text.flatMap((name, i) => (i % 2 === 0 ? `${name}: ${plain(name, text[i + 1]?.trimEnd() ?? '')}` : []))
}
/** Ours says a length as a client is to read it, `0` for `00`; undici leaves it as it came. */
const plain = (name: string, value: string): string =>
  name.toLowerCase() === 'content-length' ? value.replace(/^0+(?=\d)/, '') : value

/** So many turns of the event loop a pause lasts. */
const PAUSE_TURNS = 3

class Pauses {
  open = 0

  begin(resume: () => void): void {
    this.open += 1
    this.#wait(PAUSE_TURNS, resume)
  }

  #wait(turns: number, resume: () => void): void {
    setImmediate(() => {
      if (turns > 1) {
        this.#wait(turns - 1, resume)
        return
      }
      this.open -= 1
      resume()
    })
  }
}

/** Only at the end: memory that is no longer ours would show. */
const textOf = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('latin1')

/** Keeps the sockets in sight. */
class WatchedDialler extends Dialler {
  readonly sockets = new Set<net.Socket>()

  override dial(
    target: UpstreamTarget,
    alpn: readonly string[],
    timeoutMs: number,
    outcome: DialOutcome,
    sharesRead: boolean,
  ): () => void {
    const watched: DialOutcome = {
      onConnected: (socket) => {
        keep(this.sockets, socket)
        outcome.onConnected(socket)
      },
      onFailed: (error) => outcome.onFailed(error),
    }
    return super.dial(target, alpn, timeoutMs, watched, sharesRead)
  }
}

function keep(sockets: Set<net.Socket>, socket: net.Socket): void {
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
}

/**
 * The gateway's own HTTP/1.1 client.
 *
 * @param keepAlive - False: each answer comes on a fresh connection.
 */
export function ourClient(url: string, { keepAlive = true } = {}): HearingClient {
  const dialler = new WatchedDialler({ tls: { connectOptions: () => ({}), check: () => {} }, proxyFor: () => null })
  const pool = new Http1Pool({ keepAlive, maxIdlePerHost: 1, maxIdle: 0, dialler })
  const target = parseTarget(url)
  const headers = ['Host', 'upstream.test']
  const pauses = new Pauses()
  return {
    hear(request, path) {
      const heard = nothing()
      const { method } = request
      const body = bodyOf(request)
      const chunks: Buffer[] = []
      return new Promise((resolve) => {
        const end = (more: Partial<Heard>): void => resolve({ ...heard, body: textOf(chunks), ...more })
        const exchange = pool.exchange(
          { target, method, path, headers, body, contentLength: lengthOf(request), timeoutMs: 0, upgrade: false },
          {
            onHead: (status, raw) => void Object.assign(heard, { status, headers: lines(raw) }),
            onData: (chunk) => {
              chunks.push(chunk)
              if (request.pauses) pauses.begin(() => exchange.resume())
              return !request.pauses
            },
            onEnd: (trailers) => end({ trailers: lines(trailers), whole: true }),
            onUpgrade: () => end({}),
            onError: () => end({}),
          },
        )
      })
    },
    sockets: dialler.sockets,
    isPausing: () => pauses.open > 0,
    async close() {
      await pool.close()
      pool.destroy()
    },
  }
}

/** undici, with the limit for heads that ours has. */
export function undiciClient(url: string): HearingClient {
  const sockets = new Set<net.Socket>()
  const pauses = new Pauses()
  const { hostname, port } = new URL(url)
  const pool = new Pool(url, {
    connections: 1,
    maxHeaderSize: MAX_HEAD_BYTES,
    keepAliveTimeout: 600_000,
    connect(_, callback) {
      const socket = net.connect(Number(port), hostname, () => callback(null, socket))
      keep(sockets, socket)
    },
  })
  return {
    hear(request, path) {
      const heard = nothing()
      const { method } = request
      const length = lengthOf(request)
      const headers = request.body === null || length === -1 ? {} : { 'content-length': String(length) }
      return new Promise((resolve) => {
        pool.dispatch(
          { method, path, headers, body: bodyOf(request) },
          {
            onRequestStart: () => {},
            onResponseStart(controller, status) {
              // It tells of interim answers too; the last one is the answer.
              if (status >= 200) Object.assign(heard, { status, headers: lines(rawOf(controller, 'rawHeaders')) })
            },
            onResponseData(controller, chunk) {
              heard.body += chunk.toString('latin1')
              // Resumed, it tells of no bytes at all.
              if (!request.pauses || chunk.length === 0) return
              controller.pause()
              pauses.begin(() => controller.resume())
            },
            onResponseEnd: (controller) =>
              resolve({ ...heard, trailers: lines(rawOf(controller, 'rawTrailers')), whole: true }),
            onResponseError: () => resolve(heard),
          },
        )
      })
    },
    sockets,
    isPausing: () => pauses.open > 0,
    close: () => pool.destroy(),
  }
}

const bodyOf = ({ body }: RandomRequest): Readable | null =>
  body === null ? null : Readable.from(body.map((piece) => Buffer.from(piece, 'latin1')))

/** -1: not announced. */
const lengthOf = ({ body, isChunked }: RandomRequest): number =>
  isChunked && body !== null ? -1 : (body ?? []).reduce((sum, piece) => sum + piece.length, 0)

const rawOf = (controller: object, name: string): Buffer[] => [
  ...((controller as Record<string, Buffer[] | null>)[name] ?? []),
]
