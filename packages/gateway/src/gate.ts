// Hot path.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Recorder } from './analytics/recorder.ts'
import type { CompiledApi } from './api-definition/compiled-api.ts'
import { RequestContext, type RequestTarget } from './chain/context.ts'
import { runChain } from './chain/runner.ts'
import type { Answer, Middleware } from './chain/types.ts'
import { plainAddress } from './client-ip.ts'
import { gatewayErrors } from './errors/catalogue.ts'
import { writeErrorAnswer, writeReply, writeWhole } from './errors/respond.ts'
import type { Log } from './log/log.ts'
import { escapePath, unescapePath } from './proxy/escape.ts'
import { clientIsGone, discardRest, type ForwardOptions } from './proxy/forward.ts'
import { requestedUpgrade } from './proxy/request-headers.ts'
import { withTrailersOf } from './proxy/trailers.ts'
import { forwardUpgrade, responseOnSocket } from './proxy/upgrade.ts'
import { emptyApiSet, type ApiSet } from './reload/api-set.ts'
import { cleanPath } from './router/clean-path.ts'
import type { Router } from './router/router.ts'

export interface GateOptions {
  readonly log: Log
  readonly recorder: Recorder
  readonly forwarding: ForwardOptions
  /** The lane for ordinary requests. */
  readonly forward: (ctx: RequestContext, options: ForwardOptions) => void
  readonly xffDepth: number
  readonly skipUrlCleaning: boolean
  /** Bytes; 0: no limit. */
  readonly maxRequestBodyBytes: number
  readonly track404: boolean
  readonly websockets: boolean
}

/** Takes every request that is not the control API's: routing, the chain, then the proxy. */
export class Gate {
  readonly #options: GateOptions
  readonly #port: number | null
  #apis: ApiSet
  #router: Router

  /** @param port - Where its listener is, for APIs with a port of their own; null: the main port. */
  constructor(apis: ApiSet, options: GateOptions, port: number | null = null) {
    this.#apis = apis
    this.#options = options
    this.#port = port
    this.#router = this.#routerOf(apis)
  }

  get apis(): ApiSet {
    return this.#apis
  }

  /** Swaps the snapshot. Requests in flight end on the one they began with. */
  replace(apis: ApiSet): void {
    this.#apis = apis
    this.#router = this.#routerOf(apis)
  }

  #routerOf(apis: ApiSet): Router {
    if (this.#port === null) return apis.router
    return apis.ports.get(this.#port)?.router ?? emptyApiSet().router
  }

  handle(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const routed = this.#route(request, response, expectsContinue)
    if (routed === null) return
    const { ctx, api } = routed
    runChain(chainFor(api, ctx), ctx, this.#proceed, this.#fail)
  }

  /** An upgrade that is to be passed on. Any other answer than 101 goes out in the ordinary way. */
  handleUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const response = responseOnSocket(request, socket)
    const routed = this.#route(request, response, false)
    if (routed === null) return
    const type = requestedUpgrade(request.headers.connection, request.headers.upgrade) ?? ''
    const proceed = (ctx: RequestContext, answer: Answer | undefined): void => {
      try {
        if (answer !== undefined) this.#answer(ctx, answer)
        else if (clientIsGone(ctx)) this.#answer(ctx, CLIENT_CLOSED)
        else forwardUpgrade(ctx, type, head, this.#options.forwarding)
      } catch (err) {
        this.#fail(ctx, err)
      }
    }
    runChain(chainFor(routed.api, routed.ctx), routed.ctx, proceed, this.#fail)
  }

  /** Whether Node should give us this request as an upgrade. */
  acceptsUpgrade(request: IncomingMessage): boolean {
    if (!this.#options.websockets || hasBody(request)) return false
    return requestedUpgrade(request.headers.connection, request.headers.upgrade) !== null
  }

  #route(
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): { ctx: RequestContext; api: CompiledApi } | null {
    const startedMs = performance.now()
    const { maxRequestBodyBytes, skipUrlCleaning, xffDepth } = this.#options
    const target = parseRequestTarget(request)
    if (target === null || hasSeveralHosts(request.rawHeaders)) {
      badRequest(response)
      return null
    }
    if (maxRequestBodyBytes > 0 && Number(request.headers['content-length'] ?? 0) > maxRequestBodyBytes) {
      tooLarge(request, response)
      return null
    }
    if (!skipUrlCleaning && redirectUnclean(response, target)) return null
    const match = this.#router.match(target.host, target.path)
    if (match.kind === 'none') {
      this.#notFound(request, response, target)
      return null
    }
    const peer = plainAddress(request.socket.remoteAddress)
    const ctx = new RequestContext(request, response, match.api, startedMs, target, peer, xffDepth, expectsContinue)
    return { ctx, api: match.api }
  }

  // Bound once: no closure per request.
  readonly #proceed = (ctx: RequestContext, answer: Answer | undefined): void => {
    try {
      if (answer !== undefined) this.#answer(ctx, answer)
      else if (clientIsGone(ctx)) this.#answer(ctx, CLIENT_CLOSED)
      else if (this.#options.maxRequestBodyBytes > 0 && ctx.request.headers['transfer-encoding'] !== undefined)
        void this.#forwardBounded(ctx)
      else this.#options.forward(ctx, this.#options.forwarding)
    } catch (err) {
      this.#fail(ctx, err)
    }
  }

  readonly #fail = (ctx: RequestContext, err: unknown): void => {
    const { forwarding, recorder } = this.#options
    // A request is also destroyed once its body was read to the end: only an error in it means that the client went away.
    if ((ctx.request.errored !== null || clientIsGone(ctx)) && !ctx.response.headersSent) {
      ctx.failure = gatewayErrors.clientClosed
      recorder.error(ctx, gatewayErrors.clientClosed.status)
      ctx.response.destroy()
      return
    }
    const fields = { err, api_id: ctx.api.apiId }
    forwarding.failures.write('error', `gate ${ctx.api.apiId}`, fields, 'A request failed inside the gateway')
    if (ctx.response.headersSent) ctx.response.destroy()
    else this.#answer(ctx, { kind: 'error', error: gatewayErrors.internal })
  }

  #answer(ctx: RequestContext, answer: Answer): void {
    // Also when the client is gone: its request has a record all the same.
    if (answer.kind === 'reply') {
      writeReply(ctx, answer)
    } else {
      ctx.failure = answer.error
      this.#options.recorder.begin(ctx)
      const status = writeErrorAnswer(ctx, answer.error, this.#options.forwarding.errors, answer.headers)
      this.#options.recorder.error(ctx, status)
    }
    discardRest(ctx)
  }

  /** A chunked body says its length only at its end: it is read up to the limit before anything goes upstream. */
  async #forwardBounded(ctx: RequestContext): Promise<void> {
    if (ctx.expectsContinue) ctx.response.writeContinue()
    const chunks: Buffer[] = []
    let size = 0
    try {
      // Leaving the loop must not end the connection: the answer still has to go out on it.
      for await (const chunk of (ctx.body ?? ctx.request).iterator({ destroyOnReturn: false })) {
        chunks.push(chunk as Buffer)
        size += (chunk as Buffer).length
        if (size <= this.#options.maxRequestBodyBytes) continue
        tooLarge(ctx.request, ctx.response)
        return
      }
      ctx.body = withTrailersOf(ctx.request, Readable.from(chunks, { objectMode: false }))
      this.#options.forward(ctx, this.#options.forwarding)
    } catch (err) {
      this.#fail(ctx, err)
    }
  }

  #notFound(request: IncomingMessage, response: ServerResponse, target: RequestTarget): void {
    if (this.#options.track404) {
      const line = `${request.method} ${target.rawPath} HTTP/${request.httpVersion}`
      const { remoteAddress, remotePort } = request.socket
      this.#options.log.error(
        { request: line, origin: `${plainAddress(remoteAddress)}:${remotePort}`, host: target.host },
        'Not Found',
      )
    }
    request.resume()
    writeWhole(response, 404, ['Content-Type', 'text/plain; charset=utf-8'], 'Not Found')
  }
}

