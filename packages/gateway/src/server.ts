import http, { type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import https from 'node:https'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls'
import Fastify, { type FastifyInstance } from 'fastify'
import type { GatewayConfig } from './config/schema.ts'
import type { Gate } from './gate.ts'
import type { Log } from './log/log.ts'

/** Go's limit: 1 MiB and some slack. */
const MAX_HEADER_BYTES = 1024 * 1024 + 4096
const DEFAULT_TIMEOUT_S = 120

export interface ListenerOptions {
  readonly config: GatewayConfig
  readonly log: Log
  /** null: a listener for the control API alone. */
  readonly gate: Gate | null
  /** Registers the routes that Fastify serves on this listener; null: none, every request is the gate's. */
  readonly routes: ((fastify: FastifyInstance) => void) | null
}

/** One port: Fastify owns the server; requests for APIs are taken before its router and parsers. */
export interface Listener {
  listen(port: number, address: string): Promise<void>
  /** Takes no more connections; resolves when the last request is answered or the deadline has passed. */
  close(deadlineMs: number): Promise<void>
}

export async function createListener(options: ListenerOptions): Promise<Listener> {
  const { gate } = options
  let server: Server | null = null
  const fastify = Fastify({
    logger: false,
    routerOptions: { ignoreTrailingSlash: true },
    exposeHeadRoutes: false,
    forceCloseConnections: false,
    serverFactory: (handler) => {
      server = createServer(options, handler)
      return server
    },
  })
  if (options.routes === null) fastify.setNotFoundHandler((_, reply) => reply.code(404).send())
  else options.routes(fastify)
  await fastify.ready()
  const listening = server as unknown as Server
  if (gate !== null) {
    listening.on('upgrade', (request, socket, head) => gate.handleUpgrade(request, socket as Socket, head))
  }
  return {
    async listen(port, address) {
      await fastify.listen({ port, host: address === '' ? '::' : address, ipv6Only: false })
    },
    close: (deadlineMs) => drain(fastify, listening, deadlineMs),
  }
}

function createServer(options: ListenerOptions, fastify: RequestListener): Server {
  const { config, gate } = options
  const { read_timeout: readTimeoutS } = config.http_server_options
  const readTimeoutMs = (readTimeoutS > 0 ? readTimeoutS : DEFAULT_TIMEOUT_S) * 1000
  const settings: http.ServerOptions = {
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: readTimeoutMs,
    headersTimeout: readTimeoutMs,
    keepAliveTimeout: readTimeoutMs,
    keepAlive: true,
    noDelay: true,
    requireHostHeader: true,
    shouldUpgradeCallback: (request) => gate !== null && gate.acceptsUpgrade(request) && !isForFastify(request),
  }
  const isForFastify = routeChooser(options)
  const listener =
    (expectsContinue: boolean): RequestListener =>
    (request, response) => {
      if (config.close_connections) response.shouldKeepAlive = false
      watch(request.socket, response, config)
      if (gate === null || isForFastify(request)) {
        if (expectsContinue) response.writeContinue()
        fastify(request, response)
        return
      }
      gate.handle(request, response, expectsContinue)
    }
  const server = config.http_server_options.use_ssl
    ? (https.createServer({ ...settings, ...tlsOptions(config, options.log) }, listener(false)) as unknown as Server)
    : http.createServer(settings, listener(false))
  server.on('checkContinue', listener(true))
  // The expectation is the upstream's to judge; ours is to pass the request on.
  server.on('checkExpectation', listener(false))
  server.on('clientError', answerMalformed)
  server.maxRequestsPerSocket = 0
  return server
}

/** Which requests on a shared port are the control API's: its routes come before every API. */
function routeChooser({ config, routes }: ListenerOptions): (request: IncomingMessage) => boolean {
  if (routes === null) return () => false
  const exact = new Set(
    [config.health_check_endpoint_name, config.readiness_check_endpoint_name].map((name) => `/${name}`),
  )
  return ({ url = '' }) => {
    if (url.startsWith('/tyk/')) return true
    const question = url.indexOf('?')
    return exact.has(question === -1 ? url : url.slice(0, question))
  }
}

/** The answer that is due on a connection. */
const answering = new WeakMap<Socket, ServerResponse>()

/**
 * Limits the time from the end of the request's head to the last byte of its answer; a stream of events may take longer.
 */
function watch(socket: Socket, response: ServerResponse, config: GatewayConfig): void {
  const { write_timeout: seconds } = config.http_server_options
  answering.set(socket, response)
  const timer = setTimeout(() => endUnlessStreaming(response), (seconds > 0 ? seconds : DEFAULT_TIMEOUT_S) * 1000)
  timer.unref()
  response.once('close', () => {
    clearTimeout(timer)
    answering.delete(socket)
  })
}

function endUnlessStreaming(response: ServerResponse): void {
  const type = String(response.getHeader('content-type') ?? '')
  if (!type.startsWith('text/event-stream')) response.destroy()
}

const BAD_REQUEST =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request'
const TOO_LARGE =
  'HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n431 Request Header Fields Too Large'
const TIMED_OUT =
  'HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n408 Request Timeout'

const LINGER_MS = 500

/** What a client gets whose bytes are no request: nothing of it goes anywhere. */
function answerMalformed(err: NodeJS.ErrnoException, socket: Socket): void {
  const response = answering.get(socket)
  if (err.code === 'ECONNRESET' || !socket.writable || response?.headersSent === true) {
    socket.destroy()
    return
  }
  // A body that breaks off: what the upstream says to its first half is nobody's answer any more.
  if (response?.socket === socket) response.detachSocket(socket)
  // What the client still sends is read and dropped for a moment: closing over unread bytes would reset the
  // connection, and the client would never see the answer.
  socket.resume()
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
  if (err.code === 'HPE_HEADER_OVERFLOW') socket.end(TOO_LARGE)
  else if (err.code === 'ERR_HTTP_REQUEST_TIMEOUT') socket.end(TIMED_OUT)
  else socket.end(BAD_REQUEST)
}

const TLS_VERSIONS: Readonly<Record<number, SecureVersion>> = {
  769: 'TLSv1',
  770: 'TLSv1.1',
  771: 'TLSv1.2',
  772: 'TLSv1.3',
}

function tlsOptions(config: GatewayConfig, log: Log): https.ServerOptions {
  const { certificates, min_version: min, max_version: max } = config.http_server_options
  const contexts = new Map<string, SecureContext>()
  let first: { cert: Buffer; key: Buffer } | null = null
  for (const { domain_name: domain, cert_file: certFile, key_file: keyFile } of certificates) {
    try {
      const pair = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
      first ??= pair
      contexts.set(domain.toLowerCase(), createSecureContext(pair))
    } catch (err) {
      log.error({ err, cert_file: certFile }, `Server error: loadkeys: ${(err as Error).message}`)
    }
  }
  return {
    ...first,
    minVersion: TLS_VERSIONS[min] ?? 'TLSv1.2',
    maxVersion: TLS_VERSIONS[max] ?? 'TLSv1.3',
    SNICallback: (name, done) => done(null, contexts.get(name.toLowerCase())),
  }
}

const IDLE_SWEEP_MS = 50

async function drain(fastify: FastifyInstance, server: Server, deadlineMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // Connections that become idle after this moment are not closed by `close()`.
  const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS)
  const deadline = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), deadlineMs).unref())
  const outcome = await Promise.race([closed, deadline])
  clearInterval(sweep)
  if (outcome === 'late') server.closeAllConnections()
  await fastify.close()
}
