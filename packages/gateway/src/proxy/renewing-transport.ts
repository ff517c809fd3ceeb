import type { Exchange, ExchangeHandler, UpstreamRequest, UpstreamTransport } from './transport.ts'

/** Replaces a transport by a fresh one after a time (`max_conn_time`); the old one ends when its exchanges are over. */
export class RenewingTransport implements UpstreamTransport {
  readonly #create: () => UpstreamTransport
  readonly #lifetimeMs: number
  readonly #nowMs: () => number
  #current: UpstreamTransport
  #createdMs: number
  #closed = false

  constructor(create: () => UpstreamTransport, lifetimeMs: number, nowMs: () => number = () => performance.now()) {
    this.#create = create
    this.#lifetimeMs = lifetimeMs
    this.#nowMs = nowMs
    this.#current = create()
    this.#createdMs = nowMs()
  }

  exchange(request: UpstreamRequest, handler: ExchangeHandler): Exchange {
    const now = this.#nowMs()
    // A request may still come after the close, on the set of before a reload: a fresh transport would have no owner.
    if (!this.#closed && now - this.#createdMs >= this.#lifetimeMs) {
      void this.#current.close()
      this.#current = this.#create()
      this.#createdMs = now
    }
    return this.#current.exchange(request, handler)
  }

  close(): Promise<void> {
    this.#closed = true
    return this.#current.close()
  }
}
