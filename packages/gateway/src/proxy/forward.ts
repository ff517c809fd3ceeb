// Hot path.
import type { Readable } from 'node:stream'
import type { Recorder } from '../analytics/recorder.ts'
import type { RequestContext } from '../chain/context.ts'
import { canonicalHeaderName } from '../chain/headers.ts'
import { gatewayErrors, type ErrorRow } from '../errors/catalogue.ts'
import { writeErrorAnswer, writeHead, type ErrorAnswerOptions } from '../errors/respond.ts'
import type { Log } from '../log/log.ts'
import { upstreamHeaders } from './request-headers.ts'
import { clientHeaders } from './response-headers.ts'
import { sniffContentType } from './sniff-content-type.ts'
import type { Exchange, ExchangeHandler, UpstreamError, UpstreamRequest } from './transport.ts'
import { upstreamPath } from './upstream-url.ts'

export interface ForwardOptions {
  readonly log: Log
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
  const { target } = api.upstream
  const url = upstreamPath(api.upstream, ctx.rawPath, ctx.path, ctx.query)
  ctx.upstreamPath = url.path
  const bare = ctx.bareQuestionMark && !url.target.includes('?')
  const contentLength = bodyLength(ctx)
  return {
    target,
    method: ctx.method,
    path: bare ? `${url.target}?` : url.target,
    headers: upstreamHeaders(ctx, {
      host: api.definition.proxy.preserve_host_header ? ctx.host : target.authority,
      userAgent: options.userAgent,
      omitForwardedFor: api.omitForwardedFor,
      upgrade,
    }),
    body: contentLength === 0 ? null : (ctx.body ?? request),
    contentLength,
    timeoutMs: options.timeoutMs,
    upgrade: upgrade !== null,
  }
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
  if (ctx.expectsContinue && request.body !== null) ctx.response.writeContinue()
  copy.start(ctx.api.transport.exchange(request, copy))
}

/** Copies one upstream answer to the client. */
export class ResponseCopy implements ExchangeHandler {
  readonly #ctx: RequestContext
  readonly #options: ForwardOptions
  readonly #sentMs = performance.now()
  #exchange: Exchange | null = null
  #status = 0
  /** Headers held back until the first bytes show the media type. */
  #held: string[] | null = null
  #done = false

  constructor(ctx: RequestContext, options: ForwardOptions) {
    this.#ctx = ctx
    this.#options = options
  }

  start(exchange: Exchange): void {
    this.#exchange = exchange
    const { response } = this.#ctx
    response.on('close', () => this.#onClientGone())
    response.on('drain', () => exchange.resume())
    // A write after the client went away reports here; 'close' has said it already.
    response.on('error', () => {})
  }

  /** The answer is somebody else's from here on. */
  protected finish(): void {
    this.#done = true
  }

  onHead(status: number, raw: string[]): void {
    const { closeConnections, rateLimitHeaders } = this.#options
    const ctx = this.#ctx
    ctx.upstreamMs = performance.now() - this.#sentMs
    this.#status = status
    const headers = clientHeaders(ctx, raw, rateLimitHeaders(ctx), closeConnections)
    if (headers.hasContentType || headers.hasContentEncoding || !mayHaveBody(ctx.method, status)) {
      this.#writeHead(headers.pairs)
      if (headers.eventStream) ctx.response.flushHeaders()
    } else {
      this.#held = headers.pairs
    }
  }

  onData(chunk: Buffer): boolean {
    this.#sniff(chunk)
    return this.#ctx.response.write(chunk)
  }

  onEnd(trailers: string[]): void {
    const { response } = this.#ctx
    this.#sniff(null)
    if (trailers.length > 0) response.addTrailers(toPairs(trailers))
    this.#done = true
    response.end()
    this.#options.recorder.success(this.#ctx, this.#status)
  }

  onUpgrade(): void {
    throw new Error('an upgrade was not asked for')
  }

  onError(error: UpstreamError): void {
    if (this.#done) return
    this.#done = true
    const ctx = this.#ctx
    const { log, recorder, errors } = this.#options
    log.error({ err: error, api_id: ctx.api.apiId, failure: error.failure }, 'http: proxy error')
    if (this.#status !== 0) {
      // The client has part of the answer: cutting the connection is the only way to say that it is not whole.
      recorder.success(ctx, this.#status)
      ctx.response.destroy()
      return
    }
    const status = writeErrorAnswer(ctx, failureRow(error), errors)
    recorder.error(ctx, status)
    discardRest(ctx)
  }

  #sniff(chunk: Buffer | null): void {
    const held = this.#held
    if (held === null) return
    this.#held = null
    if (chunk !== null) held.push('Content-Type', sniffContentType(chunk))
    this.#writeHead(held)
  }

  #writeHead(pairs: string[]): void {
    writeHead(this.#ctx.response, this.#status, pairs)
  }

  #onClientGone(): void {
    if (this.#done) return
    this.#done = true
    this.#exchange?.abort()
    const { recorder } = this.#options
    if (this.#status === 0) recorder.error(this.#ctx, gatewayErrors.clientClosed.status)
    else recorder.success(this.#ctx, this.#status)
  }
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
      return gatewayErrors.upstreamTimeout
    case 'lookup':
      return gatewayErrors.upstreamLookupFailed
    case 'body':
      return gatewayErrors.bodyUnreadable
    case 'connect':
    case 'reset':
    case 'malformed':
    case 'tls':
      return gatewayErrors.upstreamFailed
  }
}

/** Reads what is left of a request body that nobody wants, so that the connection can carry the next request. */
export function discardRest(ctx: RequestContext): void {
  const body: Readable = ctx.request
  if (!body.readableEnded && !body.destroyed) body.resume()
}
