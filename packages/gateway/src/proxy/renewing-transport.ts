import type { Exchange, ExchangeHandler, UpstreamRequest, UpstreamTransport } from './transport.ts'

/** Replaces a transport by a fresh one after a time (`max_conn_time`); the old one ends when its exchanges are over. */
export class RenewingTransport implements UpstreamTransport {
  readonly #create: () => UpstreamTransport
  readonly #lifetimeMs: number
  readonly #nowMs: () => number
  #current: UpstreamTransport
  #createdMs: number

  constructor(create: () => UpstreamTransport, lifetimeMs: number, nowMs: () => number = () => performance.now()) {
    this.#create = create
    this.#lifetimeMs = lifetimeMs
    this.#nowMs = nowMs
    this.#current = create()
    this.#createdMs = nowMs()
  }

  exchange(request: UpstreamRequest, handler: ExchangeHandler): Exchange {
    const now = this.#nowMs()
    if (now - this.#createdMs >= this.#lifetimeMs) {
      void this.#current.close()
      this.#current = this.#create()
      this.#createdMs = now
    }
    return this.#current.exchange(request, handler)
  }

  close(): Promise<void> {
    return this.#current.close()
  }
}
