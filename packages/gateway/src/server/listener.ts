// Hot path.
import http, { type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import Fastify, { type FastifyInstance } from 'fastify'
import type { GatewayConfig } from '../config/schema.ts'
import type { Gate } from '../gate.ts'
import type { Log } from '../log/log.ts'
import { isLasting } from '../proxy/lasting.ts'
import type { ServerCertificates } from './certificates.ts'
import { createHttp2Sessions, type Http2Sessions } from './http2/sessions.ts'
import { MAX_HEADER_BYTES, readTimeoutMs, writeTimeoutMs } from './limits.ts'
import { answerMalformed } from './malformed.ts'
import { awaitPreface } from './preface.ts'

export interface ListenerOptions {
  readonly config: GatewayConfig
  readonly log: Log
  /** null: a listener for the control API alone. */
  readonly gate: Gate | null
  /** Registers the routes that Fastify serves on this listener; null: none, every request is the gate's. */
  readonly routes: ((fastify: FastifyInstance) => void) | null
  /** null: without TLS. */
  readonly certificates: ServerCertificates | null
}

/** One port: Fastify owns the server; requests for APIs are taken before its router and parsers. */
export interface Listener {
  listen(port: number, address: string): Promise<void>
  /** Takes no more connections; resolves when the last request is answered or the deadline has passed. */
  close(deadlineMs: number): Promise<void>
}

export async function createListener(options: ListenerOptions): Promise<Listener> {
  const { gate } = options
  let front: Front | null = null
  const fastify = Fastify({
    logger: false,
    routerOptions: { ignoreTrailingSlash: true },
    exposeHeadRoutes: false,
    forceCloseConnections: false,
    serverFactory: (handler) => {
      front = createFront(options, handler)
      return front.server
    },
  })
  if (options.routes === null) fastify.setNotFoundHandler((_, reply) => reply.code(404).send())
  else options.routes(fastify)
  await fastify.ready()
  const open = front as unknown as Front
  if (gate !== null) {
    open.server.on('upgrade', (request, socket: Socket, head) => {
      open.upgraded.add(socket)
      socket.once('close', () => open.upgraded.delete(socket))
      gate.handleUpgrade(request, socket, head)
    })
  }
  return {
    async listen(port, address) {
      if (address === '') await listenEverywhere(fastify, port)
      else await fastify.listen({ port, host: address })
    },
    close: (deadlineMs) => drain(fastify, open, deadlineMs),
  }
}

/** On every address of the machine, IPv6 and IPv4, or IPv4 alone where the other is switched off. */
async function listenEverywhere(fastify: FastifyInstance, port: number): Promise<void> {
  try {
    await fastify.listen({ port, host: '::', ipv6Only: false })
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw err
    await fastify.listen({ port, host: '0.0.0.0' })
  }
}

/** What stands behind one port. */
interface Front {
  readonly server: Server
  readonly http2: Http2Sessions
  /** Connections that speak another protocol now; the server no longer looks after them. */
  readonly upgraded: Set<Socket>
  /** Connections that have not sent anything yet. */
  readonly undecided: Set<Socket>
}

function createFront(options: ListenerOptions, fastify: RequestListener): Front {
  const { config, gate, certificates } = options
  const isForFastify = routeChooser(options)
  const answering = new WeakMap<Socket, ServerResponse>()
  const limitMs = writeTimeoutMs(config)
  const handle = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    limitWriting(response, limitMs)
    gate?.handle(request, response, expectsContinue)
  }
  const limited: RequestListener = (request, response) => {
    limitWriting(response, limitMs)
    fastify(request, response)
  }
  const listener =
    (expectsContinue: boolean): RequestListener =>
    (request, response) => {
      const { socket } = request
      if (config.close_connections) response.shouldKeepAlive = false
      answering.set(socket, response)
      response.once('close', () => answering.delete(socket))
      if (isForFastify(request.url ?? '')) {
        if (expectsContinue) response.writeContinue()
        limited(request, response)
      } else {
        handle(request, response, expectsContinue)
      }
    }
  const server = createHttp1Server(options, listener(false), (url) => !isForFastify(url))
  server.on('checkContinue', listener(true))
  // The expectation is the upstream's to judge; ours is to pass the request on.
  server.on('checkExpectation', listener(false))
  server.on('clientError', (err, socket) => answerMalformed(err, socket as Socket, answering.get(socket as Socket)))
  server.maxRequestsPerSocket = 0
  const http2 = createHttp2Sessions({
    readTimeoutMs: readTimeoutMs(config),
    closeConnections: config.close_connections,
    fastify: options.routes === null && gate !== null ? null : { accepts: isForFastify, handle: limited },
    handle: (request, response, expectsContinue) => handle(request as never, response as never, expectsContinue),
  })
  const undecided = new Set<Socket>()
  if (certificates === null) splitByPreface(server, http2, undecided, readTimeoutMs(config))
  else splitByAlpn(server, http2)
  return { server, http2, upgraded: new Set(), undecided }
}

