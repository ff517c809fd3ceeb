// Hot path.
const FIRST_CAPACITY = 64

/**
 * A queue of which both ends can be reached without moving the rest. It goes round in one array, and what has left it is
 * not in that array any more: a queue that left arrays full of dead records behind would keep those in memory until a full
 * collection.
 */
export class Fifo<T> {
  /** A power of two of places. */
  #places: (T | undefined)[] = emptyPlaces(FIRST_CAPACITY)
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  peek(): T | undefined {
    return this.#places[this.#head]
  }

  push(item: T): void {
    this.#reserve(1)
    this.#places[(this.#head + this.#length) & (this.#places.length - 1)] = item
    this.#length += 1
  }

  shift(): T | undefined {
    const item = this.#places[this.#head]
    if (this.#length === 0) return undefined
    this.#places[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#places.length - 1)
    this.#length -= 1
    return item
  }

  /** Puts items before all others, in their own order. */
  prepend(items: readonly T[]): void {
    this.#reserve(items.length)
    const mask = this.#places.length - 1
    this.#head = (this.#head - items.length) & mask
    this.#length += items.length
    for (const [i, item] of items.entries()) this.#places[(this.#head + i) & mask] = item
  }

  removeWhere(unwanted: (item: T) => boolean): void {
    for (let left = this.#length; left > 0; left--) {
      const item = this.shift() as T
      if (!unwanted(item)) this.push(item)
    }
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#places.length) return
    let capacity = this.#places.length * 2
    while (capacity < this.#length + more) capacity *= 2
    const larger = emptyPlaces<T>(capacity)
    for (let i = 0; i < this.#length; i++) larger[i] = this.#places[(this.#head + i) & (this.#places.length - 1)]
    this.#places = larger
    this.#head = 0
  }
}

function emptyPlaces<T>(capacity: number): (T | undefined)[] {
  return Array.from<T | undefined>({ length: capacity })
}
