export function median(values: readonly number[]): number {
  const sorted = [...values].toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2
}

export interface Ratio {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Ratio of two programs, round by round: they were measured right after one another. */
export function ratioOf(ours: readonly number[], peer: readonly number[]): Ratio {
  const ratios = ours.map((value, i) => value / (peer[i] ?? NaN))
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) }
}
