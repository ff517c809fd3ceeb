// Hot path.
import { connect, type ClientHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Dialler } from '../dial.ts'
import type { Http1Sender } from '../http1/pool.ts'
import {
  UpstreamError,
  type Exchange,
  type ExchangeHandler,
  type UpstreamRequest,
  type UpstreamTransport,
} from '../transport.ts'
import type { UpstreamTarget } from '../upstream-url.ts'
import { Http2Exchange, type ExchangeOwner } from './exchange.ts'

export interface Http2Options {
  readonly dialler: Dialler
  /** For upgrades, plain `http://` targets and upstreams that turn HTTP/2 down. Whoever gave it closes it. */
  readonly http1: Http1Sender
  /** Offer HTTP/2 to `https://` targets. */
  readonly offerHttp2: boolean
  /** False: one connection per request. */
  readonly keepAlive: boolean
}

/** Go's limits: how long an idle connection is kept, and how many streams before the upstream has said its own. */
const IDLE_TIMEOUT_MS = 90_000
const PRESUMED_MAX_STREAMS = 100
/** What one slow client may keep in memory; Go allows 4 MiB. */
const STREAM_WINDOW_BYTES = 256 * 1024
const SESSION_WINDOW_BYTES = 16 * 1024 * 1024
/** Go's limit for response headers, and ours for requests. */
const MAX_HEADER_BYTES = 10 * 1024 * 1024
const MAX_HEADER_LINES = 10_000
/** Hosts without a session that are remembered. */
const MAX_PEERS = 1000
/** Node's own bound, in MB, for all streams of a session together. */
const MAX_SESSION_MEMORY_MB = 256

const SESSION_OPTIONS = {
  settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES, maxHeaderListSize: MAX_HEADER_BYTES },
  maxHeaderListPairs: MAX_HEADER_LINES,
  maxSendHeaderBlockLength: MAX_HEADER_BYTES,
  maxSessionMemory: MAX_SESSION_MEMORY_MB,
  // Repeated lines are the two sides' affair.
  strictSingleValueFields: false,
}

interface Session {
  readonly http2: ClientHttp2Session
  /** Streams that are open. */
  active: number
  used: boolean
  idleTimer: NodeJS.Timeout | null
}

/** Everything about one upstream host. */
interface Peer {
  readonly target: UpstreamTarget
  readonly sessions: Session[]
  readonly waiting: Http2Exchange[]
  cancelDial: (() => void) | null
  /** It chose HTTP/1.1 when it was asked. */
  http1: boolean
}

/**
 * Sends requests over HTTP/2: to `h2c://` targets always, to `https://` targets when they agree (ALPN).
 *
 * One session per host carries as many requests as the upstream allows; another is opened only beyond that.
 */
export class Http2Transport implements UpstreamTransport, ExchangeOwner {
  readonly #options: Http2Options
  readonly #peers = new Map<string, Peer>()
  #closed = false

  constructor(options: Http2Options) {
    this.#options = options
  }

