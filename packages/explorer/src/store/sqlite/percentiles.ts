import type { Percentiles } from '../../api/schema.ts'

/** Milliseconds below this are counted by value, which is all of them but a few long connections. */
const COUNTED_BELOW = 65_536

/**
 * Values of one group, to read percentiles from: the one at rank max(1, floor(p * n + 0.5)) in ascending order, which
 * occurs. Counting takes a pass through memory as it lies; sorting a million values, or visiting them by rank, took most of
 * the time of an overview.
 */
export class Ranks {
  #length = 0
  #largest = -1
  readonly #counts = new Uint32Array(COUNTED_BELOW)
  readonly #others: number[] = []
  #isSorted = true

  /** NaN is no value. */
  add(value: number): void {
    if (value >= 0 && value < COUNTED_BELOW && Number.isInteger(value)) {
      this.#counts[value] = (this.#counts[value] as number) + 1
      if (value > this.#largest) this.#largest = value
    } else if (Number.isNaN(value)) {
      return
    } else {
      this.#others.push(value)
      this.#isSorted = false
    }
    this.#length++
  }

  /** Null without a value. */
  percentile(percent: number): number | null {
    if (this.#length === 0) return null
    let left = Math.max(1, Math.floor((percent / 100) * this.#length + 0.5))
    const others = this.#sortedOthers()
    // Negative and broken values may lie between; there are next to none.
    let other = 0
    for (let value = 0; value <= this.#largest; value++) {
      for (; other < others.length && (others[other] as number) < value; other++) {
        if (--left === 0) return others[other] as number
      }
      left -= this.#counts[value] as number
      if (left <= 0) return value
    }
    return others[other + left - 1] ?? null
  }

  percentiles(): Percentiles {
    return { p50: this.percentile(50), p95: this.percentile(95), p99: this.percentile(99) }
  }

  clear(): void {
    this.#counts.fill(0, 0, this.#largest + 1)
    this.#largest = -1
    this.#length = 0
    this.#others.length = 0
  }

  #sortedOthers(): readonly number[] {
    if (!this.#isSorted) this.#others.sort((a, b) => a - b)
    this.#isSorted = true
    return this.#others
  }
}

/** Percentiles of all values. */
export function ranksOf(values: Float64Array): Ranks {
  const ranks = new Ranks()
  for (const value of values) ranks.add(value)
  return ranks
}

/** Percentiles of each group, by one pass that sorts the values into groups and one over each group. */
export function groupedPercentiles(values: Float64Array, groupOf: Uint32Array, groups: number): Percentiles[] {
  const starts = new Uint32Array(groups + 1)
  for (const group of groupOf) starts[group + 1] = (starts[group + 1] as number) + 1
  for (let group = 0; group < groups; group++) {
    starts[group + 1] = (starts[group + 1] as number) + (starts[group] as number)
  }
  const next = starts.slice()
  const sorted = new Float64Array(values.length)
  for (let index = 0; index < values.length; index++) {
    const group = groupOf[index] as number
    const place = next[group] as number
    sorted[place] = values[index] as number
    next[group] = place + 1
  }
  const ranks = new Ranks()
  return Array.from({ length: groups }, (_, group) => {
    ranks.clear()
    const end = starts[group + 1] as number
    for (let place = starts[group] as number; place < end; place++) ranks.add(sorted[place] as number)
    return ranks.percentiles()
  })
}
