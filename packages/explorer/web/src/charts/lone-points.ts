/** Indexes of values without a neighbour: a line through one of them has no length, so it needs a dot. */
export function lonePoints(values: readonly (number | null | undefined)[]): number[] {
  const isThere = (at: number): boolean => values[at] !== null && values[at] !== undefined
  return [...values.keys()].filter((at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1))
}
