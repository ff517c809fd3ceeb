// Hot path.

/**
 * A map with a bound: entries not used lately make room for new ones.
 *
 * Two generations instead of a list of uses: a hit in the young one costs a single lookup, and what is not touched
 * during a whole generation is dropped with it. Holds between half of the bound and the bound when full.
 */
export class BoundedMap<K, V> {
  readonly #half: number
  #young = new Map<K, V>()
  #old = new Map<K, V>()
  readonly #onDrop: ((value: V) => void) | null

  /** @param onDrop - told of every value that leaves to make room, not of deleted or replaced ones. */
  constructor(maxEntries: number, onDrop: ((value: V) => void) | null = null) {
    this.#half = Math.max(1, Math.floor(maxEntries / 2))
    this.#onDrop = onDrop
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old === undefined) return undefined
    this.#old.delete(key)
    this.set(key, old)
    return old
  }

  set(key: K, value: V): void {
    this.#old.delete(key)
    if (this.#young.size >= this.#half && !this.#young.has(key)) this.#age()
    this.#young.set(key, value)
  }

  delete(key: K): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }

  #age(): void {
    const dropped = this.#old
    this.#old = this.#young
    this.#young = new Map()
    if (this.#onDrop !== null) for (const value of dropped.values()) this.#onDrop(value)
  }
}
