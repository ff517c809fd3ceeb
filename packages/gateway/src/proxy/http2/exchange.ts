// Hot path.
import { STATUS_CODES } from 'node:http'
import { trailersOf } from '../trailers.ts'
import { constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { announcesEmptyBody, isReplayable } from '../request-rules.ts'
import { UpstreamError, type Exchange, type ExchangeHandler, type UpstreamRequest } from '../transport.ts'

const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_FLAG_END_STREAM } = constants

/** What an exchange tells the sessions. */
export interface ExchangeOwner {
  /** The session said, or it is safe to assume, that the upstream did nothing with the request. */
  onRetryable(exchange: Http2Exchange): void
}

/** One request over HTTP/2: waits for a session, then is one stream of it. */
export class Http2Exchange implements Exchange {
  readonly request: UpstreamRequest
  readonly handler: ExchangeHandler
  readonly #owner: ExchangeOwner
  #stream: ClientHttp2Stream | null = null
  /** `close()` would end the request body first, as if it were whole; an abort only resets the stream (CANCEL). */
  readonly #cutter = new AbortController()
  /** Set when the upstream turned out to speak HTTP/1.1. */
  #elsewhere: Exchange | null = null
  #reused = false
  #retried = false
  #done = false
  #headSeen = false
  #headTimer: NodeJS.Timeout | null = null
  #stopBody: (() => void) | null = null
  #expectedBytes = -1
  #receivedBytes = 0
  #trailers: string[] = []
  #cause: Error | undefined

  constructor(request: UpstreamRequest, handler: ExchangeHandler, owner: ExchangeOwner) {
    this.request = request
    this.handler = handler
    this.#owner = owner
  }

  /** The client went away before a session was there. */
  get abandoned(): boolean {
    return this.#done
  }

