/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** At least 0 and below 1. */
  next(): number
  /** A whole number from 0 up to `below`, not included. */
  integer(below: number): number
  pick<T>(items: readonly T[]): T
}

/** @param seed - A whole number of 32 bits. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  // mulberry32: a counter whose value is scrambled.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const integer = (below: number): number => Math.floor(next() * below)
  return { next, integer, pick: (items) => items[integer(items.length)] as never }
}
