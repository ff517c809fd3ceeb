import { describe, expect, it } from 'vitest'
import { SHADES, shadeLabels, shadeOf } from './shades.ts'

const country = (count: number, serverErrors = 0) => ({ iso: 'DE', count, clientErrors: 0, serverErrors, p95Ms: null })

describe('shades of the map', () => {
  it.each([
    [1, 1],
    [10, 1],
    [1000, 3],
    [100_000, 5],
  ])('%i of 100,000 requests have shade %i', (count, shade) => {
    expect(shadeOf(country(count), 'requests', 100_000)).toBe(shade)
  })

  it.each([
    [0, 0],
    [1, 1],
    [20, 2],
    [60, 3],
    [500, 5],
  ])('%i failed of 1,000 have shade %i', (failed, shade) => {
    expect(shadeOf(country(1000, failed), 'errors', 1000)).toBe(shade)
  })

  it('have a label each', () => {
    expect(shadeLabels('requests', 100_000, String)).toEqual(['to 10', 'to 100', 'to 1000', 'to 10000', 'to 100000'])
    expect(shadeLabels('errors', 1, String)).toHaveLength(SHADES)
  })
})
