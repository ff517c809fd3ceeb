/** Buckets of each power of two: an error of less than one percent. */
const STEPS = 128
const STEP_BITS = 7
const POWERS = 24

/** Counts durations in buckets that grow with them, so that millions fit into some kilobytes. */
export class Histogram {
  readonly #counts = new Uint32Array(STEPS * (POWERS + 1))
  #total = 0
  #max = 0

  get total(): number {
    return this.#total
  }

  /** @param micros - Whole or broken microseconds; what is longer than two minutes counts as the longest. */
  record(micros: number): void {
    const value = Math.max(0, micros | 0)
    const bucket = Math.min(bucketOf(value), this.#counts.length - 1)
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#total += 1
    if (value > this.#max) this.#max = value
  }

  /** The duration that this share of all does not exceed, in milliseconds; NaN when none were recorded. */
  percentileMs(percent: number): number {
    if (this.#total === 0) return NaN
    const wanted = Math.ceil((percent / 100) * this.#total)
    let seen = 0
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket] as number
      if (seen >= wanted) return Math.min(highestOf(bucket), this.#max) / 1000
    }
    return this.#max / 1000
  }

  get maxMs(): number {
    return this.#max / 1000
  }
}

/** Values up to 2 × STEPS have a bucket of their own; above, one bucket holds 2, 4, 8 … neighbours. */
function bucketOf(value: number): number {
  if (value < STEPS) return value
  const power = 31 - Math.clz32(value) - STEP_BITS
  return STEPS * power + (value >> power)
}

function highestOf(bucket: number): number {
  if (bucket < 2 * STEPS) return bucket
  const power = Math.floor(bucket / STEPS) - 1
  return (bucket - STEPS * power + 1) * 2 ** power - 1
}
