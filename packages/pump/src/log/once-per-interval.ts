/** Lets a line through once per interval, and tells how many it held back since. For what can repeat per record. */
export class OncePerInterval {
  readonly #intervalMs: number
  readonly #now: () => number
  #until = -Infinity
  #heldBack = 0

  constructor(intervalMs: number, now: () => number = Date.now) {
    this.#intervalMs = intervalMs
    this.#now = now
  }

  /** Calls `log` with the number of calls held back before this one, or holds this one back. */
  run(log: (heldBack: number) => void): void {
    if (this.#now() < this.#until) {
      this.#heldBack += 1
      return
    }
    this.#until = this.#now() + this.#intervalMs
    log(this.#heldBack)
    this.#heldBack = 0
  }

  /** The trouble is over: the next one is told at once. */
  reset(): void {
    this.#until = -Infinity
    this.#heldBack = 0
  }
}