  /** @param reused - The session has carried other requests: it may be dead without knowing. */
  start(session: ClientHttp2Session, reused: boolean, onClosed: () => void): void {
    this.#reused = reused
    const { request } = this
    let stream: ClientHttp2Stream
    try {
      // The pinned typings know request headers only as an object; as a list, order and repeated lines survive.
      const headers = requestHeaders(request) as unknown as Record<string, string>
      const bodiless = request.body === null
      const { signal } = this.#cutter
      stream = session.request(headers, { endStream: bodiless, waitForTrailers: !bodiless, signal })
    } catch (err) {
      onClosed()
      this.fail(new UpstreamError('connect', 'the request cannot be sent over HTTP/2', { cause: err as Error }))
      return
    }
    this.#stream = stream
    stream.on('response', (_headers, flags, raw) => this.#onResponse(raw, flags))
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.on('trailers', (_trailers, _flags, raw) => (this.#trailers = raw))
    stream.on('end', () => this.#onEnd(stream))
    stream.on('error', (err) => (this.#cause = err))
    stream.on('close', () => {
      onClosed()
      this.#onClose(stream)
    })
    if (request.body === null) this.#startHeadTimer()
    else this.#sendBody(stream, request.body)
  }

  /** Hands the request over to an HTTP/1.1 connection. */
  moveTo(begin: (request: UpstreamRequest, handler: ExchangeHandler) => Exchange): void {
    this.#elsewhere = begin(this.request, this.handler)
  }

  resume(): void {
    if (this.#elsewhere !== null) this.#elsewhere.resume()
    else this.#stream?.resume()
  }

  abort(): void {
    if (this.#elsewhere !== null) {
      this.#elsewhere.abort()
      return
    }
    this.#settle()
    this.#cutter.abort()
  }

  fail(error: UpstreamError): void {
    if (this.#done) return
    this.#settle()
    this.#cutter.abort()
    this.handler.onError(error)
  }

  #settle(): void {
    this.#done = true
    this.#clearHeadTimer()
    this.#stopBody?.()
  }

  #onResponse(raw: readonly string[], flags: number): void {
    if (this.#done) return
    this.#clearHeadTimer()
    const { status, headers, length } = readHead(raw)
    this.#headSeen = true
    this.handler.onHead(status, headers, `HTTP/2.0 ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd())
    if ((flags & NGHTTP2_FLAG_END_STREAM) !== 0) this.#complete()
    else if (this.request.method !== 'HEAD') this.#expectedBytes = length
  }

  #onData(chunk: Buffer): void {
    if (this.#done) return
    this.#receivedBytes += chunk.length
    if (!this.handler.onData(chunk)) this.#stream?.pause()
  }

  #onEnd(stream: ClientHttp2Stream): void {
    // A stream that was reset or lost its connection ends as well.
    if (stream.rstCode !== undefined && stream.rstCode !== NGHTTP2_NO_ERROR) return
    if (this.#expectedBytes >= 0 && this.#receivedBytes < this.#expectedBytes) return
    this.#complete()
  }

  #complete(): void {
    if (this.#done) return
    const bodySent = this.#stopBody === null
    this.#settle()
    this.handler.onEnd(this.#trailers)
    // Nobody waits for the rest of the request any more.
    if (!bodySent) this.#cutter.abort()
  }

  #onClose(stream: ClientHttp2Stream): void {
    if (this.#done) return
    if (this.#mayRetry(stream)) {
      this.#retried = true
      this.#clearHeadTimer()
      this.#stream = null
      this.#owner.onRetryable(this)
      return
    }
    const message = `the upstream closed the stream (HTTP/2 code ${stream.rstCode ?? 'none'})`
    this.fail(new UpstreamError('reset', message, { cause: this.#cause }))
  }

  #mayRetry(stream: ClientHttp2Stream): boolean {
    if (this.#retried || this.#headSeen || this.request.body !== null) return false
    if (stream.rstCode === NGHTTP2_REFUSED_STREAM) return true
    return this.#reused && isReplayable(this.request) && stream.session?.destroyed !== false
  }

  #sendBody(stream: ClientHttp2Stream, body: NonNullable<UpstreamRequest['body']>): void {
    const onData = (chunk: Buffer): void => {
      if (stream.write(chunk)) return
      body.pause()
      stream.once('drain', () => body.resume())
    }
    const onEnd = (): void => {
      this.#stopBody?.()
      stream.end()
      this.#startHeadTimer()
    }
    const onError = (err: Error): void =>
      this.fail(new UpstreamError('body', 'the request body ended early', { cause: err }))
    this.#stopBody = () => {
      body.off('data', onData)
      body.off('end', onEnd)
      body.off('error', onError)
      this.#stopBody = null
    }
    stream.on('wantTrailers', () => {
      try {
        stream.sendTrailers(trailerFields(body))
      } catch (err) {
        this.fail(new UpstreamError('body', 'trailers that HTTP/2 cannot carry', { cause: err }))
      }
    })
    body.on('data', onData)
    body.on('end', onEnd)
    body.on('error', onError)
  }

  #startHeadTimer(): void {
    const { timeoutMs } = this.request
    if (timeoutMs === 0 || this.#done || this.#headSeen) return
    this.#headTimer = setTimeout(
      () => this.fail(new UpstreamError('timeout', 'timeout awaiting response headers')),
      timeoutMs,
    )
  }

  #clearHeadTimer(): void {
    if (this.#headTimer === null) return
    clearTimeout(this.#headTimer)
    this.#headTimer = null
  }
}

/** Pseudo headers first, names in lower case. `Host` becomes `:authority`. */
function requestHeaders(request: UpstreamRequest): string[] {
  const { target, method, path, headers, body, contentLength } = request
  const list = [':method', method, ':scheme', target.scheme, ':authority', headers[1] as string, ':path', path]
  for (let i = 2; i < headers.length; i += 2) list.push((headers[i] as string).toLowerCase(), headers[i + 1] as string)
  if (body === null ? announcesEmptyBody(method) : contentLength >= 0) {
    list.push('content-length', String(body === null ? 0 : contentLength))
  }
  return list
}

function readHead(raw: readonly string[]): { status: number; headers: string[]; length: number } {
  const headers: string[] = []
  let status = 0
  let length = -1
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    if (name === ':status') status = Number(value)
    else headers.push(name, value)
    if (name === 'content-length') length = Number(value)
  }
  return { status, headers, length }
}

function trailerFields(body: NonNullable<UpstreamRequest['body']>): Record<string, string[]> {
  const raw = trailersOf(body)
  // Names come from the client: `constructor` must not find one of its own.
  const trailers = Object.create(null) as Record<string, string[]>
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase()
    ;(trailers[name] ??= []).push(raw[i + 1] as string)
  }
  return trailers
}
