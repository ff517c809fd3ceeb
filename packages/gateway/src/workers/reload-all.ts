import type { Log } from '../log/log.ts'
import { mergeSets, type SharedSet } from '../reload/shared-set.ts'
import { PeerGoneError, PeerLateError, WorkersLostError } from './errors.ts'
import type { Member, Roster } from './roster.ts'

/** A reload of thousands of APIs takes seconds; nothing waits for it but who asked. */
const DEADLINE_MS = 120_000

/**
 * One set of APIs and policies in every worker: one worker loads, the others adopt what came of it. A worker that
 * starts later gets the whole.
 */
export class ReloadAll {
  readonly #roster: Roster
  readonly #log: Log
  #current: SharedSet = { apis: [], policies: null, loadedOnce: false, secrets: [] }

  constructor(roster: Roster, log: Log) {
    this.#roster = roster
    this.#log = log
  }

  get loadedOnce(): boolean {
    return this.#current.loadedOnce
  }

  /** Of the APIs in service. */
  get apiIds(): ReadonlySet<string> {
    return new Set(this.#current.apis.map(({ apiId }) => apiId))
  }

  /**
   * The load at the start of the gateway. A failure leaves it without APIs.
   *
   * @param members - the first one loads.
   */
  async begin(members: readonly Member[]): Promise<void> {
    const [loader, ...others] = members as [Member, ...Member[]]
    try {
      this.#current = mergeSets(null, await loader.peer.ask('load', null, DEADLINE_MS))
    } catch (err) {
      if (err instanceof PeerGoneError) throw err
      this.#log.error({ err }, 'First load failed: no API is served until a reload works')
    }
    loader.follows = true
    await Promise.all(others.map((member) => this.give(member)))
  }

  /** Gives a worker that has nothing yet the set in force. */
  async give(member: Member): Promise<void> {
    member.follows = true
    await member.peer.ask('adopt', this.#current, DEADLINE_MS)
  }

  /** @throws Error when the load did not work: every worker goes on with what it has. */
  async reload(): Promise<void> {
    const { loader, change } = await this.#loadInOne()
    this.#current = mergeSets(this.#current, change)
    const others = this.#roster.members.filter((member) => member.follows && member !== loader)
    await Promise.all(others.map((member) => this.#passOn(member, change)))
    // Lines that workers wrote before they answered are read by now, so they stand before what is logged next.
    await new Promise((resolve) => setImmediate(resolve))
  }

  async #loadInOne(): Promise<{ loader: Member; change: SharedSet }> {
    for (const loader of this.#roster.members.filter((member) => member.serves)) {
      try {
        return { loader, change: await loader.peer.ask('load', null, DEADLINE_MS) }
      } catch (err) {
        if (err instanceof PeerGoneError) continue
        // Its load may still end, and come into force there alone.
        if (err instanceof PeerLateError) this.#replace(loader, err)
        throw err
      }
    }
    throw new WorkersLostError('no worker process is there to load the APIs')
  }

  #replace(member: Member, err: unknown): void {
    this.#log.error({ err, worker: member.pid }, 'A worker process could not take a reload over, it is replaced')
    member.follows = false
    member.peer.tell('close', null)
  }

  async #passOn(member: Member, change: SharedSet): Promise<void> {
    try {
      await member.peer.ask('adopt', change, DEADLINE_MS)
    } catch (err) {
      if (err instanceof PeerGoneError) return
      this.#replace(member, err)
    }
  }
}
