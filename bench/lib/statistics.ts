/** The middle of some figures with the lowest and the highest. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  /** Between these, the median of endlessly many rounds lies nine times in ten; the lowest and the highest of less than five starts. */
  readonly low: number
  readonly high: number
}

/** NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2
}

/**
 * @param together - So many values in a row have something in common, such as one start of the programs: they lie near
 *   each other and so say less than as many others. Where the true median lies is told from one median for each of these groups.
 */
export function spreadOf(values: readonly number[], together = 1): Spread {
  const sorted = mediansOf(values, together).toSorted((a, b) => a - b)
  const outside = valuesOutside(sorted.length)
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    low: sorted[outside] ?? NaN,
    high: sorted[sorted.length - 1 - outside] ?? NaN,
  }
}

function mediansOf(values: readonly number[], together: number): readonly number[] {
  const groups = Math.ceil(values.length / together)
  return Array.from({ length: groups }, (_, i) => median(values.slice(i * together, (i + 1) * together)))
}

const CONFIDENCE = 0.9

/**
 * How many values at each end may be left out so that those which stay still hold the true median with `CONFIDENCE`: each
 * value lies above or below it as a coin falls (sign test). None of up to seven, one of eight.
 */
function valuesOutside(count: number): number {
  let outside = 0
  let below = 0
  let probability = 0.5 ** count
  for (let k = 0; k < count / 2; k++) {
    below += probability
    if (2 * below > 1 - CONFIDENCE) break
    outside = k
    probability *= (count - k) / (k + 1)
  }
  return outside
}

/**
 * Compares two programs round by round, and only then takes the median: what slows the machine for a minute slows both
 * of a pair, and so leaves their ratio alone.
 */
export function spreadOfPairs(
  ours: readonly number[],
  peer: readonly number[],
  compare: (ours: number, peer: number) => number,
  together = 1,
): Spread {
  if (ours.length !== peer.length) throw new Error(`${ours.length} rounds cannot be paired with ${peer.length}`)
  return spreadOf(
    ours.map((value, round) => compare(value, peer[round] as number)),
    together,
  )
}

export const ratio = (ours: number, peer: number): number => ours / peer
export const difference = (ours: number, peer: number): number => ours - peer
/** In percent: 100 against 80 is +25. */
export const change = (ours: number, peer: number): number => (ours / peer - 1) * 100
