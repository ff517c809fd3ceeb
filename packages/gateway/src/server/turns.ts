// Hot path.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { closeGently } from './closing.ts'
import { refuse } from './malformed.ts'

export type Serve = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => void

interface Waiting {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly expectsContinue: boolean
}

/** One connection. One shape, as it is made for each. */
interface Line {
  /** The request that was served last, as long as it is not answered and read to its end. */
  request: IncomingMessage | null
  /** The answer that is due; null: none is. */
  response: ServerResponse | null
  readonly waiting: Waiting[]
  /** Keeps the connection from being read while too many requests wait; null: it is read. */
  hold: (() => void) | null
  /** What takes the connection over once no answer is due any more. */
  successor: (() => void) | null
  /** Nothing more is served here, whatever comes. */
  ended: boolean
}

/** So many requests may wait behind the one being answered; then nothing more is read, beyond what was read with them. */
const MAX_WAITING = 16

/**
 * Serves the requests of a connection one after the other, as Go does: the parser gives out every pipelined request at
 * once. A request is not begun before the answer to the one before it is out, nor at all behind an answer that closes the
 * connection; and what goes wrong with a later message does not touch an earlier one's answer.
 */
export class Turns {
  readonly #serve: Serve
  readonly #lines = new WeakMap<Socket, Line>()

  constructor(serve: Serve) {
    this.#serve = serve
  }

  take(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const { socket } = request
    const line = this.#lineOf(socket)
    if (line.ended) return
    if (line.response === null) {
      this.#begin(line, request, response, expectsContinue)
      return
    }
    line.waiting.push({ request, response, expectsContinue })
    if (line.waiting.length >= MAX_WAITING && line.hold === null) {
      // Node resumes behind each message that it has parsed.
      line.hold = () => socket.pause()
      socket.on('resume', line.hold)
      socket.pause()
    }
  }

  /** Gives the connection, on which no more requests can come, to somebody else when all of its answers are out. */
  handOver(socket: Socket, successor: () => void): void {
    const line = this.#lineOf(socket)
    if (line.ended) return
    // Nobody else looks after it until then.
    socket.on('error', () => socket.destroy())
    line.successor = successor
    this.#proceed(line, socket)
  }

  /** The connection begins anew. */
  forget(socket: Socket): void {
    this.#lines.delete(socket)
  }

  /** What follows on the connection is no request, or none that could be read to its end. */
  refuse(err: NodeJS.ErrnoException, socket: Socket): void {
    const line = this.#lineOf(socket)
    if (err.code === 'ECONNRESET') {
      line.ended = true
      socket.destroy()
      return
    }
    // Once refused, the rest is read and dropped.
    if (line.ended) return
    if (err.code === 'HPE_CLOSED_CONNECTION') {
      // Bytes behind a request that asks to close belong to nobody (RFC 9112, section 9.6): its own answer goes on.
      line.successor ??= () => closeGently(socket)
      this.#proceed(line, socket)
      return
    }
    const last = line.waiting.at(-1)
    if (last === undefined && line.request?.complete === false) {
      // The body of the request that is being served, or was answered already and gets no second answer.
      line.ended = true
      if (line.response === null) closeGently(socket)
      else refuse(err, socket, line.response)
      return
    }
    if (last?.request.complete === false) line.waiting.pop()
    line.successor ??= () => refuse(err, socket, null)
    this.#proceed(line, socket)
  }

  #lineOf(socket: Socket): Line {
    let line = this.#lines.get(socket)
    if (line === undefined) {
      line = { request: null, response: null, waiting: [], hold: null, successor: null, ended: false }
      this.#lines.set(socket, line)
      // Node calls it behind an answer that closes the connection.
      socket.destroySoon = () => closeGently(socket)
    }
    return line
  }

  #begin(line: Line, request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    line.request = request
    line.response = response
    response.on('close', () => this.#onAnswered(line, request))
    this.#serve(request, response, expectsContinue)
  }

  #onAnswered(line: Line, request: IncomingMessage): void {
    line.response = null
    // An answered request is of interest only as long as its body still arrives.
    if (request.complete) line.request = null
    const { socket } = request
    if (socket.destroyed || socket.writableEnded) line.ended = true
    this.#proceed(line, socket)
  }

  #proceed(line: Line, socket: Socket): void {
    if (line.response !== null) return
    if (line.waiting.length <= 1 || line.ended) readOn(line, socket)
    if (line.ended) {
      line.waiting.length = 0
      line.successor = null
      return
    }
    const next = line.waiting.shift()
    if (next !== undefined) {
      this.#begin(line, next.request, next.response, next.expectsContinue)
    } else if (line.successor !== null) {
      line.ended = true
      line.successor()
      line.successor = null
    }
  }
}

function readOn(line: Line, socket: Socket): void {
  if (line.hold === null) return
  socket.off('resume', line.hold)
  line.hold = null
  socket.resume()
}
