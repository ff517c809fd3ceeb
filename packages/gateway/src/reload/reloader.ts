import type { Log } from '../log/log.ts'
import type { ReloadJournal } from './journal.ts'

/**
 * Runs reloads one after the other. Requests that arrive while one is due are served by the same run.
 *
 * At most one run begins per interval, as in Tyk; the first of a quiet time begins at once.
 */
export class Reloader {
  readonly #run: () => Promise<void>
  readonly #intervalMs: number
  readonly #log: Log
  readonly #journal: ReloadJournal | null
  #waiting: (() => void)[] = []
  #running = false
  #startedAtMs = -Infinity
  #timer: NodeJS.Timeout | null = null
  #closed = false
  /** How many reloads worked. */
  done = 0
  /** How many did not. */
  failed = 0

  constructor(run: () => Promise<void>, intervalMs: number, log: Log, journal: ReloadJournal | null) {
    this.#run = run
    this.#intervalMs = intervalMs
    this.#log = log
    this.#journal = journal
  }

  /** Queues a reload. Resolves when a run that began after this call is over, whether it worked or not. */
  request(): Promise<void> {
    this.#log.info({ prefix: 'main' }, 'Reload queued')
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#schedule()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #schedule(): void {
    if (this.#running || this.#timer !== null || this.#closed) return
    const waitMs = Math.max(0, this.#startedAtMs + this.#intervalMs - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.#cycle()
    }, waitMs)
  }

  async #cycle(): Promise<void> {
    const served = this.#waiting
    this.#waiting = []
    this.#running = true
    this.#startedAtMs = performance.now()
    this.#log.info({ prefix: 'main' }, 'reload: initiating')
    let worked = true
    try {
      await this.#run()
      this.done++
      this.#log.info({ prefix: 'main' }, 'reload: complete')
    } catch (err) {
      worked = false
      this.failed++
      this.#log.error({ prefix: 'main', err }, 'reload: failed, the APIs loaded before stay in service')
    }
    this.#log.info({ prefix: 'main', ms: Math.round(performance.now() - this.#startedAtMs) }, 'reload: cycle completed')
    this.#journal?.(worked)
    this.#running = false
    for (const resolve of served) resolve()
    if (this.#waiting.length > 0) this.#schedule()
  }
}
