// Hot path.
import type { Socket } from 'node:net'
import { awaited } from '../../event-loop/stay-awake.ts'
import { Connection, type ConnectionOwner } from './connection.ts'

/** Go's transport closes idle upstream connections after 90 s. */
const IDLE_TIMEOUT_MS = 90_000

/** One of the APIs that have a pool in common. */
export interface Sharer {
  readonly hasLeft: boolean
}

export interface IdleLimits {
  /** Idle connections kept per upstream host for each API that sends there. */
  readonly maxIdlePerHost: number
  /** Idle connections kept in all for each API; 0: no limit. */
  readonly maxIdle: number
  /** False: one connection per request. */
  readonly keepAlive: boolean
  /** How many APIs have part in the pool; one unless said otherwise. */
  readonly apis?: () => number
  /** Older connections are not used again; no limit unless said otherwise. */
  readonly maxAgeMs?: number
}

/** What the hosts of one pool have in common. */
export class IdleBudget {
  readonly #limits: IdleLimits
  readonly maxAgeMs: number
  /** Idle connections of all hosts. */
  idle = 0
  closed = false

  constructor(limits: IdleLimits) {
    this.#limits = limits
    this.maxAgeMs = limits.maxAgeMs ?? Infinity
  }

  /** Whether one more may be kept. Where nobody sends any more, there is no room. */
  hasRoom(idleOfHost: number, sharersOfHost: number): boolean {
    const { keepAlive, maxIdlePerHost, maxIdle, apis } = this.#limits
    if (this.closed || !keepAlive || idleOfHost >= maxIdlePerHost * sharersOfHost) return false
    return maxIdle === 0 || this.idle < maxIdle * (apis?.() ?? 1)
  }
}

export interface HostPoolOwner {
  readonly budget: IdleBudget
  readonly onRetryable: ConnectionOwner['onRetryable']
  /** The last connection is gone. */
  onEmpty(key: string): void
}

/** The connections to one upstream host, and the APIs that send there. */
export class HostPool implements ConnectionOwner {
  readonly upstream = awaited()
  readonly onRetryable: ConnectionOwner['onRetryable']
  readonly #key: string
  readonly #owner: HostPoolOwner
  /** Newest last: the connection used most recently is the least likely to be dead. */
  readonly #idle: Connection[] = []
  readonly #all = new Set<Connection>()
  readonly #sharers = new Set<Sharer>()

  constructor(key: string, owner: HostPoolOwner) {
    this.#key = key
    this.#owner = owner
    this.onRetryable = owner.onRetryable
  }

  add(socket: Socket, sharer: Sharer): Connection {
    const connection = new Connection(socket, this)
    this.#all.add(connection)
    this.#join(sharer)
    return connection
  }

  takeIdle(sharer: Sharer): Connection | undefined {
    this.#join(sharer)
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      this.#owner.budget.idle--
      if (performance.now() < connection.idleUntilMs) {
        connection.socket.ref()
        return connection
      }
      connection.abort()
    }
    return undefined
  }

  leave(sharer: Sharer): void {
    if (this.#sharers.delete(sharer) && this.#sharers.size === 0) this.endIdle()
  }

  /** @param untilMs - Only those that are not to be used from then on. */
  endIdle(untilMs = Infinity): void {
    // Not the list itself: each connection that ends takes itself out of it.
    for (const connection of this.#idle.filter((each) => each.idleUntilMs <= untilMs)) connection.abort()
  }

  destroy(): void {
    for (const connection of this.#all) connection.abort()
  }

  onIdle(connection: Connection): void {
    const { budget } = this.#owner
    const now = performance.now()
    const untilMs = Math.min(
      now + Math.min(connection.idleLimitMs, IDLE_TIMEOUT_MS),
      connection.openedMs + budget.maxAgeMs,
    )
    if (untilMs <= now || !budget.hasRoom(this.#idle.length, this.#sharers.size)) {
      connection.abort()
      return
    }
    connection.idleUntilMs = untilMs
    connection.socket.resume()
    connection.socket.unref()
    this.#idle.push(connection)
    budget.idle++
  }

  onClosed(connection: Connection): void {
    this.#all.delete(connection)
    const at = this.#idle.indexOf(connection)
    if (at !== -1) {
      this.#idle.splice(at, 1)
      this.#owner.budget.idle--
    }
    if (this.#all.size === 0) this.#owner.onEmpty(this.#key)
  }

  /** One that has left only ends what it began. */
  #join(sharer: Sharer): void {
    if (!sharer.hasLeft) this.#sharers.add(sharer)
  }
}
