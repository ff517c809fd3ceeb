import { describe, expect, it } from 'vitest'
import { SHADES, shadeLabels, shadeOf } from './shades.ts'

const ALL = { least: 1, most: 1000 }
const country = (count: number, serverErrors = 0) => ({ iso: 'DE', count, clientErrors: 0, serverErrors, p95Ms: null })

describe('shades of the map', () => {
  it.each([
    [1, 1],
    [10, 1],
    [1000, 3],
    [100_000, 5],
  ])('%i of 100,000 requests have shade %i', (count, shade) => {
    expect(shadeOf(country(count), 'requests', { least: 1, most: 100_000 })).toBe(shade)
  })

  it.each([
    [600, 1],
    [900, 2],
    [1200, 3],
    [2000, 5],
  ])('%i of 600 to 2000 requests have shade %i', (count, shade) => {
    expect(shadeOf(country(count), 'requests', { least: 600, most: 2000 })).toBe(shade)
  })

  it.each([
    [0, 0],
    [1, 1],
    [20, 2],
    [60, 3],
    [500, 5],
  ])('%i failed of 1,000 have shade %i', (failed, shade) => {
    expect(shadeOf(country(1000, failed), 'errors', ALL)).toBe(shade)
  })

  it('have a label each', () => {
    const labels = (least: number, most: number) => shadeLabels('requests', { least, most }, String)
    expect(labels(1, 100_000)).toEqual(['to 10', 'to 100', 'to 1000', 'to 10000', 'to 100000'])
    expect(labels(600, 2000)).toEqual(['to 763', 'to 971', 'to 1235', 'to 1572', 'to 2000'])
    expect(shadeLabels('errors', ALL, String)).toHaveLength(SHADES)
  })

  it('that nothing has are left out of the labels', () => {
    expect(shadeLabels('requests', { least: 7, most: 7 }, String)).toEqual(['', '', '', '', '7'])
    expect(shadeLabels('requests', { least: 1, most: 2 }, String)).toEqual(['to 1', '', '', '', 'to 2'])
    expect([1, 2].map((count) => shadeOf(country(count), 'requests', { least: 1, most: 2 }))).toEqual([1, 5])
  })
})