function createHttp1Server(
  { config, gate, certificates }: ListenerOptions,
  listener: RequestListener,
  isForGate: (url: string) => boolean,
): Server {
  const timeoutMs = readTimeoutMs(config)
  const settings: http.ServerOptions = {
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: timeoutMs,
    headersTimeout: timeoutMs,
    keepAliveTimeout: timeoutMs,
    keepAlive: true,
    noDelay: true,
    requireHostHeader: true,
    shouldUpgradeCallback: (request) => gate !== null && gate.acceptsUpgrade(request) && isForGate(request.url ?? ''),
  }
  if (certificates === null) return http.createServer(settings, listener)
  const ALPNProtocols = config.http_server_options.enable_http2 ? ['h2', 'http/1.1'] : ['http/1.1']
  const server = https.createServer({ ...settings, ...certificates.serverOptions(), ALPNProtocols }, listener)
  certificates.attach(server)
  return server
}

type ConnectionListener = (this: Server, socket: Socket) => void

/** Takes Node's own listener of an event off, so that it can be called for some connections only. */
function takeListener(server: Server, event: 'connection' | 'secureConnection'): (socket: Socket) => void {
  const [own] = server.listeners(event) as ConnectionListener[]
  if (own === undefined) throw new Error(`the server does not listen to ${event}`)
  server.off(event, own)
  return (socket) => own.call(server, socket)
}

function splitByPreface(server: Server, http2: Http2Sessions, undecided: Set<Socket>, timeoutMs: number): void {
  const http1 = takeListener(server, 'connection')
  server.on('connection', (socket: Socket) => {
    undecided.add(socket)
    socket.once('close', () => undecided.delete(socket))
    awaitPreface(socket, timeoutMs, (isHttp2) => {
      undecided.delete(socket)
      if (isHttp2) http2.accept(socket)
      else http1(socket)
    })
  })
}

function splitByAlpn(server: Server, http2: Http2Sessions): void {
  const http1 = takeListener(server, 'secureConnection')
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') http2.accept(socket)
    else http1(socket)
  })
}

/** Which requests on a shared port are the control API's: its routes come before every API. */
function routeChooser({ config, gate, routes }: ListenerOptions): (url: string) => boolean {
  if (gate === null) return () => true
  if (routes === null) return () => false
  const exact = new Set(
    [config.health_check_endpoint_name, config.readiness_check_endpoint_name].map((name) => `/${name}`),
  )
  return (url) => {
    if (url.startsWith('/tyk/')) return true
    const question = url.indexOf('?')
    return exact.has(question === -1 ? url : url.slice(0, question))
  }
}

/** Limits the time from the end of the request's head to the last byte of its answer, unless that is meant to last. */
function limitWriting(response: ServerResponse, limitMs: number): void {
  const timer = setTimeout(() => {
    if (!isLasting(response)) response.destroy()
  }, limitMs)
  timer.unref()
  response.once('close', () => clearTimeout(timer))
}

const IDLE_SWEEP_MS = 50

async function drain(fastify: FastifyInstance, front: Front, deadlineMs: number): Promise<void> {
  const { server, http2, upgraded, undecided } = front
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const closeIdle = (): void => {
    server.closeIdleConnections()
    http2.close()
    for (const socket of undecided) socket.destroy()
    // Such a connection has no end of its own: it lasts until the last request is answered.
    server.getConnections((_, open) => {
      if (open <= upgraded.size) destroyAll(upgraded)
    })
  }
  closeIdle()
  // Connections that become idle after this moment are not closed by `close()`.
  const sweep = setInterval(closeIdle, IDLE_SWEEP_MS)
  const deadline = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), deadlineMs).unref())
  const outcome = await Promise.race([closed, deadline])
  clearInterval(sweep)
  if (outcome === 'late') {
    server.closeAllConnections()
    http2.destroy()
    destroyAll(upgraded)
  }
  await fastify.close()
}

function destroyAll(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.destroy()
}
