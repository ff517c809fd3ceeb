export interface RowWindow {
  readonly first: number
  /** Behind the last. */
  readonly end: number
  readonly beforePx: number
  readonly afterPx: number
}

const OVERSCAN = 10

/**
 * Which rows of a long list are drawn, and the room that the others take. One row may be open; it is `openPx` higher, and
 * is given as -1 when none is.
 */
export function rowWindow(list: {
  readonly count: number
  readonly rowPx: number
  readonly openIndex: number
  readonly openPx: number
  /** Of the part that is seen, from the top of the list. */
  readonly topPx: number
  readonly heightPx: number
}): RowWindow {
  const { count, rowPx, openIndex, openPx, topPx, heightPx } = list
  const topOf = (index: number): number => rowTop(index, rowPx, openIndex, openPx)
  const indexAt = (px: number): number => {
    if (openIndex < 0 || px < topOf(openIndex) + rowPx) return Math.floor(px / rowPx)
    return Math.max(openIndex, Math.floor((px - openPx) / rowPx))
  }
  const first = clamp(indexAt(topPx) - OVERSCAN, 0, count)
  const end = clamp(indexAt(topPx + heightPx) + 1 + OVERSCAN, first, count)
  return { first, end, beforePx: topOf(first), afterPx: topOf(count) - topOf(end) }
}

/** Where a row begins, from the top of the list. */
export function rowTop(index: number, rowPx: number, openIndex: number, openPx: number): number {
  return index * rowPx + (openIndex >= 0 && index > openIndex ? openPx : 0)
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value))
}
