export type StoreState = 'ok' | 'degraded' | 'down'

export interface StoreReport {
  readonly state: StoreState
  readonly error: string | null
  /** Of the present state; null while all is well. */
  readonly sinceMs: number | null
}

/** A part of the truth says little about what is asked a minute later. */
const PARTIAL_COUNTS_MS = 60_000

/**
 * What the answers of the store say about it. It is down when it did not answer the last time, degraded when the last view
 * was a part of the truth or came too late, and well again with the first whole answer.
 */
export class StoreHealth {
  readonly #now: () => number
  #down: { readonly error: string; readonly sinceMs: number } | null = null
  #degraded: { readonly error: string; readonly sinceMs: number; readonly seenMs: number } | null = null

  constructor(now: () => number) {
    this.#now = now
  }

  /** It answered a small question. */
  reached(): void {
    this.#down = null
  }

  /** It answered a view; null: wholly. */
  answered(partial: string | null): void {
    this.#down = null
    const now = this.#now()
    this.#degraded = partial === null ? null : { error: partial, sinceMs: this.#degraded?.sinceMs ?? now, seenMs: now }
  }

  failed(error: string): void {
    this.#down = { error, sinceMs: this.#down?.sinceMs ?? this.#now() }
  }

  report(): StoreReport {
    if (this.#down !== null) return { state: 'down', ...this.#down }
    const degraded = this.#degraded
    if (degraded !== null && this.#now() - degraded.seenMs <= PARTIAL_COUNTS_MS) {
      return { state: 'degraded', error: degraded.error, sinceMs: degraded.sinceMs }
    }
    return { state: 'ok', error: null, sinceMs: null }
  }
}
