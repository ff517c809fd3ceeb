// Hot path.
import type { Socket } from 'node:net'
import { awaited } from '../../event-loop/stay-awake.ts'
import { Connection, type ConnectionOwner } from './connection.ts'

/** Go's transport closes idle upstream connections after 90 s. */
const IDLE_TIMEOUT_MS = 90_000

/** One of the APIs that have a pool in common. */
export class Sharer {
  hasLeft = false
  /** Where it sends. */
  readonly hosts = new Set<HostPool>()
  /** Where it has sent last. */
  lastHost: HostPool | null = null
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
  /**
   * Newest last: the connection used most recently is the least likely to be dead. One that the upstream has closed stays until it
   * would be taken, or is swept.
   */
  #idle: Connection[] = []
  #idleCount = 0
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
      if (!connection.isIdle) continue
      this.#wake(connection)
      if (performance.now() < connection.idleUntilMs) {
        connection.socket.ref()
        return connection
      }
      connection.abort()
    }
    return undefined
  }

  leave(sharer: Sharer): void {
    this.#sharers.delete(sharer)
  }

  get hasSharers(): boolean {
    return this.#sharers.size > 0
  }

  /** @param untilMs - Only those that are not to be used from then on. */
  endIdle(untilMs = Infinity): void {
    for (const connection of this.#idle) if (connection.idleUntilMs <= untilMs) connection.abort()
    this.#idle = this.#idle.filter(({ isIdle }) => isIdle)
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
    if (untilMs <= now || !budget.hasRoom(this.#idleCount, this.#sharers.size)) {
      connection.abort()
      return
    }
    connection.idleUntilMs = untilMs
    connection.socket.resume()
    connection.socket.unref()
    connection.isIdle = true
    this.#idle.push(connection)
    this.#idleCount++
    budget.idle++
  }

  onClosed(connection: Connection): void {
    this.#all.delete(connection)
    if (connection.isIdle) this.#wake(connection)
    if (this.#all.size > 0) return
    for (const sharer of this.#sharers) {
      sharer.hosts.delete(this)
      if (sharer.lastHost === this) sharer.lastHost = null
    }
    this.#sharers.clear()
    this.#owner.onEmpty(this.#key)
  }

  #wake(connection: Connection): void {
    connection.isIdle = false
    this.#idleCount--
    this.#owner.budget.idle--
  }

  /** One that has left only ends what it began. */
  #join(sharer: Sharer): void {
    if (sharer.lastHost === this || sharer.hasLeft) return
    sharer.lastHost = this
    sharer.hosts.add(this)
    this.#sharers.add(sharer)
  }
}
