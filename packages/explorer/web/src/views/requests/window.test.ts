import { describe, expect, it } from 'vitest'
import { rowWindow } from './window.ts'

const list = { count: 1000, rowPx: 36, openIndex: -1, openPx: 0, topPx: 0, heightPx: 720 }

describe('the rows in sight', () => {
  it('are drawn with some before and after them, and room for the others', () => {
    const shown = rowWindow({ ...list, topPx: 3600 })
    expect(shown.first).toBeLessThanOrEqual(100)
    expect(shown.end).toBeGreaterThanOrEqual(120)
    expect(shown.end - shown.first).toBeLessThan(50)
    expect(shown.beforePx + (shown.end - shown.first) * 36 + shown.afterPx).toBe(36_000)
  })

  it.each([0, 500, 3700, 4000, 4600, 5000, 30_000, 1_000_000])(
    'take the same height in all with an open row, from %i px',
    (topPx) => {
      const { first, end, beforePx, afterPx } = rowWindow({ ...list, openIndex: 105, openPx: 900, topPx })
      const open = first <= 105 && 105 < end ? 900 : 0
      expect(beforePx + (end - first) * 36 + open + afterPx).toBe(36_900)
    },
  )

  it('include the open row while any of it is in sight', () => {
    const shown = rowWindow({ ...list, openIndex: 105, openPx: 3000, topPx: 105 * 36 + 2500 })
    expect(shown.first).toBeLessThanOrEqual(105)
    expect(shown.end).toBeGreaterThan(105)
  })

  it('may be none', () => {
    expect(rowWindow({ ...list, count: 0 })).toEqual({ first: 0, end: 0, beforePx: 0, afterPx: 0 })
  })
})
