// Hot path.
import http, { type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import type { GatewayConfig } from '../config/schema.ts'
import type { Gate } from '../gate.ts'
import type { Log } from '../log/log.ts'
import { openPaths } from '../control-api/open-paths.ts'
import { writeWhole } from '../errors/respond.ts'
import { releaseWrites } from '../event-loop/hold-writes.ts'
import { splitByAlpn, splitByPreface, takeListener, type Undecided } from './accept.ts'
import type { ServerCertificates } from './certificates.ts'
import { refusalOf, type Refusal } from './check-request.ts'
import { createHttp2Sessions, type Http2Sessions } from './http2/sessions.ts'
import { MAX_HEADER_BYTES, MAX_HEADER_LINES, readTimeoutMs, writeTimeoutMs } from './limits.ts'
import { withoutUpgrade } from './ignored-upgrade.ts'
import { refuseTunnel } from './malformed.ts'
import { Turns } from './turns.ts'
import { WriteLimit } from './write-limit.ts'

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
  let front: Front | null = null
  const fastify = Fastify({
    logger: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_HEADER_BYTES },
    exposeHeadRoutes: false,
    forceCloseConnections: false,
    // Ours hears the server's own event; Fastify's would write an answer of its own behind any other.
    clientErrorHandler: () => {},
    serverFactory: (handler) => {
      front = createFront(options, handler)
      return front.server
    },
  })
  if (options.routes === null) fastify.setNotFoundHandler((_, reply) => reply.code(404).send())
  else options.routes(fastify)
  await fastify.ready()
  const open = front as unknown as Front
  return {
    async listen(port, address) {
      if (address === '') await listenEverywhere(fastify, port)
      else await fastify.listen({ port, host: withoutBrackets(address) })
    },
    close: (deadlineMs) => drain(fastify, open, deadlineMs),
  }
}

/** Tyk puts address and port together as text, so an IPv6 address stands in brackets. */
const withoutBrackets = (address: string): string =>
  address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address

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
  /** Connections that have not sent anything yet, or not finished their handshake. */
  readonly undecided: Undecided
  readonly writeLimit: WriteLimit
}

function createFront(options: ListenerOptions, fastify: RequestListener): Front {
  const { config, gate, certificates } = options
  const isForFastify = routeChooser(options)
  const writeLimit = new WriteLimit(writeTimeoutMs(config))
  const handle = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    writeLimit.begin(response)
    gate?.handle(request, response, expectsContinue)
  }
  const limited: RequestListener = (request, response) => {
    writeLimit.begin(response)
    fastify(request, response)
  }
  const turns = new Turns((request, response, expectsContinue) => {
    if (config.close_connections) response.shouldKeepAlive = false
    const refusal = refusalOf(request)
    if (refusal !== null) {
      refuseRequest(response, refusal)
    } else if (isForFastify(request.url ?? '')) {
      if (expectsContinue) response.writeContinue()
      limited(request, response)
    } else {
      handle(request, response, expectsContinue)
    }
  })
  const server = createHttp1Server(options)
  spareUnsentAnswers(server, () => writeLimit.open())
  const undecided: Undecided = new Set()
  const upgraded = new Set<Socket>()
  const http1 = takeListener(server, certificates === null ? 'connection' : 'secureConnection')
  server.on('request', (request, response) => turns.take(request, response, false))
  server.on('checkContinue', (request, response) => turns.take(request, response, true))
  // The expectation is the upstream's to judge; ours is to pass the request on.
  server.on('checkExpectation', (request, response) => turns.take(request, response, false))
  server.on('clientError', (err, socket) => turns.refuse(err, socket as Socket))
  server.on('connect', (_, socket: Socket) => turns.handOver(socket, () => refuseTunnel(socket)))
  server.on('upgrade', (request, socket: Socket, head) => {
    turns.handOver(socket, () => {
      if (gate?.acceptsUpgrade(request) === true && !isForFastify(request.url ?? '') && refusalOf(request) === null) {
        upgraded.add(socket)
        socket.once('close', () => upgraded.delete(socket))
        gate.handleUpgrade(request, socket, head)
      } else {
        turns.forget(socket)
        socket.unshift(withoutUpgrade(request, head))
        http1(socket)
      }
    })
  })
  server.maxRequestsPerSocket = 0
  server.maxHeadersCount = MAX_HEADER_LINES
  const http2 = createHttp2Sessions({
    readTimeoutMs: readTimeoutMs(config),
    closeConnections: config.close_connections,
    fastify: options.routes === null && gate !== null ? null : { accepts: isForFastify, handle: limited },
    handle: (request, response, expectsContinue) => handle(request as never, response as never, expectsContinue),
  })
  const split = certificates === null ? splitByPreface : splitByAlpn
  split(server, { http1, http2: (socket) => http2.accept(socket) }, undecided, readTimeoutMs(config))
  return { server, http2, upgraded, undecided, writeLimit }
}

