// Hot path.
import type { Socket } from 'node:net'
import { Connection, type ConnectionOwner, type ExchangeState } from './connection.ts'
import { awaited } from '../../event-loop/stay-awake.ts'
import type { Dialler } from '../dial.ts'
import type { ForwardProxy } from '../forward-proxy.ts'
import type { Exchange, ExchangeHandler, UpstreamRequest, UpstreamTransport } from '../transport.ts'

export interface PoolOptions {
  /** Idle connections kept per upstream host. */
  readonly maxIdlePerHost: number
  /** Idle connections kept in all; 0: no limit. */
  readonly maxIdle: number
  /** False: one connection per request. */
  readonly keepAlive: boolean
  readonly dialler: Dialler
}

/** Go's transport closes idle upstream connections after 90 s. */
const IDLE_TIMEOUT_MS = 90_000
const SWEEP_MS = 10_000
const ALPN = ['http/1.1'] as const

/** Sends requests over pooled HTTP/1.1 connections of our own. One pool per API, as in Tyk. */
export class Http1Pool implements UpstreamTransport, ConnectionOwner {
  readonly #options: PoolOptions
  readonly upstream = awaited()
  /** Newest last: the connection used most recently is the least likely to be dead. */
  readonly #idle = new Map<string, Connection[]>()
  readonly #all = new Set<Connection>()
  readonly #keys = new WeakMap<Connection, string>()
  readonly #sweeper: NodeJS.Timeout
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  exchange(request: UpstreamRequest, handler: ExchangeHandler): Exchange {
    const proxy = this.#options.dialler.plainProxy(request.target)
    const sent = proxy === null ? request : throughProxy(request, proxy)
    const state: PendingExchange = { connection: null, aborted: false, cancelDial: null }
    const idle = request.upgrade ? undefined : this.#takeIdle(request.target.key)
    if (idle === undefined) this.#open(sent, handler, state)
    else idle.send(sent, handler, state, true)
    return this.#exchangeOf(state)
  }

  /** As `exchange`, on a connection that was just opened to the target. */
  exchangeOn(socket: Socket, request: UpstreamRequest, handler: ExchangeHandler): Exchange {
    const state: PendingExchange = { connection: null, aborted: false, cancelDial: null }
    this.#use(socket, request, handler, state)
    return this.#exchangeOf(state)
  }

  #exchangeOf(state: PendingExchange): Exchange {
    return {
      resume: () => state.connection?.resume(),
      abort: () => {
        state.aborted = true
        state.connection?.abort()
        state.cancelDial?.()
      },
    }
  }

  /** Ends idle connections now and busy ones when their exchange is over. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#sweeper)
    // A copy: each connection that ends takes itself out of the list.
    const idle = [...this.#idle.values()].flat()
    this.#idle.clear()
    for (const connection of idle) connection.abort()
  }

  /** Cuts every connection. */
  destroy(): void {
    void this.close()
    for (const connection of this.#all) connection.abort()
    this.#options.dialler.destroy()
  }

  onIdle(connection: Connection): void {
    const key = this.#keys.get(connection) as string
    let idle = this.#idle.get(key)
    if (idle === undefined) this.#idle.set(key, (idle = []))
    if (this.#closed || !this.#options.keepAlive || this.#isFull(idle.length)) {
      connection.abort()
      return
    }
    connection.idleUntilMs = performance.now() + Math.min(connection.idleLimitMs, IDLE_TIMEOUT_MS)
    connection.socket.resume()
    connection.socket.unref()
    idle.push(connection)
  }

  onClosed(connection: Connection): void {
    this.#all.delete(connection)
    const idle = this.#idle.get(this.#keys.get(connection) as string)
    if (idle === undefined) return
    const at = idle.indexOf(connection)
    if (at !== -1) idle.splice(at, 1)
    // Rewritten URLs can name any number of hosts.
    if (idle.length === 0) this.#idle.delete(this.#keys.get(connection) as string)
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
    const idle = this.#idle.get(key)
    if (idle === undefined) return undefined
    for (let connection = idle.pop(); connection !== undefined; connection = idle.pop()) {
      if (performance.now() < connection.idleUntilMs) {
        connection.socket.ref()
        return connection
      }
      connection.abort()
    }
    return undefined
  }

  #open(request: UpstreamRequest, handler: ExchangeHandler, state: PendingExchange): void {
    state.cancelDial = this.#options.dialler.dial(request.target, ALPN, request.timeoutMs, {
      onConnected: (socket) => this.#use(socket, request, handler, state),
      onFailed: (error) => {
        state.cancelDial = null
        handler.onError(error)
      },
    })
  }

  #use(socket: Socket, request: UpstreamRequest, handler: ExchangeHandler, state: PendingExchange): void {
    state.cancelDial = null
    const connection = new Connection(socket, this)
    this.#keys.set(connection, request.target.key)
    this.#all.add(connection)
    connection.send(request, handler, state, false)
  }

  #sweep(): void {
    const now = performance.now()
    for (const idle of this.#idle.values()) {
      for (const connection of idle.filter((each) => each.idleUntilMs <= now)) connection.abort()
    }
  }
}

interface PendingExchange extends ExchangeState {
  /** While a connection for it is being opened. */
  cancelDial: (() => void) | null
}

/** A proxy is told the whole URL. */
function throughProxy(request: UpstreamRequest, proxy: ForwardProxy): UpstreamRequest {
  const { target, path, headers } = request
  const credentials = proxy.authorization === null ? [] : ['Proxy-Authorization', proxy.authorization]
  return { ...request, path: `http://${target.authority}${path}`, headers: [...headers, ...credentials] }
}
