// Hot path.
import { trailersOf } from '../trailers.ts'
import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { holdWrites } from '../../event-loop/hold-writes.ts'
import type { Awaited } from '../../event-loop/stay-awake.ts'
import { copyOf, ReadMemory } from './read-memory.ts'
import { ResponseParser, type ParserSink } from './response-parser.ts'
import { SharedRead } from '../shared-read.ts'
import { writeChunk } from './write-chunk.ts'
import { announcesEmptyBody, isReplayable } from '../request-rules.ts'
import { UpstreamError, type ExchangeHandler, type UpstreamFailure, type UpstreamRequest } from '../transport.ts'

/** A body where there must be none follows soon; it would be taken for the answer to the next request. */
const LATE_BODY_MS = 20
const AUTHORIZATION = 'authorization'

/** What a connection tells its pool. */
export interface ConnectionOwner {
  readonly upstream: Awaited
  /** The exchange is over and the connection may carry another one. */
  onIdle(connection: Connection): void
  onClosed(connection: Connection): void
  /** The reused connection was dead before the upstream saw the request: it may be sent again on a fresh one. */
  onRetryable(request: UpstreamRequest, handler: ExchangeHandler, exchange: ExchangeState): void
}

/** The part of an exchange that survives a retry on another connection. */
export interface ExchangeState {
  connection: Connection | null
  aborted: boolean
}

/** One HTTP/1.1 connection to an upstream; one exchange at a time. */
export class Connection implements ParserSink {
  readonly socket: Socket
  readonly #owner: ConnectionOwner
  readonly #parser: ResponseParser
  #request: UpstreamRequest | null = null
  #handler: ExchangeHandler | null = null
  #exchange: ExchangeState | null = null
  #reused = false
  #bodySent = true
  #headSeen = false
  #headTimer: NodeJS.Timeout | null = null
  #stopBody: (() => void) | null = null
  #upgradeHeaders: string[] | null = null
  /** null: what is read lies in memory of its own, and not in the next read's. */
  readonly #shared: SharedRead | null
  /** Of the read that is being parsed. */
  #memory: ReadMemory | null = null
  closed = false
  readonly openedMs = performance.now()
  isIdle = false
  /** From when on it is not used again. */
  idleUntilMs = 0

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.socket = socket
    this.#owner = owner
    this.#parser = new ResponseParser(this)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    const shared = SharedRead.of(socket)
    this.#shared = shared
    if (shared === null) socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    else shared.onChunk = (chunk) => this.#onData(chunk)
    socket.on('end', () => this.#onSocketEnd())
    socket.on('error', (err) => this.#onSocketError(err))
    socket.on('close', () => this.#onSocketError(null))
  }

  send(request: UpstreamRequest, handler: ExchangeHandler, exchange: ExchangeState, reused: boolean): void {
    this.#request = request
    this.#handler = handler
    this.#exchange = exchange
    this.#reused = reused
    this.#headSeen = false
    exchange.connection = this
    holdWrites(this.socket, this.#owner.upstream)
    this.#parser.begin(request.method)
    this.#writeRequest(request)
  }

  resume(): void {
    this.socket.resume()
  }

  /** How long the upstream keeps it without a request, as it says itself. */
  get idleLimitMs(): number {
    return this.#parser.idleLimitMs
  }

  abort(): void {
    this.#release()
    this.#destroy()
  }

  #writeRequest(request: UpstreamRequest): void {
    const { body } = request
    let head: string
    try {
      head = requestHead(request)
    } catch (err) {
      this.#fail('malformed', 'the request cannot be sent', err as Error)
      return
    }
    if (body === null) {
      this.#bodySent = true
      this.socket.write(head, 'latin1')
      this.#startHeadTimer()
      return
    }
    this.#bodySent = false
    this.socket.write(head, 'latin1')
    this.#sendBody(request)
  }

  #sendBody(request: UpstreamRequest): void {
    const body = request.body as NonNullable<UpstreamRequest['body']>
    const chunked = request.contentLength < 0
    const { socket } = this
    // A body that a step has read may still be in its hands.
    const ownsMemory = body instanceof IncomingMessage
    let sentBytes = 0
    const onData = (chunk: Buffer): void => {
      if (chunk.length === 0) return
      sentBytes += chunk.length
      if (!chunked && sentBytes > request.contentLength) {
        // The upstream would take the rest for another request.
        this.#stopBody?.()
        this.#fail('body', 'the request body is longer than announced')
        return
      }
      const onWritten = ownsMemory ? ReadMemory.whole(chunk) : undefined
      const more = chunked ? writeChunk(socket, chunk, onWritten) : socket.write(chunk, onWritten)
      if (!more) {
        body.pause()
        socket.once('drain', () => body.resume())
      }
    }
    const onEnd = (): void => {
      this.#stopBody?.()
      if (!chunked && sentBytes !== request.contentLength) {
        // The upstream waits for the rest: whatever was sent next would be taken for it.
        this.#fail('body', 'the request body ended early')
        return
      }
      if (chunked) socket.write(lastChunk(body), 'latin1')
      this.#bodySent = true
      this.#startHeadTimer()
      this.#settleIdle()
    }
    const onError = (err: Error): void => {
      this.#stopBody?.()
      this.#fail('body', 'the request body ended early', err)
    }
    this.#stopBody = () => {
      body.off('data', onData)
      body.off('end', onEnd)
      body.off('error', onError)
      this.#stopBody = null
    }
    body.on('data', onData)
    body.on('end', onEnd)
    body.on('error', onError)
  }

