// Hot path.
import { Readable } from 'node:stream'
import httpProxy from '@fastify/http-proxy'
import Fastify, { type FastifyReply } from 'fastify'
import type { RequestContext } from '../../chain/context.ts'
import { buildUpstreamRequest, ResponseCopy, type ForwardOptions } from '../forward.ts'
import type { Exchange, ExchangeHandler, UpstreamError, UpstreamRequest } from '../transport.ts'

/**
 * The lane through `@fastify/http-proxy`: every request passes a Fastify route and the plug-in's hooks before it goes
 * upstream. What the client and the upstream see is the same as on the direct lane, because both send what
 * `buildUpstreamRequest` made and answer through `ResponseCopy`.
 */
export interface HttpProxyLane {
  forward(ctx: RequestContext, options: ForwardOptions): void
  close(): Promise<void>
}

/**
 * Where a request carries its job, and where the plug-in carries it on: symbols survive its copies of the header object. Not
 * in a WeakMap: what a table of an old generation points to lives until the next major collection, and the lane answered a third
 * fewer requests with 100 MB more (Node 24, scenario keyless-analytics of bench/).
 */
const JOB = Symbol('job')

interface Job {
  readonly ctx: RequestContext
  readonly request: UpstreamRequest
  readonly copy: ResponseCopy
}

/** Fastify would throw for 777. The status that the client gets is set by `ResponseCopy`. */
const PLACEHOLDER_STATUS = 200

type Carrier = Record<string | symbol, unknown>

interface Carrying {
  [JOB]?: Job
}

const jobOf = (carrier: object): Job | undefined => (carrier as Carrying)[JOB]

const METHODS = ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT', 'OPTIONS'] as const

export async function createHttpProxyLane(): Promise<HttpProxyLane> {
  const fastify = Fastify({ logger: false, bodyLimit: Number.MAX_SAFE_INTEGER, exposeHeadRoutes: false })
  // Fastify would read text bodies itself, and nothing would be left to send.
  fastify.removeAllContentTypeParsers()
  await fastify.register(httpProxy, {
    upstream: 'http://upstream.invalid',
    httpMethods: [...METHODS],
    disableRequestLogging: true,
    // The client that the plug-in sends with: ours, so that pools, limits and failures are those of the API.
    undici: { request: sendThroughTransport } as never,
    replyOptions: {
      // What may be sent again is decided by the transport; an upstream's 503 is an answer like any other.
      retryDelay: () => null,
      rewriteRequestHeaders: (request, headers) => {
        const carrier = headers as Carrier
        carrier[JOB] = jobOf(request.raw)
        return headers
      },
      onResponse: (request, reply, response) => {
        copyResponse(jobOf(request.raw) as Job, reply as FastifyReply, response as unknown as UpstreamResponse)
      },
      onError: (reply, { error }) => {
        reply.hijack()
        jobOf(reply.request.raw)?.copy.onError(error.cause as UpstreamError)
      },
    },
  })
  await fastify.ready()
  const supported = new Set<string>(METHODS)
  return {
    forward(ctx, options) {
      const request = buildUpstreamRequest(ctx, options, null)
      const copy = new ResponseCopy(ctx, options)
      if (ctx.expectsContinue && request.body === ctx.request) ctx.response.writeContinue()
      // Fastify runs in its HTTP/1.1 mode here.
      if (!supported.has(ctx.method) || ctx.request.httpVersionMajor > 1) {
        copy.start(ctx.api.transport.exchange(request, copy))
        return
      }
      ;(ctx.request as Carrying)[JOB] = { ctx, request, copy }
      // The route is chosen already, and Fastify would trip over targets and media types that are legal for us.
      ctx.request.url = '/'
      ctx.request.headers['content-type'] = undefined
      fastify.routing(ctx.request, ctx.response)
    },
    close: () => fastify.close(),
  }
}

interface UpstreamResponse {
  readonly stream: TransportBody
}

type SendCallback = (
  err: Error | null,
  response?: { statusCode: number; headers: Carrier; body: TransportBody },
) => void

/** What the plug-in calls in place of an undici pool. */
function sendThroughTransport(options: { headers: Carrier }, callback: SendCallback): void {
  const job = jobOf(options.headers) as Job
  const body = new TransportBody(callback)
  const exchange = job.ctx.api.transport.exchange(job.request, body)
  body.attach(exchange)
  job.copy.start({ resume: () => body.resume(), abort: () => exchange.abort() })
}

/** An upstream answer as a stream, from the transport's callbacks. */
class TransportBody extends Readable implements ExchangeHandler {
  readonly #callback: SendCallback
  #exchange: Exchange | null = null
  #answered = false
  status = 0
  statusLine = ''
  rawHeaders: string[] = []
  trailers: string[] = []

  constructor(callback: SendCallback) {
    super()
    this.#callback = callback
  }

  attach(exchange: Exchange): void {
    this.#exchange = exchange
  }

  override _read(): void {
    this.#exchange?.resume()
  }

  onHead(status: number, headers: string[], statusLine: string): void {
    this.#answered = true
    this.status = status
    this.statusLine = statusLine
    this.rawHeaders = headers
    this.#callback(null, { statusCode: PLACEHOLDER_STATUS, headers: {}, body: this })
  }

  onData(chunk: Buffer): boolean {
    return this.push(chunk)
  }

  onEnd(trailers: string[]): void {
    this.trailers = trailers
    this.push(null)
  }

  onUpgrade(): void {
    throw new Error('an upgrade was not asked for')
  }

  onError(error: UpstreamError): void {
    if (this.#answered) this.destroy(error)
    else this.#callback(error)
  }
}

function copyResponse({ copy }: Job, reply: FastifyReply, { stream }: UpstreamResponse): void {
  reply.hijack()
  copy.onHead(stream.status, stream.rawHeaders, stream.statusLine)
  stream.on('data', (chunk: Buffer) => {
    if (!copy.onData(chunk)) stream.pause()
  })
  stream.on('end', () => copy.onEnd(stream.trailers))
  stream.on('error', (err) => copy.onError(err as UpstreamError))
}
