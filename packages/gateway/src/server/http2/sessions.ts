// Hot path.
import {
  createServer,
  Http2ServerRequest,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import type { RequestListener } from 'node:http'
import { isLasting } from '../../proxy/lasting.ts'
import { MAX_HEADER_BYTES, MAX_HEADER_LINES } from '../limits.ts'
import { Http2Request } from './request.ts'
import { Http2Response } from './response.ts'

export interface Http2Options {
  readonly readTimeoutMs: number
  readonly closeConnections: boolean
  /** For the routes that Fastify serves, which get Node's own compatibility objects; null: none. */
  readonly fastify: { accepts(url: string): boolean; handle: RequestListener } | null
  handle(request: Http2Request, response: Http2Response, expectsContinue: boolean): void
}

/** HTTP/2 on connections that the listener has accepted. */
export interface Http2Sessions {
  accept(socket: Duplex): void
  /** Takes no more requests; sessions end with their last stream. */
  close(): void
  destroy(): void
}

/** Go's number of streams per connection. */
const MAX_STREAMS = 250
const STREAM_WINDOW_BYTES = 256 * 1024
const SESSION_WINDOW_BYTES = 16 * 1024 * 1024
/** Node's own bound, in MB, for all streams of a session together. */
const MAX_SESSION_MEMORY_MB = 128

const OPTIONS = {
  settings: {
    maxConcurrentStreams: MAX_STREAMS,
    initialWindowSize: STREAM_WINDOW_BYTES,
    maxHeaderListSize: MAX_HEADER_BYTES,
  },
  maxHeaderListPairs: MAX_HEADER_LINES,
  maxSendHeaderBlockLength: 10 * MAX_HEADER_BYTES,
  maxSessionMemory: MAX_SESSION_MEMORY_MB,
  // Repeated lines are the two sides' affair.
  strictSingleValueFields: false,
}

export function createHttp2Sessions(options: Http2Options): Http2Sessions {
  const sessions = new Set<ServerHttp2Session>()
  const server = createServer(OPTIONS)
  server.on('sessionError', () => {})
  server.on('session', (session) => {
    sessions.add(session)
    watchSession(session, options)
    session.once('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers, _flags, raw: string[]) => {
    stream.on('error', () => {})
    if (options.closeConnections) stream.session?.close()
    serve(stream, headers, raw, options)
  })
  return {
    accept(socket) {
      // Set by the HTTP/1.1 server that took it: a client that ends it while its streams wait would never be noticed.
      socket.allowHalfOpen = false
      server.emit('connection', socket)
    },
    close() {
      for (const session of sessions) session.close()
    },
    destroy() {
      for (const session of sessions) session.destroy()
    },
  }
}

function watchSession(session: ServerHttp2Session, { readTimeoutMs }: Http2Options): void {
  let open = 0
  session.on('error', () => {})
  session.on('stream', (stream) => {
    open++
    stream.once('close', () => open--)
  })
  // A quiet stream may be a call that waits for an event: only a session without any is idle.
  session.setTimeout(readTimeoutMs, () => {
    if (open === 0) session.close()
  })
  session.setLocalWindowSize(SESSION_WINDOW_BYTES)
}

function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  raw: readonly string[],
  options: Http2Options,
): void {
  const { fastify } = options
  const path = headers[':path']
  if (typeof path !== 'string') {
    // CONNECT, which only a forward proxy takes.
    stream.respond({ ':status': 405 }, { endStream: true })
    return
  }
  if (!path.startsWith('/') && path !== '*') {
    // In another scheme than http it may be anything; in absolute form it would name a host of its own.
    stream.respond({ ':status': 400 }, { endStream: true })
    return
  }
  if (fastify?.accepts(path) === true) {
    const request = new Http2ServerRequest(stream, headers, {}, raw)
    const response = new Http2ServerResponse(stream)
    limitReading(stream, response, options.readTimeoutMs)
    fastify.handle(request as never, response as never)
    return
  }
  const request = new Http2Request(stream, headers, raw)
  const response = new Http2Response(stream, request)
  limitReading(stream, response, options.readTimeoutMs)
  options.handle(request, response, headers.expect === '100-continue')
}

/** A request body has its time, except that of an answer that is meant to last, a gRPC call say. */
function limitReading(stream: ServerHttp2Stream, response: object, limitMs: number): void {
  if (stream.endAfterHeaders) return
  const timer = setTimeout(() => {
    if (!isLasting(response)) stream.destroy(new Error('the request body took too long'))
  }, limitMs).unref()
  stream.once('end', () => clearTimeout(timer))
  stream.once('close', () => clearTimeout(timer))
}