  #startHeadTimer(): void {
    const timeoutMs = this.#request?.timeoutMs ?? 0
    if (timeoutMs === 0 || this.#headSeen) return
    this.#headTimer = setTimeout(() => this.#fail('timeout', 'timeout awaiting response headers'), timeoutMs)
  }

  #clearHeadTimer(): void {
    if (this.#headTimer === null) return
    clearTimeout(this.#headTimer)
    this.#headTimer = null
  }

  // From the parser.

  onHead(status: number, headers: string[], _minorVersion: number, statusLine: string): void {
    this.#headSeen = true
    this.#clearHeadTimer()
    if (status === 101 && this.#request?.upgrade === true) {
      this.#upgradeHeaders = headers
      return
    }
    if (status === 101) throw new Error('unexpected 101 Switching Protocols')
    this.#handler?.onHead(status, headers, statusLine)
  }

  onBody(chunk: Buffer, isLast: boolean): void {
    const handler = this.#handler
    if (handler === null) return
    const more =
      this.#shared !== null
        ? this.#passCopy(handler, chunk, isLast)
        : handler.onData(chunk, this.#memory?.add(), isLast)
    if (!more) this.socket.pause()
  }

  #passCopy(handler: ExchangeHandler, chunk: Buffer, isLast: boolean): boolean {
    const copy = copyOf(chunk)
    return handler.onData(copy, ReadMemory.whole(copy), isLast)
  }

  onComplete(trailers: string[]): void {
    // Kept until it has returned: when it throws, it is the one to be told.
    this.#handler?.onEnd(trailers)
    this.#handler = null
    this.#settleIdle()
  }

  // From the socket.

  #onData(chunk: Buffer): void {
    if (this.#request === null) {
      // Bytes on an idle connection answer nothing that was asked: the connection cannot be trusted any more.
      this.#destroy()
      return
    }
    if (this.#reused && !this.#hasLeft()) {
      // Nor do bytes that lay here before the request leaves: they would be taken for its answer.
      this.#onSocketError(null)
      return
    }
    const memory = this.#shared !== null ? null : ReadMemory.of(chunk)
    this.#memory = memory
    let rest: Buffer | null
    try {
      rest = this.#parser.push(chunk)
    } catch (err) {
      this.#fail('malformed', 'malformed HTTP response', err as Error)
      return
    }
    memory?.complete()
    if (this.#upgradeHeaders !== null) this.#handOver(rest)
    else if (rest !== null) this.#destroy()
  }

  #handOver(rest: Buffer | null): void {
    const headers = this.#upgradeHeaders as string[]
    const handler = this.#handler
    this.#upgradeHeaders = null
    this.#release()
    this.closed = true
    this.#owner.onClosed(this)
    this.socket.removeAllListeners('data')
    this.socket.removeAllListeners('end')
    this.socket.removeAllListeners('error')
    this.socket.removeAllListeners('close')
    this.socket.pause()
    handler?.onUpgrade(headers, this.socket, rest ?? Buffer.alloc(0))
  }

