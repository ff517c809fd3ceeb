// Hot path.
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { Writable } from 'node:stream'
import type { Http2Request } from './request.ts'

const { NGHTTP2_NO_ERROR } = constants

/** RFC 9113, section 8.2.2: they are about an HTTP/1.1 connection. */
const CONNECTION_SPECIFIC = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

type Trailers = Record<string, string[]>

/**
 * An answer over HTTP/2 with the methods of `ServerResponse` that the gateway uses.
 *
 * Node's own compatibility object drops repeated header lines, and ends a stream that is destroyed as if it were whole.
 */
export class Http2Response extends Writable {
  readonly #stream: ServerHttp2Stream
  readonly #request: Http2Request
  #head: string[] = []
  #trailers: Trailers | null = null
  #bodiless = false
  statusCode = 200
  headersSent = false
  /** Of no meaning here: a stream is one exchange. */
  shouldKeepAlive = true

  constructor(stream: ServerHttp2Stream, request: Http2Request) {
    super()
    this.#stream = stream
    this.#request = request
    this.on('error', () => {})
    stream.on('error', () => {})
    stream.on('wantTrailers', () => this.#sendTrailers())
    stream.on('close', () => this.destroy())
  }

  /** @param rest - A reason phrase, which HTTP/2 does not have, and the flat list of headers. */
  writeHead(status: number, ...rest: readonly (string | readonly string[])[]): this {
    this.statusCode = status
    this.#head = headersOf(rest.at(-1) as readonly string[])
    // An answer that ends without a body is one frame: gRPC tells its errors so. Any other head leaves at once.
    queueMicrotask(() => {
      if (!this.writableEnded) this.flushHeaders()
    })
    return this
  }

  removeHeader(): void {}

  writeContinue(): void {
    if (!this.#stream.closed) this.#stream.additionalHeaders({ ':status': 100 })
  }

  addTrailers(pairs: readonly (readonly [string, string])[]): void {
    // Names come from the upstream: `constructor` must not find one of its own.
    const trailers = (this.#trailers ??= Object.create(null) as Trailers)
    for (const [name, value] of pairs) (trailers[name.toLowerCase()] ??= []).push(value)
  }

  flushHeaders(): void {
    this.#sendHead(false)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#sendHead(false)
    if (this.#bodiless || this.#stream.closed) done()
    else if (this.#stream.write(chunk)) done()
    else this.#stream.once('drain', done)
  }

  override _final(done: (error?: Error | null) => void): void {
    const whole = !this.headersSent && this.#trailers === null
    this.#sendHead(whole)
    if (whole || this.#bodiless) {
      done()
      this.#leaveRest()
    } else {
      this.#stream.end(() => done())
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Before its end, the only way to say that the answer is not whole. `close()` would end it first.
    if (!this.writableFinished && !this.#stream.destroyed) this.#stream.destroy(new Error('the answer is cut'))
    done(error)
  }

  #sendHead(endStream: boolean): void {
    const stream = this.#stream
    if (this.headersSent || this.destroyed || stream.closed || stream.destroyed) return
    this.headersSent = true
    const { statusCode: status } = this
    this.#bodiless = this.#request.method === 'HEAD' || status === 204 || status === 205 || status === 304
    // The pinned typings know headers only as an object; as a list, order and repeated lines survive.
    const headers = [':status', String(status), ...this.#head] as unknown as OutgoingHttpHeaders
    try {
      stream.respond(headers, { endStream, waitForTrailers: !endStream && !this.#bodiless })
    } catch (err) {
      // A status or a name that HTTP/2 cannot carry.
      this.destroy(err as Error)
    }
  }

  #sendTrailers(): void {
    if (this.#stream.closed || this.#stream.destroyed) return
    try {
      this.#stream.sendTrailers(this.#trailers ?? {})
      this.#leaveRest()
    } catch (err) {
      // A name that HTTP/2 cannot carry.
      this.destroy(err as Error)
    }
  }

  /** What is left of a request after its answer is nobody's; the client is told to stop. */
  #leaveRest(): void {
    setImmediate(() => {
      if (!this.#request.complete && !this.#stream.closed) this.#stream.close(NGHTTP2_NO_ERROR)
    })
  }
}

function headersOf(pairs: readonly string[]): string[] {
  const headers: string[] = []
  for (let i = 0; i < pairs.length; i += 2) {
    const name = (pairs[i] as string).toLowerCase()
    if (!CONNECTION_SPECIFIC.has(name)) headers.push(name, pairs[i + 1] as string)
  }
  return headers
}
