import { setTimeout as delay } from 'node:timers/promises'
import { CommitBehindError, LeaseGoneError, LeaseLostError } from '../errors.ts'
import type { Progress } from './window.ts'

export interface CommitterOptions {
  readonly sink: string
  readonly retryMs: number
  readonly onTrouble: (error: unknown) => void
  readonly onFinished: (progress: Progress) => void
  readonly onLost: (progress: Progress, error: LeaseLostError | LeaseGoneError) => void
}

/** Writes a sink's offsets and bookings to Redis, one commit per segment at a time, the newest offset only. */
export class Committer {
  readonly #options: CommitterOptions
  readonly #waiting = new Set<Progress>()
  #busy = false
  #run: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: CommitterOptions) {
    this.#options = options
  }

  /** The segment's offset moved. */
  schedule(progress: Progress): void {
    this.#waiting.add(progress)
    if (this.#busy) return
    this.#busy = true
    this.#run = this.#commitAll()
  }

  /** Resolves when nothing is left to commit, or nothing more will be because of close(). */
  async settled(): Promise<void> {
    while (this.#busy) await this.#run
  }

  close(): void {
    this.#closed = true
  }

  async #commitAll(): Promise<void> {
    for (const progress of this.#waiting) {
      this.#waiting.delete(progress)
      while (!this.#closed && !progress.lost && progress.committed < progress.settledTo) await this.#commit(progress)
    }
    // In the same step in which the last one was seen: what is scheduled from here on starts a new run.
    this.#busy = false
  }

  async #commit(progress: Progress): Promise<void> {
    const { book, settledTo: to } = progress
    const bookings = book?.seal(to) ?? null
    try {
      await progress.segment.commit(this.#options.sink, to, bookings)
      book?.stored(to)
      progress.committed = to
      if (progress.segment.finished) this.#options.onFinished(progress)
    } catch (error) {
      if (error instanceof LeaseLostError || error instanceof LeaseGoneError)
        return this.#options.onLost(progress, error)
      if (error instanceof CommitBehindError) return book?.rewind()
      this.#options.onTrouble(error)
      // Redis is away. The next call does the work of this one too, whether or not this one arrived.
      await delay(this.#options.retryMs, undefined, { ref: false })
    }
  }
}