  #onSocketEnd(): void {
    let complete = false
    try {
      complete = this.#request !== null && this.#parser.started && this.#parser.finish()
    } catch (err) {
      this.#fail('malformed', 'malformed HTTP response', err as Error)
      return
    }
    if (!complete) this.#onSocketError(null)
  }

  #onSocketError(err: NodeJS.ErrnoException | null): void {
    if (this.#request === null || this.#handler === null) {
      this.#release()
      this.#destroy()
      return
    }
    if (this.#mayRetry()) {
      const { request, handler, exchange } = this.#takeExchange()
      this.#destroy()
      this.#owner.onRetryable(request, handler, exchange)
      return
    }
    this.#fail(failureOf(err), 'the upstream closed the connection', err ?? undefined)
  }

  #mayRetry(): boolean {
    const request = this.#request as UpstreamRequest
    if (!this.#reused || this.#parser.started || request.body !== null) return false
    return isReplayable(request) || !this.#hasLeft()
  }

  /** Writes are held until the end of the turn of the event loop, when all that lay here has been read. */
  #hasLeft(): boolean {
    return this.socket.writableCorked === 0
  }

  #takeExchange(): { request: UpstreamRequest; handler: ExchangeHandler; exchange: ExchangeState } {
    const taken = {
      request: this.#request as UpstreamRequest,
      handler: this.#handler as ExchangeHandler,
      exchange: this.#exchange as ExchangeState,
    }
    this.#release()
    return taken
  }

  #fail(failure: UpstreamFailure, message: string, cause?: Error): void {
    const handler = this.#handler
    this.#release()
    this.#destroy()
    handler?.onError(new UpstreamError(failure, message, { cause }))
  }

  /** Back to the pool once both directions are done; an upstream that answered before the body was sent is not reused. */
  #settleIdle(): void {
    if (this.#request === null || this.#handler !== null) return
    if (!this.#bodySent) {
      this.#release()
      this.#destroy()
      return
    }
    const { headers, upgrade } = this.#request
    // After a refused upgrade the two sides may differ about where the next request begins.
    const reusable = this.#parser.keepAlive && !upgrade && !logsInConnection(headers)
    this.#release()
    if (!reusable || this.closed) this.#destroy()
    else if (this.#parser.announcesAbsentBody) setTimeout(() => this.closed || this.#owner.onIdle(this), LATE_BODY_MS)
    else this.#owner.onIdle(this)
  }

  #release(): void {
    this.#clearHeadTimer()
    this.#stopBody?.()
    if (this.#exchange !== null) this.#exchange.connection = null
    this.#request = null
    this.#handler = null
    this.#exchange = null
  }

  #destroy(): void {
    if (this.closed) return
    this.closed = true
    if (this.#shared !== null) this.#shared.onChunk = null
    this.socket.destroy()
    this.#owner.onClosed(this)
  }
}

/**
 * With NTLM and Negotiate an upstream lets in the connection, not the request: whoever came next on it would be taken for the one
 * who has logged in.
 */
function logsInConnection(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length === AUTHORIZATION.length && name.toLowerCase() === AUTHORIZATION) {
      if (/^\s*(?:ntlm|negotiate)\b/i.test(headers[i + 1] as string)) return true
    }
  }
  return false
}

function requestHead(request: UpstreamRequest): string {
  const { headers } = request
  let head = `${request.method} ${request.path} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  if (request.body === null) {
    if (announcesEmptyBody(request.method)) head += 'Content-Length: 0\r\n'
  } else if (request.contentLength < 0) {
    head += 'Transfer-Encoding: chunked\r\n'
  } else {
    head += `Content-Length: ${request.contentLength}\r\n`
  }
  head += '\r\n'
  if (countLines(head) !== expectedLines(request)) throw new Error('a header of the request holds a line break')
  return head
}

/** A name or value with a line break in it would be a second header, or a second request. */
function countLines(head: string): number {
  let lines = 0
  for (let at = head.indexOf('\n'); at !== -1; at = head.indexOf('\n', at + 1)) lines++
  return lines
}

function expectedLines({ headers, body, method }: UpstreamRequest): number {
  const framing = body === null && !announcesEmptyBody(method) ? 0 : 1
  return 1 + headers.length / 2 + framing + 1
}

/** The end of a chunked body with the client's trailers. */
function lastChunk(body: NonNullable<UpstreamRequest['body']>): string {
  const raw = trailersOf(body)
  let text = '0\r\n'
  for (let i = 0; i < raw.length; i += 2) text += `${raw[i]}: ${raw[i + 1]}\r\n`
  return `${text}\r\n`
}

function failureOf(err: NodeJS.ErrnoException | null): UpstreamFailure {
  if (err?.code?.startsWith('ERR_TLS') === true || err?.code?.startsWith('ERR_SSL') === true) return 'tls'
  return 'reset'
}
