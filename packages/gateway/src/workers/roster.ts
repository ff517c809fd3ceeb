import type { Log } from '../log/log.ts'
import { restartDelayMs } from './backoff.ts'
import type { WorkerEnd, WorkerProcess } from './worker-process.ts'

/** A worker and how far it has come. */
export interface Member extends WorkerProcess {
  /** It has been given a set of APIs, so it has to hear of every change. */
  follows: boolean
  /** Its listeners are open. */
  serves: boolean
}

export interface RosterOptions {
  readonly count: number
  readonly log: Log
  fork(index: number): WorkerProcess
  /** Makes a replacement serve; a rejection ends the process. */
  bringUp(member: Member): Promise<void>
  onEnd(member: Member): void
  /** Nobody serves, and starting others has failed time and again. */
  onLost(): void
}

/** A process that served for this long had no trouble in starting. */
const STEADY_MS = 10_000
/** Failed starts in a row, with nobody serving, after which there is no hope. */
const MAX_FAILURES = 5

/** The processes of the gateway, one per place. Whoever ends is replaced, with growing pauses, until `close`. */
export class Roster {
  readonly #options: RosterOptions
  readonly #places: (Member | null)[]
  readonly #failures: number[]
  readonly #timers = new Map<number, NodeJS.Timeout>()
  #replaces = false

  constructor(options: RosterOptions) {
    this.#options = options
    this.#places = Array.from({ length: options.count }, () => null)
    this.#failures = this.#places.map(() => 0)
  }

  get members(): readonly Member[] {
    return this.#places.filter((member) => member !== null)
  }

  /** Starts a process for every place. */
  fill(): readonly Member[] {
    return this.#places.map((_, index) => this.#fork(index))
  }

  /** From now on whoever ends is replaced. */
  watch(): void {
    this.#replaces = true
    for (const [index, member] of this.#places.entries()) if (member === null) this.#schedule(index)
  }

  /**
   * Asks every process to end and waits for it; whoever is still there at the deadline is killed.
   *
   * @returns how many did not end as they should.
   */
  async close(ask: (member: Member) => void, deadlineMs: number): Promise<number> {
    this.#replaces = false
    for (const timer of this.#timers.values()) clearTimeout(timer)
    const { members } = this
    const late = setTimeout(() => {
      this.#options.log.error({ deadline_ms: deadlineMs }, 'A worker process did not end in time and is killed')
      for (const member of this.members) member.kill()
    }, deadlineMs)
    for (const member of members) ask(member)
    const ends = await Promise.all(members.map(({ ended }) => ended))
    clearTimeout(late)
    return ends.filter(({ exitCode }) => exitCode !== 0).length
  }

  #fork(index: number): Member {
    const member: Member = { ...this.#options.fork(index), follows: false, serves: false }
    const startedAtMs = performance.now()
    this.#places[index] = member
    void member.ended.then((end) => this.#onEnd(member, end, performance.now() - startedAtMs))
    return member
  }

  #onEnd(member: Member, { exitCode, signal }: WorkerEnd, livedMs: number): void {
    const { index, pid, serves } = member
    this.#places[index] = null
    member.follows = false
    member.serves = false
    this.#options.onEnd(member)
    if (!this.#replaces) return
    const fields = { worker: pid, exit_code: exitCode, signal }
    this.#options.log.error(fields, 'A worker process has ended, another takes its place')
    this.#failures[index] = serves && livedMs >= STEADY_MS ? 0 : (this.#failures[index] ?? 0) + 1
    if (this.#failures[index] >= MAX_FAILURES && !this.members.some((other) => other.serves)) this.#options.onLost()
    else this.#schedule(index)
  }

  #schedule(index: number): void {
    const start = (): void => {
      this.#timers.delete(index)
      if (this.#replaces) void this.#replace(index)
    }
    this.#timers.set(index, setTimeout(start, restartDelayMs(this.#failures[index] ?? 0)))
  }

  async #replace(index: number): Promise<void> {
    const member = this.#fork(index)
    try {
      await this.#options.bringUp(member)
      if (!this.#replaces) return
      this.#options.log.info({ worker: member.pid }, 'A worker process has taken the place of one that ended')
    } catch (err) {
      if (!this.#replaces) return
      this.#options.log.error({ err, worker: member.pid }, 'A worker process could not start')
      member.kill()
    }
  }
}