function refuseRequest(response: ServerResponse, refusal: Refusal): void {
  response.shouldKeepAlive = false
  const headers = ['Content-Type', 'text/plain; charset=utf-8', 'Connection', 'close']
  writeWhole(response, Number(refusal.slice(0, 3)), headers, refusal)
}

/** How often connections are looked at whose request is late. */
const LATE_CHECK_MS = 5_000

function createHttp1Server({ config, certificates }: ListenerOptions): Server {
  const timeoutMs = readTimeoutMs(config)
  const settings: http.ServerOptions = {
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: timeoutMs,
    headersTimeout: timeoutMs,
    keepAliveTimeout: timeoutMs,
    keepAlive: true,
    noDelay: true,
    connectionsCheckingInterval: Math.min(LATE_CHECK_MS, timeoutMs / 4),
    // Ours to refuse, in its turn.
    requireHostHeader: false,
  }
  if (certificates === null) return http.createServer(settings)
  const ALPNProtocols = config.http_server_options.enable_http2 ? ['h2', 'http/1.1'] : ['http/1.1']
  const server = https.createServer({ ...settings, ...certificates.serverOptions(), ALPNProtocols })
  certificates.attach(server)
  return server
}

/** Node takes an answer that was ended for one that was sent, and its connection for idle, while a slow client still reads. */
function spareUnsentAnswers(server: Server, open: () => Iterable<ServerResponse>): void {
  const closeIdle = server.closeIdleConnections.bind(server)
  // Also called by `close`.
  server.closeIdleConnections = () => {
    const unsent = [...open()].filter((response) => response instanceof http.ServerResponse && response.writableEnded)
    for (const response of unsent) setEnded(response, false)
    closeIdle()
    for (const response of unsent) setEnded(response, true)
  }
}

function setEnded(response: ServerResponse, ended: boolean): void {
  // What `writableEnded` and Node's own loop over the connections read.
  ;(response as { finished: boolean }).finished = ended
}

/** Which requests on a shared port are the control API's: its routes come before every API. */
function routeChooser({ config, gate, routes }: ListenerOptions): (url: string) => boolean {
  if (gate === null) return () => true
  if (routes === null) return () => false
  const exact = openPaths(config)
  return (url) => {
    if (url.startsWith('/tyk/')) return true
    const question = url.indexOf('?')
    return exact.has(question === -1 ? url : url.slice(0, question))
  }
}

const IDLE_SWEEP_MS = 50

async function drain(fastify: FastifyInstance, front: Front, deadlineMs: number): Promise<void> {
  const { server, http2, upgraded, undecided } = front
  // `close` ends idle connections as well, see below.
  releaseWrites()
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const closeIdle = (): void => {
    // An answer that waits for the end of this turn counts as sent already, and its connection as idle.
    releaseWrites()
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
    releaseWrites()
    server.closeAllConnections()
    http2.destroy()
    destroyAll(upgraded)
  }
  front.writeLimit.close()
  await fastify.close()
}

function destroyAll(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.destroy()
}