  exchange(request: UpstreamRequest, handler: ExchangeHandler): Exchange {
    const { target } = request
    const offered = target.h2c || (target.scheme === 'https' && this.#options.offerHttp2 && !request.upgrade)
    const peer = offered ? this.#peer(target) : null
    if (peer === null || peer.http1) return this.#options.http1.exchange(request, handler)
    const exchange = new Http2Exchange(request, handler, this)
    if (request.upgrade) {
      exchange.fail(new UpstreamError('connect', 'an HTTP/2 upstream takes no upgrade'))
      return exchange
    }
    peer.waiting.push(exchange)
    this.#place(peer)
    return exchange
  }

  onRetryable(exchange: Http2Exchange): void {
    // The one it was with may be forgotten by now.
    const peer = this.#peer(exchange.request.target)
    peer.waiting.push(exchange)
    this.#place(peer)
  }

  /** Ends idle sessions now and busy ones when their exchanges are over. */
  async close(): Promise<void> {
    this.#closed = true
    for (const peer of this.#peers.values()) for (const { http2 } of peer.sessions) http2.close()
  }

  #peer(target: UpstreamTarget): Peer {
    let peer = this.#peers.get(target.key)
    if (peer === undefined) {
      // Rewritten URLs can name any number of hosts; what goes here is only that some of them chose HTTP/1.1.
      if (this.#peers.size >= MAX_PEERS) this.#forgetHttp1()
      peer = { target, sessions: [], waiting: [], cancelDial: null, http1: false }
      this.#peers.set(target.key, peer)
    }
    return peer
  }

  /** Starts what waits on sessions with room; opens a session for the rest. */
  #place(peer: Peer): void {
    while (peer.waiting.length > 0) {
      const session = peer.sessions.find((each) => hasRoom(each) && (this.#options.keepAlive || !each.used))
      if (session === undefined) {
        this.#dial(peer)
        return
      }
      this.#startOn(session, peer.waiting.shift() as Http2Exchange)
    }
  }

  #startOn(session: Session, exchange: Http2Exchange): void {
    if (exchange.abandoned) return
    session.active++
    if (session.active === 1) session.http2.ref()
    if (session.idleTimer !== null) clearTimeout(session.idleTimer)
    session.idleTimer = null
    const reused = session.used
    session.used = true
    exchange.start(session.http2, reused, () => this.#onStreamClosed(session))
  }

  #onStreamClosed(session: Session): void {
    session.active--
    if (session.active > 0 || session.http2.closed) return
    if (this.#closed || !this.#options.keepAlive) {
      session.http2.close()
      return
    }
    session.http2.unref()
    session.idleTimer = setTimeout(() => session.http2.close(), IDLE_TIMEOUT_MS).unref()
  }

  #dial(peer: Peer): void {
    if (peer.cancelDial !== null) return
    const { target } = peer
    const timeoutMs = peer.waiting[0]?.request.timeoutMs ?? 0
    peer.cancelDial = this.#options.dialler.dial(target, ['h2', 'http/1.1'], timeoutMs, {
      onConnected: (socket) => {
        peer.cancelDial = null
        if (target.h2c || (socket as TLSSocket).alpnProtocol === 'h2') this.#open(peer, socket)
        else this.#fallBack(peer, socket)
      },
      onFailed: (error) => {
        peer.cancelDial = null
        for (const exchange of peer.waiting.splice(0)) exchange.fail(error)
        this.#forget(peer)
      },
    })
  }

  #open(peer: Peer, socket: Socket): void {
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    const authority = `${peer.target.scheme}://${peer.target.authority}`
    const http2 = connect(authority, { ...SESSION_OPTIONS, createConnection: () => socket })
    const session: Session = { http2, active: 0, used: false, idleTimer: null }
    http2.once('connect', () => http2.setLocalWindowSize(SESSION_WINDOW_BYTES))
    // What an error means for a request, its stream says.
    http2.on('error', () => {})
    const drop = (): void => {
      const at = peer.sessions.indexOf(session)
      if (at !== -1) peer.sessions.splice(at, 1)
      if (session.idleTimer !== null) clearTimeout(session.idleTimer)
      this.#forget(peer)
    }
    http2.once('goaway', drop)
    http2.once('close', drop)
    peer.sessions.push(session)
    // Whatever room the upstream will announce: a session that takes nothing would be opened again and again.
    const first = peer.waiting.shift()
    if (first !== undefined) this.#startOn(session, first)
    this.#place(peer)
    if (session.active === 0) this.#onIdleFromStart(session)
  }

  /** The client that it was opened for has gone. */
  #onIdleFromStart(session: Session): void {
    session.active = 1
    this.#onStreamClosed(session)
  }

  #fallBack(peer: Peer, socket: Socket): void {
    peer.http1 = true
    const { http1 } = this.#options
    let free: Socket | null = socket
    for (const exchange of peer.waiting.splice(0)) {
      if (exchange.abandoned) continue
      const opened = free
      free = null
      if (opened === null) exchange.moveTo((request, handler) => http1.exchange(request, handler))
      else exchange.moveTo((request, handler) => http1.exchangeOn(opened, request, handler))
    }
    free?.destroy()
  }

  #forgetHttp1(): void {
    for (const [key, { http1 }] of this.#peers) if (http1) this.#peers.delete(key)
  }

  #forget(peer: Peer): void {
    const empty = peer.sessions.length === 0 && peer.waiting.length === 0 && peer.cancelDial === null
    const { key } = peer.target
    if (empty && !peer.http1 && this.#peers.get(key) === peer) this.#peers.delete(key)
  }
}

const hasRoom = ({ http2, active }: Session): boolean =>
  !http2.closed && !http2.destroyed && active < (http2.remoteSettings?.maxConcurrentStreams ?? PRESUMED_MAX_STREAMS)
