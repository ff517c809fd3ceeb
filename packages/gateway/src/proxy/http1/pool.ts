// Hot path.
import net from 'node:net'
import tls from 'node:tls'
import { Connection, type ConnectionOwner, type ExchangeState } from './connection.ts'
import {
  UpstreamError,
  type Exchange,
  type ExchangeHandler,
  type UpstreamFailure,
  type UpstreamRequest,
  type UpstreamTransport,
} from '../transport.ts'
import type { UpstreamTarget } from '../upstream-url.ts'

export interface PoolOptions {
  /** Idle connections kept per upstream host. */
  readonly maxIdlePerHost: number
  /** Idle connections kept in all; 0: no limit. */
  readonly maxIdle: number
  /** False: one connection per request. */
  readonly keepAlive: boolean
  /** TLS settings for https targets. */
  readonly tls: tls.ConnectionOptions
}

/** Go's transport closes idle upstream connections after 90 s. */
const IDLE_TIMEOUT_MS = 90_000
const SWEEP_MS = 10_000
const TLS_HANDSHAKE_TIMEOUT_MS = 10_000

/** Sends requests over pooled HTTP/1.1 connections of our own. One pool per API, as in Tyk. */
export class Http1Pool implements UpstreamTransport, ConnectionOwner {
  readonly #options: PoolOptions
  /** Newest last: the connection used most recently is the least likely to be dead. */
  readonly #idle = new Map<string, Connection[]>()
  readonly #all = new Set<Connection>()
  readonly #keys = new WeakMap<Connection, string>()
  readonly #sweeper: NodeJS.Timeout
  readonly #connecting = new Set<net.Socket>()
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  exchange(request: UpstreamRequest, handler: ExchangeHandler): Exchange {
    const state: PendingExchange = { connection: null, aborted: false, socket: null }
    const idle = request.upgrade ? undefined : this.#takeIdle(request.target.key)
    if (idle === undefined) this.#open(request, handler, state)
    else idle.send(request, handler, state, true)
    return {
      resume: () => state.connection?.resume(),
      abort: () => {
        state.aborted = true
        state.connection?.abort()
        state.socket?.destroy()
      },
    }
  }

  /** Ends idle connections now and busy ones when their exchange is over. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#sweeper)
    for (const connections of this.#idle.values()) for (const connection of connections) connection.abort()
    this.#idle.clear()
  }

  /** Cuts every connection. */
  destroy(): void {
    void this.close()
    for (const connection of this.#all) connection.abort()
    for (const socket of this.#connecting) socket.destroy()
  }

  onIdle(connection: Connection): void {
    const key = this.#keys.get(connection) as string
    let idle = this.#idle.get(key)
    if (idle === undefined) this.#idle.set(key, (idle = []))
    if (this.#closed || !this.#options.keepAlive || this.#isFull(idle.length)) {
      connection.abort()
      return
    }
    connection.idleSinceMs = performance.now()
    connection.socket.resume()
    connection.socket.unref()
    idle.push(connection)
  }

  onClosed(connection: Connection): void {
    this.#all.delete(connection)
    const idle = this.#idle.get(this.#keys.get(connection) as string)
    const at = idle?.indexOf(connection) ?? -1
    if (at !== -1) idle?.splice(at, 1)
  }

  onRetryable(request: UpstreamRequest, handler: ExchangeHandler, exchange: ExchangeState): void {
    if (!exchange.aborted) this.#open(request, handler, exchange as PendingExchange)
  }

  #isFull(idleOfHost: number): boolean {
    const { maxIdlePerHost, maxIdle } = this.#options
    if (idleOfHost >= maxIdlePerHost) return true
    if (maxIdle === 0) return false
    let idle = 0
    for (const connections of this.#idle.values()) idle += connections.length
    return idle >= maxIdle
  }

  #takeIdle(key: string): Connection | undefined {
    const connection = this.#idle.get(key)?.pop()
    connection?.socket.ref()
    return connection
  }

  #open(request: UpstreamRequest, handler: ExchangeHandler, state: PendingExchange): void {
    const { target, timeoutMs } = request
    const socket = this.#connect(target)
    state.socket = socket
    this.#connecting.add(socket)
    let timer: NodeJS.Timeout | null = null
    const settle = (): void => {
      if (timer !== null) clearTimeout(timer)
      this.#connecting.delete(socket)
      state.socket = null
      socket.removeAllListeners('error')
      socket.removeAllListeners('close')
    }
    const fail = (failure: UpstreamFailure, message: string, cause?: Error): void => {
      settle()
      socket.on('error', () => {})
      socket.destroy()
      if (!state.aborted) handler.onError(new UpstreamError(failure, message, { cause }))
    }
    const limitMs = target.scheme === 'https' ? Math.min(timeoutMs || Infinity, TLS_HANDSHAKE_TIMEOUT_MS) : timeoutMs
    if (limitMs > 0) timer = setTimeout(() => fail('connect', 'dial timeout'), limitMs)
    socket.once('error', (err: NodeJS.ErrnoException) =>
      fail(connectFailure(err), 'could not connect to the upstream', err),
    )
    socket.once('close', () => fail('connect', 'the connection was closed while it was opened'))
    socket.once(target.scheme === 'https' ? 'secureConnect' : 'connect', () => {
      settle()
      if (state.aborted) {
        socket.destroy()
        return
      }
      const connection = new Connection(socket, this)
      this.#keys.set(connection, target.key)
      this.#all.add(connection)
      connection.send(request, handler, state, false)
    })
  }

  #connect(target: UpstreamTarget): net.Socket {
    const where = { host: target.hostname, port: target.port }
    if (target.scheme === 'http') return net.connect(where)
    const servername = net.isIP(target.hostname) === 0 ? target.hostname : ''
    return tls.connect({ ...this.#options.tls, ...where, servername, ALPNProtocols: ['http/1.1'] })
  }

  #sweep(): void {
    const limit = performance.now() - IDLE_TIMEOUT_MS
    for (const idle of this.#idle.values()) {
      for (const connection of idle.filter((each) => each.idleSinceMs < limit)) connection.abort()
    }
  }
}

interface PendingExchange extends ExchangeState {
  /** While it is being opened. */
  socket: net.Socket | null
}

function connectFailure(err: NodeJS.ErrnoException): UpstreamFailure {
  if (err.code === 'ENOTFOUND') return 'lookup'
  if (err.code?.startsWith('ERR_TLS') === true || err.code?.startsWith('ERR_SSL') === true) return 'tls'
  return 'connect'
}
