// Hot path.
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { Readable } from 'node:stream'

const { NGHTTP2_NO_ERROR } = constants

/** What the gateway asks a connection for. */
export interface PeerOfStream {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly destroyed: boolean
  /** The connection itself, for what TLS knows about the client. */
  readonly connection: unknown
}

/**
 * A request over HTTP/2 in the shape of one over HTTP/1.1, so that everything behind the listener has one kind:
 * `Host` for `:authority`, no pseudo headers, one `Cookie` line, and `transfer-encoding` in the parsed headers when a
 * body of unknown length follows.
 *
 * Node's own compatibility object would pass the end of a reset stream off as the end of the body.
 */
export class Http2Request extends Readable {
  readonly httpVersion = '2.0'
  readonly httpVersionMajor = 2
  readonly httpVersionMinor = 0
  readonly method: string
  url: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: string[]
  rawTrailers: string[] = []
  readonly socket: PeerOfStream
  /** The body arrived whole. */
  complete = false
  readonly #stream: ServerHttp2Stream

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]) {
    super()
    this.#stream = stream
    this.method = headers[':method'] ?? 'GET'
    this.url = headers[':path'] ?? ''
    this.rawHeaders = plainHeaders(raw)
    this.headers = parsedHeaders(headers, this.rawHeaders, stream.endAfterHeaders)
    const { remoteAddress, remotePort } = stream.session?.socket ?? {}
    this.socket = {
      remoteAddress,
      remotePort,
      connection: stream.session?.socket,
      get destroyed() {
        return stream.destroyed
      },
    }
    // A cut body is reported to whoever reads it; without a reader it is nobody's error.
    this.on('error', () => {})
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause()
    })
    stream.on('trailers', (_trailers, _flags, trailers) => (this.rawTrailers = trailers))
    stream.on('end', () => this.#onEnd())
    stream.on('close', () => this.#onClose())
    stream.pause()
  }

  override _read(): void {
    this.#stream.resume()
  }

  #onEnd(): void {
    const stream = this.#stream
    if (stream.aborted || (stream.rstCode !== undefined && stream.rstCode !== NGHTTP2_NO_ERROR)) return
    this.complete = true
    this.push(null)
  }

  #onClose(): void {
    if (!this.complete) this.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
  }
}

function plainHeaders(raw: readonly string[]): string[] {
  const headers: string[] = []
  let authority: string | null = null
  let cookie: string | null = null
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    if (name === ':authority') authority = value
    else if (name.startsWith(':')) continue
    // RFC 9113, section 8.2.3: the pieces are one line to everybody else.
    else if (name === 'cookie') cookie = cookie === null ? value : `${cookie}; ${value}`
    // Section 8.3.1: `host` may repeat `:authority`. Where it names another place, both are kept and refused later.
    else if (name !== 'host' || value !== authority) headers.push(name, value)
  }
  if (cookie !== null) headers.push('cookie', cookie)
  return authority === null ? headers : ['host', authority, ...headers]
}

function parsedHeaders(
  headers: IncomingHttpHeaders,
  plain: readonly string[],
  endsWithHeaders: boolean,
): IncomingHttpHeaders {
  const parsed: IncomingHttpHeaders = {}
  for (const [name, value] of Object.entries(headers)) if (!name.startsWith(':')) parsed[name] = value
  for (let i = 0; i < plain.length; i += 2) {
    if (plain[i] !== 'host') continue
    parsed.host = plain[i + 1]
    break
  }
  if (!endsWithHeaders && parsed['content-length'] === undefined) parsed['transfer-encoding'] = 'chunked'
  return parsed
}