const CLIENT_CLOSED: Answer = { kind: 'error', error: gatewayErrors.clientClosed }

const chainFor = (api: CompiledApi, ctx: RequestContext): readonly Middleware[] =>
  api.optionsChain !== null && ctx.method === 'OPTIONS' ? api.optionsChain : api.chain

/** What a host with its port consists of (RFC 3986, section 3.2.2); without the `@` of user information. */
const HOST = /^[\w.\-~!$&'()*+,;=:%[\]]*$/

/**
 * Takes the request target apart: origin form, or absolute form, whose host then counts. null when the path holds a bad
 * percent escape, the host a character that none may have, or the target a fragment.
 */
export function parseRequestTarget(request: IncomingMessage): RequestTarget | null {
  let url = request.url ?? '/'
  let host = request.headers.host ?? ''
  // A fragment is not for servers to see: each would end the target at another place.
  if (url.includes('#')) return null
  if (url.charCodeAt(0) !== 0x2f && url !== '*') {
    const absolute = /^https?:\/\/([^/?]+)(.*)/i.exec(url)
    if (absolute === null) return null
    host = absolute[1] as string
    url = absolute[2] as string
    if (url.charCodeAt(0) !== 0x2f) url = `/${url}`
  }
  if (!HOST.test(host)) return null
  const question = url.indexOf('?')
  const rawPath = question === -1 ? url : url.slice(0, question)
  const path = unescapePath(rawPath)
  if (path === null) return null
  const query = question === -1 ? '' : url.slice(question + 1)
  return { rawPath, path, query, bareQuestionMark: question !== -1 && query === '', host }
}

/** An upgrade with a body is proxied as an ordinary request: where its body ends, the other protocol could not begin. */
const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0

/** Two Host lines name two places: which one an upstream would believe is not ours to guess. */
function hasSeveralHosts(raw: readonly string[]): boolean {
  let hosts = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts > 1
}

function redirectUnclean(response: ServerResponse, target: RequestTarget): boolean {
  if (target.path === '*') return false
  const cleaned = cleanPath(target.path)
  if (cleaned === target.path) return false
  const location = escapePath(cleaned) + (target.query === '' ? '' : `?${target.query}`)
  writeWhole(response, 301, ['Location', location], '')
  return true
}

function badRequest(response: ServerResponse): void {
  response.shouldKeepAlive = false
  writeWhole(response, 400, ['Content-Type', 'text/plain; charset=utf-8', 'Connection', 'close'], '400 Bad Request')
}

/** A rest of up to this many bytes is read and thrown away, which is cheaper than a new connection. */
const DISCARDED_REST_BYTES = 256 * 1024

function tooLarge(request: IncomingMessage, response: ServerResponse): void {
  const headers = ['Content-Type', 'text/plain; charset=utf-8', 'X-Content-Type-Options', 'nosniff']
  const length = request.headers['content-length']
  if (length === undefined || Number(length) > DISCARDED_REST_BYTES) {
    response.shouldKeepAlive = false
    headers.push('Connection', 'close')
  }
  request.resume()
  writeWhole(response, 413, headers, 'Request Entity Too Large\n')
}
