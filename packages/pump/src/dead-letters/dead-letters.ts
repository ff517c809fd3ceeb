import type { Log } from '../log/log.ts'
import { OncePerInterval } from '../log/once-per-interval.ts'
import type { DeadLetter } from './letter.ts'
import type { DeadLetterStore, Pushed } from './store.ts'

export interface DeadLettersOptions {
  /** Where they are kept by configuration. */
  readonly store: DeadLetterStore
  /** Takes what that one cannot: the list in Redis. The same one when that is what is configured. */
  readonly fallback: DeadLetterStore
  readonly log: Log
}

/** A store that does not answer must not hold up the sinks, whose records wait for their letters to be safe. */
const PUSH_TIMEOUT_MS = 10_000

/** Whoever looks at the state of the pump must not wait for a store, nor keep it busy. */
const COUNT_TIMEOUT_MS = 500
const COUNT_EVERY_MS = 1_000

/** Keeps records that cannot be delivered for a person to look at. */
export class DeadLetters {
  readonly #options: DeadLettersOptions
  readonly #evictions = new OncePerInterval(60_000)
  readonly #troubles = new OncePerInterval(60_000)
  #counting: Promise<void> | null = null
  #countedAt = -Infinity
  /** Letters that wait by the last `count`; null: they could not be counted. */
  waiting: number | null = null
  evicted = 0

  constructor(options: DeadLettersOptions) {
    this.#options = options
  }

  /**
   * Counts the letters that wait, since commands and other pumps add to them and take them away. Asks at most once a second,
   * and resolves within half of one.
   */
  async count(): Promise<number | null> {
    if (performance.now() - this.#countedAt >= COUNT_EVERY_MS) {
      this.#counting ??= this.#countAll().finally(() => {
        this.#counting = null
      })
      await this.#counting
    }
    return this.waiting
  }

  async #countAll(): Promise<void> {
    const { store, fallback } = this.#options
    const stores = store === fallback ? [store] : [store, fallback]
    // What does not answer in time is not waited for, and a count that fails later concerns nobody.
    const counts = Promise.all(stores.map((one) => one.count())).catch(() => null)
    const timer = Promise.withResolvers<null>()
    const timeout = setTimeout(() => timer.resolve(null), COUNT_TIMEOUT_MS)
    const found = await Promise.race([counts, timer.promise])
    clearTimeout(timeout)
    this.waiting = found?.reduce((sum, count) => sum + count, 0) ?? null
    this.#countedAt = performance.now()
  }

  /** Resolves once all of them are safe. @throws when Redis cannot take them either: try again. */
  async push(letters: readonly DeadLetter[]): Promise<void> {
    const { store, fallback } = this.#options
    let left = letters
    if (store !== fallback) {
      left = await this.#pushAsConfigured(letters)
      if (left.length === 0) return
    }
    this.#note(fallback, await fallback.push(left, NEVER))
  }

  /** Returns the letters that did not find a place. */
  async #pushAsConfigured(letters: readonly DeadLetter[]): Promise<readonly DeadLetter[]> {
    const { store } = this.#options
    try {
      const pushed = await pushWithin(store, letters)
      this.#note(store, pushed)
      if (pushed.refused === undefined) return []
      this.#complain(pushed.refused.why)
      return pushed.refused.letters
    } catch (error) {
      this.#complain(error)
      return letters
    }
  }

  #complain(err: unknown): void {
    const { store, fallback, log } = this.#options
    this.#troubles.run((notLogged) => {
      const fields = { err, place: store.place, instead: fallback.place, ...(notLogged > 0 && { notLogged }) }
      log.error(fields, 'dead letters cannot be kept as configured')
    })
  }

  async close(): Promise<void> {
    const { store, fallback } = this.#options
    await Promise.allSettled([store.close(), fallback.close()])
  }

  #note(store: DeadLetterStore, { evicted }: Pushed): void {
    if (evicted === 0) return
    this.evicted += evicted
    this.#evictions.run(() => {
      this.#options.log.error(
        { place: store.place, evicted: this.evicted },
        'too many dead letters, the oldest are dropped',
      )
    })
  }
}

const NEVER = new AbortController().signal

async function pushWithin(store: DeadLetterStore, letters: readonly DeadLetter[]): Promise<Pushed> {
  const signal = AbortSignal.timeout(PUSH_TIMEOUT_MS)
  const { promise: late, reject } = Promise.withResolvers<never>()
  late.catch(() => undefined)
  const giveUp = (): void => reject(new Error(`no answer within ${PUSH_TIMEOUT_MS / 1000} s`))
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await Promise.race([store.push(letters, signal), late])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
