/**
 * A signal of one's own for one piece of work: it aborts when a parent does, or after a time.
 *
 * In place of `AbortSignal.any` and `AbortSignal.timeout`, which are found through weak references: those are followed by
 * every collection of young objects, so that what hangs on such a signal stays in memory until a full one. With bulk
 * bodies that was 50 MB.
 */
export class AbortScope {
  readonly #controller = new AbortController()
  readonly #parents: readonly AbortSignal[]
  readonly #onAbort = (): void => this.abort()
  #timer: NodeJS.Timeout | undefined
  /** The time was over before anything else ended the work. */
  timedOut = false

  /** @param timeoutMs - Infinity: none. */
  constructor(parents: readonly AbortSignal[], timeoutMs = Infinity) {
    this.#parents = parents
    for (const parent of parents) {
      if (parent.aborted) this.abort()
      else parent.addEventListener('abort', this.#onAbort)
    }
    if (timeoutMs === Infinity || this.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.timedOut = true
      this.abort()
    }, timeoutMs)
    this.#timer.unref()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(): void {
    this.#controller.abort()
  }

  /** The work has ended: lets go of the parents. */
  end(): void {
    clearTimeout(this.#timer)
    for (const parent of this.#parents) parent.removeEventListener('abort', this.#onAbort)
  }
}
