// Hot path.
import type { Readable } from 'node:stream'
import type { Recorder } from '../analytics/recorder.ts'
import type { RequestContext } from '../chain/context.ts'
import { canonicalHeaderName, HeaderList } from '../chain/headers.ts'
import { gatewayErrors, type ErrorRow } from '../errors/catalogue.ts'
import { writeErrorAnswer, writeHead, type ErrorAnswerOptions } from '../errors/respond.ts'
import type { RepeatedLog } from '../log/repeated.ts'
import { markLasting } from './lasting.ts'
import { endWhole } from './end-whole.ts'
import { writePlainHead } from './plain-head.ts'
import { upstreamHeaders } from './request-headers.ts'
import { clientHeaders } from './response-headers.ts'
import { sniffContentType } from './sniff-content-type.ts'
import { passableTrailers } from './trailers.ts'
import { UpstreamError, type Exchange, type ExchangeHandler, type UpstreamRequest } from './transport.ts'
import { pathAsRewritten, upstreamPath } from './upstream-url.ts'

export interface ForwardOptions {
  /** Failures may come with every request: each kind is logged once per interval, with its count. */
  readonly failures: RepeatedLog
  readonly recorder: Recorder
  readonly errors: ErrorAnswerOptions
  readonly userAgent: string
  /** Dial and header wait, in milliseconds. */
  readonly timeoutMs: number
  readonly closeConnections: boolean
  /** The X-Ratelimit trio of a proxied answer; null: no such headers. */
  rateLimitHeaders(ctx: RequestContext): readonly [limit: number, remaining: number, reset: number] | null
}

/** The request as it goes upstream: path, headers and body of the context after the chain. */
export function buildUpstreamRequest(
  ctx: RequestContext,
  options: ForwardOptions,
  upgrade: string | null,
): UpstreamRequest {
  const { api, request } = ctx
  const { upstream } = ctx
  const { rawPath, path, query } = ctx.rewrite ?? ctx
  const elsewhere = ctx.rewrite?.target ?? null
  const target = elsewhere ?? upstream.target
  const url =
    elsewhere === null ? upstreamPath(upstream, rawPath, path, query) : pathAsRewritten(upstream, rawPath, path, query)
  ctx.upstreamPath = url.path
  const bare = ctx.bareQuestionMark && ctx.rewrite === null && !url.target.includes('?')
  const contentLength = bodyLength(ctx)
  const upstreamRequest: UpstreamRequest = {
    target,
    method: ctx.upstreamMethod ?? ctx.method,
    path: bare ? `${url.target}?` : url.target,
    headers: upstreamHeaders(ctx, {
      host: api.definition.proxy.preserve_host_header ? ctx.host : target.authority,
      userAgent: options.userAgent,
      omitForwardedFor: ctx.omitForwardedFor,
      upgrade,
    }),
    body: contentLength === 0 ? null : (ctx.body ?? request),
    contentLength,
    timeoutMs: options.timeoutMs,
    upgrade: upgrade !== null,
  }
  options.recorder.begin(ctx)
  ctx.messages?.onSend(upstreamRequest)
  return upstreamRequest
}

/** -1: chunked, of unknown length. */
function bodyLength(ctx: RequestContext): number {
  const { headers } = ctx.request
  if (headers['transfer-encoding'] !== undefined) return -1
  const length = headers['content-length']
  return length === undefined ? 0 : Number(length)
}

/** Sends a request upstream and its answer to the client, streaming both ways; leaves one record. */
export function forward(ctx: RequestContext, options: ForwardOptions): void {
  const request = buildUpstreamRequest(ctx, options, null)
  const copy = new ResponseCopy(ctx, options)
  // A step that has read the body has asked for it already.
  if (ctx.expectsContinue && request.body === ctx.request) ctx.response.writeContinue()
  copy.start(ctx.api.transport.exchange(request, copy))
}

/** What a client of an event stream is told when the upstream breaks off. */
const BROKEN_STREAM_EVENT = 'event: error\ndata: upstream connection terminated unexpectedly\n\n'

