import type { DeadLetter, LetterHead } from './letter.ts'

/** One letter of a store, and where it lies. */
export interface Found {
  readonly head: LetterHead
  /** The store's own way to find it again. */
  readonly ref: unknown
}

export interface Pushed {
  /** Letters in the store now; null when it does not know. */
  readonly size: number | null
  /** Letters this push displaced, because the store was full. */
  readonly evicted: number
  /** Letters that it did not take although it took others, and why. */
  readonly refused?: { readonly letters: readonly DeadLetter[]; readonly why: string }
}

/** A place where dead letters are kept. */
export interface DeadLetterStore {
  /** For messages, e.g. `the Redis list x`. */
  readonly place: string
  /**
   * Resolves once every letter is safe, but for those it says it refused. One that is there already is not kept twice.
   *
   * @throws when it cannot be said of any of them; they may be pushed again, here or elsewhere.
   */
  push(letters: readonly DeadLetter[], signal: AbortSignal): Promise<Pushed>
  /** Letters in the store. */
  count(): Promise<number>
  /** Letters dropped so far because the store was full; null when it does not know. */
  evicted(): Promise<number | null>
  /** All of them, some at a time, in no order that can be relied on. One that comes twice has the same head. */
  list(): AsyncIterable<readonly Found[]>
  /** The bytes of each, in order; null for one that is gone, or was kept without them. */
  read(found: readonly Found[]): Promise<readonly (Buffer | null)[]>
  /** Takes letters out. Returns how many of them were still there. */
  remove(found: readonly Found[], why: 'replayed' | 'dropped'): Promise<number>
  close(): Promise<void>
}
