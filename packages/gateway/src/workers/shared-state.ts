import type { Log } from '../log/log.ts'
import type { GatewayState } from './part.ts'
import type { Member, Roster } from './roster.ts'

/** How soon workers hear of a change. */
const LOOK_MS = 250
/** Connections come back one after the other: a worker that is later than this has a trouble of its own. */
const GRACE_MS = 5000

/** Tells the workers what the gateway as a whole looks like, whenever that changes. */
export class SharedState {
  readonly #roster: Roster
  readonly #log: Log
  readonly #read: () => GatewayState
  readonly #withoutRedis = new Map<Member, { readonly sinceMs: number; logged: boolean }>()
  readonly #timer: NodeJS.Timeout
  #told = ''

  /** @param read - the state as the parent sees it; whether the workers reach Redis is added here. */
  constructor(roster: Roster, log: Log, read: () => GatewayState) {
    this.#roster = roster
    this.#log = log
    this.#read = read
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref()
  }

  get current(): GatewayState {
    const state = this.#read()
    return { ...state, redisIsUp: state.redisIsUp && this.#withoutRedis.size === 0 }
  }

  /** @param member - undefined: it has ended meanwhile. */
  noteRedis(member: Member | undefined, isUp: boolean): void {
    if (member === undefined) return
    if (isUp) this.#withoutRedis.delete(member)
    else if (!this.#withoutRedis.has(member))
      this.#withoutRedis.set(member, { sinceMs: performance.now(), logged: false })
    this.look()
  }

  forget(member: Member): void {
    this.#withoutRedis.delete(member)
  }

  look(): void {
    const state = this.current
    const text = JSON.stringify(state)
    if (text !== this.#told) for (const { peer } of this.#roster.members) peer.tell('state', state)
    this.#told = text
    if (this.#read().redisIsUp) this.#reportAlone()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #reportAlone(): void {
    for (const [member, trouble] of this.#withoutRedis) {
      if (trouble.logged || performance.now() - trouble.sinceMs < GRACE_MS) continue
      trouble.logged = true
      this.#log.error({ worker: member.pid }, 'storage: a worker process does not reach Redis, the others do')
    }
  }
}
