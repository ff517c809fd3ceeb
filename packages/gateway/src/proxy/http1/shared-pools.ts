// Hot path.
import type { Socket } from 'node:net'
import type { Exchange, ExchangeHandler, UpstreamRequest } from '../transport.ts'
import { Sharer } from './host-pool.ts'
import type { Http1Pool, Http1Sender } from './pool.ts'

interface SharedPool {
  readonly pool: Http1Pool
  readonly shares: Set<PoolShare>
}

/**
 * The pools of all APIs. APIs whose connections are made alike have one in common, so that each uses what another left idle:
 * with 1,000 APIs on one upstream, a request seldom has to wait for a connection. A pool ends with the last that has part in it.
 */
export class SharedPools {
  readonly #pools = new Map<string, SharedPool>()

  /**
   * @param key - Says all that decides how connections are made: what differs in anything of that must differ here.
   * @param create - Makes the pool for the first; it is told how many APIs have part in it.
   */
  join(key: string, create: (apis: () => number) => Http1Pool): PoolShare {
    const shared = this.#pools.get(key) ?? this.#create(key, create)
    const share = new PoolShare(shared.pool, () => {
      shared.shares.delete(share)
      if (shared.shares.size > 0) return shared.pool.leave(share)
      this.#pools.delete(key)
      void shared.pool.close()
    })
    shared.shares.add(share)
    return share
  }

  #create(key: string, create: (apis: () => number) => Http1Pool): SharedPool {
    const shares = new Set<PoolShare>()
    const shared = { pool: create(() => shares.size), shares }
    this.#pools.set(key, shared)
    return shared
  }
}

/** The part of one API in a pool. */
export class PoolShare extends Sharer implements Http1Sender {
  readonly #pool: Http1Pool
  readonly #onLeft: () => void

  constructor(pool: Http1Pool, onLeft: () => void) {
    super()
    this.#pool = pool
    this.#onLeft = onLeft
  }

  exchange(request: UpstreamRequest, handler: ExchangeHandler): Exchange {
    return this.#pool.exchange(request, handler, this)
  }

  exchangeOn(socket: Socket, request: UpstreamRequest, handler: ExchangeHandler): Exchange {
    return this.#pool.exchangeOn(socket, request, handler, this)
  }

  /** What it began goes on to its end. */
  async close(): Promise<void> {
    if (this.hasLeft) return
    this.hasLeft = true
    this.#onLeft()
  }
}
