// Hot path.
import type { Socket } from 'node:net'
import type { Dialler, DialOutcome } from '../dial.ts'
import type { ForwardProxy } from '../forward-proxy.ts'
import type { Exchange, ExchangeHandler, UpstreamRequest, UpstreamTransport } from '../transport.ts'
import type { ExchangeState } from './connection.ts'
import { HostPool, IdleBudget, type HostPoolOwner, type IdleLimits, Sharer } from './host-pool.ts'

export interface PoolOptions extends IdleLimits {
  readonly dialler: Dialler
}

/** Sends requests over HTTP/1.1, whatever else a target may speak. */
export interface Http1Sender extends UpstreamTransport {
  /** As `exchange`, on a connection that was just opened to the target. */
  exchangeOn(socket: Socket, request: UpstreamRequest, handler: ExchangeHandler): Exchange
}

const SWEEP_MS = 10_000
const ALPN = ['http/1.1'] as const

/** So long the idle connections of an API that has gone wait for its next form, which a reload puts in its place. */
const ORPHANED_MS = 1000

/** Sends requests over pooled HTTP/1.1 connections of our own, all made alike. */
export class Http1Pool implements Http1Sender, HostPoolOwner {
  readonly budget: IdleBudget
  readonly #dialler: Dialler
  readonly #hosts = new Map<string, HostPool>()
  readonly #sweeper: NodeJS.Timeout
  #orphans: NodeJS.Timeout | null = null
  /** Who sends when nobody else does. */
  readonly #alone = new Sharer()

  constructor(options: PoolOptions) {
    this.budget = new IdleBudget(options)
    this.#dialler = options.dialler
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  exchange(request: UpstreamRequest, handler: ExchangeHandler, sharer: Sharer = this.#alone): Exchange {
    const proxy = this.#dialler.plainProxy(request.target)
    const sent = proxy === null ? request : throughProxy(request, proxy)
    const state: PendingExchange = { connection: null, aborted: false, cancelDial: null, sharer }
    const idle = request.upgrade ? undefined : this.#hosts.get(request.target.key)?.takeIdle(sharer)
    if (idle === undefined) this.#open(sent, handler, state)
    else idle.send(sent, handler, state, true)
    return exchangeOf(state)
  }

  exchangeOn(
    socket: Socket,
    request: UpstreamRequest,
    handler: ExchangeHandler,
    sharer: Sharer = this.#alone,
  ): Exchange {
    const state: PendingExchange = { connection: null, aborted: false, cancelDial: null, sharer }
    this.#use(socket, request, handler, state)
    return exchangeOf(state)
  }

  /** Ends what is idle at hosts that no other API sends to by then, and what is busy there when its exchange is over. */
  leave(sharer: Sharer): void {
    for (const host of sharer.hosts) host.leave(sharer)
    sharer.hosts.clear()
    sharer.lastHost = null
    this.#orphans ??= setTimeout(() => {
      this.#orphans = null
      for (const host of this.#hosts.values()) if (!host.hasSharers) host.endIdle()
    }, ORPHANED_MS).unref()
  }

  /** Ends idle connections now and busy ones when their exchange is over. */
  async close(): Promise<void> {
    this.budget.closed = true
    clearInterval(this.#sweeper)
    if (this.#orphans !== null) clearTimeout(this.#orphans)
    for (const host of this.#hosts.values()) host.endIdle()
  }

  /** Cuts every connection. */
  destroy(): void {
    void this.close()
    for (const host of this.#hosts.values()) host.destroy()
    this.#dialler.destroy()
  }

  readonly onRetryable = (request: UpstreamRequest, handler: ExchangeHandler, exchange: ExchangeState): void => {
    if (!exchange.aborted) this.#open(request, handler, exchange as PendingExchange)
  }

  /** Rewritten URLs can name any number of hosts. */
  onEmpty(key: string): void {
    this.#hosts.delete(key)
  }

  #open(request: UpstreamRequest, handler: ExchangeHandler, state: PendingExchange): void {
    const outcome: DialOutcome = {
      onConnected: (socket) => this.#use(socket, request, handler, state),
      onFailed: (error) => {
        state.cancelDial = null
        handler.onError(error)
      },
    }
    // Who takes over an upgraded connection expects it to emit what it reads.
    state.cancelDial = this.#dialler.dial(request.target, ALPN, request.timeoutMs, outcome, !request.upgrade)
  }

  #use(socket: Socket, request: UpstreamRequest, handler: ExchangeHandler, state: PendingExchange): void {
    state.cancelDial = null
    this.#hostOf(request.target.key).add(socket, state.sharer).send(request, handler, state, false)
  }

  #hostOf(key: string): HostPool {
    let host = this.#hosts.get(key)
    if (host === undefined) this.#hosts.set(key, (host = new HostPool(key, this)))
    return host
  }

  #sweep(): void {
    const now = performance.now()
    for (const host of this.#hosts.values()) host.endIdle(now)
  }
}

interface PendingExchange extends ExchangeState {
  readonly sharer: Sharer
  /** While a connection for it is being opened. */
  cancelDial: (() => void) | null
}

const exchangeOf = (state: PendingExchange): Exchange => ({
  resume: () => state.connection?.resume(),
  abort: () => {
    state.aborted = true
    state.connection?.abort()
    state.cancelDial?.()
  },
})

/** A proxy is told the whole URL. */
function throughProxy(request: UpstreamRequest, proxy: ForwardProxy): UpstreamRequest {
  const { target, path, headers } = request
  const credentials = proxy.authorization === null ? [] : ['Proxy-Authorization', proxy.authorization]
  return { ...request, path: `http://${target.authority}${path}`, headers: [...headers, ...credentials] }
}