/** Copies one upstream answer to the client. */
export class ResponseCopy implements ExchangeHandler {
  readonly #ctx: RequestContext
  readonly #options: ForwardOptions
  readonly #sentMs = performance.now()
  #exchange: Exchange | null = null
  #status = 0
  /** Headers held back until the first bytes show the media type. */
  #held: string[] | null = null
  /** Ends the exchange when its time is over; null: no limit. */
  #deadline: NodeJS.Timeout | null = null
  /** An event stream to which text can be appended. */
  #takesErrorEvent = false
  /** Bytes of the body as announced; -1: not announced. */
  #lengthBytes = -1
  /** The body, when it came in one piece. */
  #whole: Buffer | null = null
  #waitsForDrain = false
  #done = false

  constructor(ctx: RequestContext, options: ForwardOptions) {
    this.#ctx = ctx
    this.#options = options
  }

  start(exchange: Exchange): void {
    this.#exchange = exchange
    const { response } = this.#ctx
    response.on('close', () => this.#onClientGone())
    // A write after the client went away reports here; 'close' has said it already.
    response.on('error', ignore)
    const limitMs = this.#ctx.api.exchangeTimeoutMs?.(this.#ctx) ?? 0
    if (limitMs > 0 && !this.#done) this.#deadline = setTimeout(() => this.#onDeadline(), limitMs).unref()
  }

  /** The answer is somebody else's, or over. */
  protected finish(): void {
    this.#done = true
    if (this.#deadline !== null) clearTimeout(this.#deadline)
  }

  onHead(status: number, raw: string[], statusLine: string): void {
    // Transports call from the callbacks of a socket, where an exception would end the process.
    try {
      this.#begin(status, raw, statusLine)
    } catch (err) {
      this.#giveUp(err)
    }
  }

  #begin(status: number, raw: string[], statusLine: string): void {
    const { closeConnections, rateLimitHeaders } = this.#options
    const ctx = this.#ctx
    ctx.upstreamMs = performance.now() - this.#sentMs
    this.#status = status
    const { responseChain } = ctx.api
    const hasSteps = responseChain.length > 0
    const changed = hasSteps ? changedHeaders(ctx, raw) : raw
    const hasBody = mayHaveBody(ctx.method, status)
    const mayTrail = hasBody && (ctx.request.httpVersionMinor > 0 || ctx.request.httpVersionMajor > 1)
    const headers = clientHeaders(ctx, changed, hasSteps, mayTrail, rateLimitHeaders(ctx), closeConnections)
    if (ctx.messages !== null && !headers.eventStream) {
      ctx.messages.onHead(status, statusLine, raw, headers.pairs.slice(ctx.answerHeaders.length))
    }
    this.#lengthBytes = headers.contentLength
    if (headers.eventStream || headers.grpc) markLasting(ctx.response)
    this.#takesErrorEvent = headers.eventStream && !headers.hasContentEncoding && headers.contentLength === -1
    if (headers.hasContentType || headers.hasContentEncoding || !hasBody) {
      this.#writeHead(headers.pairs)
      if (headers.eventStream) ctx.response.flushHeaders()
    } else {
      this.#held = headers.pairs
    }
  }

  onData(chunk: Buffer, onWritten?: (err?: Error | null) => void, isLast = false): boolean {
    this.#sniff(chunk)
    if (this.#done) return true
    this.#ctx.messages?.onData(chunk)
    if (isLast && chunk.length === this.#lengthBytes && onWritten === undefined) {
      this.#whole = chunk
      return true
    }
    const { request, response } = this.#ctx
    // Over HTTP/2 a chunk counts as written when the stream has taken it, which is before it was sent.
    const more = request.httpVersionMajor === 1 ? response.write(chunk, onWritten) : response.write(chunk)
    if (!more) this.#resumeWhenDrained()
    return more
  }

  #resumeWhenDrained(): void {
    if (this.#waitsForDrain) return
    this.#waitsForDrain = true
    this.#ctx.response.on('drain', () => this.#exchange?.resume())
  }

  onEnd(raw: string[]): void {
    const { response } = this.#ctx
    const trailers = passableTrailers(raw)
    this.#sniff(null)
    try {
      if (trailers.length > 0) response.addTrailers(toPairs(trailers))
    } catch (err) {
      this.#giveUp(err)
    }
    if (this.#done) return
    this.finish()
    if (this.#whole === null) response.end()
    else endWhole(response, this.#whole)
    this.#options.recorder.success(this.#ctx, this.#status)
    // An upstream may answer before it has read the body, which nobody reads then.
    discardRest(this.#ctx)
  }

  onUpgrade(): void {
    throw new Error('an upgrade was not asked for')
  }

  onError(error: UpstreamError): void {
    if (this.#done) return
    this.finish()
    const ctx = this.#ctx
    const { failures, recorder, errors } = this.#options
    const { apiId } = ctx.api
    const fields = { err: error, api_id: apiId, failure: error.failure }
    failures.write('error', `${apiId} ${error.failure}`, fields, 'http: proxy error')
    ctx.failure = error
    if (this.#takesErrorEvent && error.failure !== 'deadline') {
      ctx.response.end(BROKEN_STREAM_EVENT)
      recorder.success(ctx, this.#status)
      return
    }
    if (ctx.response.headersSent) {
      // The client has part of the answer: cutting the connection is the only way to say that it is not whole.
      recorder.success(ctx, this.#status)
      ctx.response.destroy()
      return
    }
    const status = writeErrorAnswer(ctx, failureRow(error), errors)
    recorder.error(ctx, status)
    discardRest(ctx)
  }

  #onDeadline(): void {
    this.#exchange?.abort()
    this.onError(new UpstreamError('deadline', 'the time for the whole exchange is over'))
  }

  #sniff(chunk: Buffer | null): void {
    const held = this.#held
    if (held === null) return
    this.#held = null
    if (chunk !== null) held.push('Content-Type', sniffContentType(chunk))
    try {
      this.#writeHead(held)
    } catch (err) {
      this.#giveUp(err)
    }
  }

  /** The answer holds something that cannot be said to a client: a status of two digits, say. */
  #giveUp(err: unknown): void {
    this.#exchange?.abort()
    this.onError(new UpstreamError('malformed', 'the answer cannot be passed on', { cause: err }))
  }

  #writeHead(pairs: string[]): void {
    const { api, response, answerHeaders } = this.#ctx
    // What steps say may hold anything.
    if (api.responseChain.length > 0 || answerHeaders.length > 0) writeHead(response, this.#status, pairs)
    else writePlainHead(response, this.#status, pairs, this.#lengthBytes)
  }

  #onClientGone(): void {
    if (this.#done) return
    this.finish()
    this.#exchange?.abort()
    const { recorder, errors } = this.#options
    const ctx = this.#ctx
    ctx.failure = gatewayErrors.clientClosed
    // Nobody reads this answer any more, but the record has it.
    if (this.#status === 0) recorder.error(ctx, writeErrorAnswer(ctx, gatewayErrors.clientClosed, errors))
    else recorder.success(ctx, this.#status)
  }
}

/** What the upstream sent, after the API's response steps. */
function changedHeaders(ctx: RequestContext, raw: readonly string[]): string[] {
  const headers = new HeaderList(raw.map((text, i) => (i % 2 === 0 ? canonicalHeaderName(text) : text)))
  for (const step of ctx.api.responseChain) step(ctx, headers)
  return headers.pairs
}

const mayHaveBody = (method: string, status: number): boolean => method !== 'HEAD' && status !== 204 && status !== 304

function toPairs(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) pairs.push([canonicalHeaderName(flat[i] as string), flat[i + 1] as string])
  return pairs
}

export function failureRow(error: UpstreamError): ErrorRow {
  switch (error.failure) {
    case 'timeout':
    case 'deadline':
      return gatewayErrors.upstreamTimeout
    case 'lookup':
      return gatewayErrors.upstreamLookupFailed
    case 'body':
      return gatewayErrors.bodyUnreadable
    case 'connect':
    case 'dial-timeout':
    case 'reset':
    case 'malformed':
    case 'tls':
      return gatewayErrors.upstreamFailed
  }
}

/** Whether the client went away while a step was waiting for something. */
export const clientIsGone = ({ request, response }: RequestContext): boolean =>
  response.destroyed || request.socket.destroyed

/** Reads what is left of a request body that nobody wants, so that the connection can carry the next request. */
export function discardRest(ctx: RequestContext): void {
  const body: Readable = ctx.body ?? ctx.request
  if (!body.readableEnded && !body.destroyed) body.resume()
}

const ignore = (): void => {}
