import net, { type Socket } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { trustSystemRoots } from '../tls/roots.ts'
import type { ForwardProxy, ProxyChooser } from './forward-proxy.ts'
import { keepRefusedCertificate } from './refused-certificate.ts'
import { SharedRead } from './shared-read.ts'
import { UpstreamError, type UpstreamFailure } from './transport.ts'
import type { UpstreamTls } from './upstream-tls.ts'
import type { UpstreamTarget } from './upstream-url.ts'

export interface DialOptions {
  readonly tls: UpstreamTls
  readonly proxyFor: ProxyChooser
}

export interface DialOutcome {
  onConnected(socket: Socket): void
  onFailed(error: UpstreamError): void
}

/** Go's limit for a TLS handshake; the same for what a proxy answers to CONNECT. */
const HANDSHAKE_TIMEOUT_MS = 10_000
const MAX_CONNECT_ANSWER_BYTES = 64 * 1024

/** Opens connections to the upstreams of one API: directly or through a proxy, with or without TLS. */
export class Dialler {
  readonly #options: DialOptions
  readonly #attempts = new Set<Attempt>()

  constructor(options: DialOptions) {
    this.#options = options
  }

  /** The proxy that takes plain requests for this target in absolute form; null: none. */
  plainProxy(target: UpstreamTarget): ForwardProxy | null {
    return target.scheme === 'http' && !target.h2c ? this.#options.proxyFor(target) : null
  }

  /**
   * @param alpn - Offered in the TLS greeting.
   * @param timeoutMs - For the TCP connection; 0: no limit.
   * @param sharesRead - A plain connection straight to the target reads into common memory, see `SharedRead`; it emits no data.
   * @returns A function that gives the attempt up; the outcome is not reported then.
   */
  dial(
    target: UpstreamTarget,
    alpn: readonly string[],
    timeoutMs: number,
    outcome: DialOutcome,
    sharesRead = false,
  ): () => void {
    const attempt = new Attempt(this.#options, target, alpn, timeoutMs, sharesRead)
    this.#attempts.add(attempt)
    attempt.open().then(
      (socket) => {
        this.#attempts.delete(attempt)
        if (attempt.cancelled) socket.destroy()
        else outcome.onConnected(socket)
      },
      (err: unknown) => {
        this.#attempts.delete(attempt)
        if (!attempt.cancelled) outcome.onFailed(asUpstreamError(err))
      },
    )
    return () => attempt.cancel()
  }

  /** Gives up every attempt. */
  destroy(): void {
    for (const attempt of this.#attempts) attempt.cancel()
  }
}

class Attempt {
  readonly #options: DialOptions
  readonly #target: UpstreamTarget
  readonly #alpn: readonly string[]
  readonly #timeoutMs: number
  readonly #sharesRead: boolean
  #socket: Socket | null = null
  cancelled = false

  constructor(
    options: DialOptions,
    target: UpstreamTarget,
    alpn: readonly string[],
    timeoutMs: number,
    sharesRead: boolean,
  ) {
    this.#options = options
    this.#target = target
    this.#alpn = alpn
    this.#timeoutMs = timeoutMs
    this.#sharesRead = sharesRead
  }

  cancel(): void {
    this.cancelled = true
    this.#socket?.destroy()
  }

  async open(): Promise<Socket> {
    const target = this.#target
    const proxy = target.h2c ? null : this.#options.proxyFor(target)
    const { hostname: host, port } = proxy ?? target
    const read = this.#sharesRead && proxy === null && target.scheme === 'http' ? new SharedRead() : null
    const connecting = net.connect({ host, port, ...(read !== null && { onread: read.options }) })
    read?.belongTo(connecting)
    let socket: Socket = await this.#until(connecting, 'connect', this.#timeoutMs)
    if (proxy?.scheme === 'https') {
      trustSystemRoots()
      socket = await this.#secure(tls.connect({ socket, ...peerName(host) }))
    }
    if (target.scheme === 'http') return socket
    if (proxy !== null) await this.#tunnel(socket, proxy)
    const options = this.#options.tls.connectOptions(target)
    const secured = await this.#secure(tls.connect({ ...options, socket, ALPNProtocols: [...this.#alpn] }))
    try {
      this.#options.tls.check(secured, target)
    } catch (err) {
      secured.destroy()
      throw new UpstreamError('tls', (err as Error).message, { cause: err })
    }
    return secured
  }

  #secure(socket: TLSSocket): Promise<TLSSocket> {
    keepRefusedCertificate(socket)
    return this.#until(socket, 'secureConnect', HANDSHAKE_TIMEOUT_MS)
  }

  /** Waits for an event of a socket, which is destroyed when it does not come. */
  #until<S extends Socket>(socket: S, event: string, limitMs: number): Promise<S> {
    this.#socket = socket
    return new Promise((resolve, reject) => {
      const settle = (error: UpstreamError | null): void => {
        clearTimeout(timer)
        socket.off('error', onError)
        socket.off('close', onClose)
        socket.off(event, onEvent)
        if (error === null) {
          resolve(socket)
          return
        }
        socket.on('error', () => {})
        socket.destroy()
        reject(error)
      }
      const onError = (err: NodeJS.ErrnoException): void =>
        settle(new UpstreamError(failureOf(err, event), 'could not connect to the upstream', { cause: err }))
      const onClose = (): void => settle(new UpstreamError('connect', 'the connection was closed while it was opened'))
      const onEvent = (): void => settle(null)
      const timer =
        limitMs > 0 ? setTimeout(() => settle(new UpstreamError('dial-timeout', 'dial timeout')), limitMs) : undefined
      socket.once('error', onError)
      socket.once('close', onClose)
      socket.once(event, onEvent)
    })
  }

  async #tunnel(socket: Socket, proxy: ForwardProxy): Promise<void> {
    const { hostname, port } = this.#target
    const authority = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`
    const authorization = proxy.authorization === null ? '' : `Proxy-Authorization: ${proxy.authorization}\r\n`
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`)
    let answer = ''
    const onReadable = (): void => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
        answer += chunk.toString('latin1')
        if (answer.length > MAX_CONNECT_ANSWER_BYTES) socket.destroy()
        else if (answer.includes('\r\n\r\n')) socket.emit('tunnel')
      }
    }
    socket.on('readable', onReadable)
    try {
      await this.#until(socket, 'tunnel', HANDSHAKE_TIMEOUT_MS)
    } finally {
      socket.off('readable', onReadable)
    }
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1]
    if (status === '200') return
    socket.destroy()
    throw new UpstreamError('connect', `the forward proxy answered ${status ?? 'no HTTP status'} to CONNECT`)
  }
}

const peerName = (host: string): { host: string; servername: string } => ({
  host,
  servername: net.isIP(host) === 0 ? host : '',
})

/** Node throws at once for a port that cannot be. */
const asUpstreamError = (err: unknown): UpstreamError =>
  err instanceof UpstreamError
    ? err
    : new UpstreamError('connect', 'could not connect to the upstream', { cause: err as Error })

function failureOf(err: NodeJS.ErrnoException, event: string): UpstreamFailure {
  if (err.code === 'ENOTFOUND') return 'lookup'
  return event === 'secureConnect' ? 'tls' : 'connect'
}
