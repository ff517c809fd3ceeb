import type { Country } from '../../api/types.ts'
import { percent, share } from '../../format/number.ts'

export type Measure = 'requests' | 'errors'

export const SHADES = 5
/** Upper ends of the steps of the error share; the last one is open. */
const ERROR_STEPS = [0.01, 0.05, 0.1, 0.25] as const

export function errorShare({ clientErrors, serverErrors, count }: Country): number {
  return share(clientErrors + serverErrors, count)
}

/** Requests of the countries with the fewest and with the most. */
export interface Extent {
  readonly least: number
  readonly most: number
}

export function extentOf(countries: readonly Country[]): Extent {
  const counts = countries.map(({ count }) => count).filter((count) => count > 0)
  return { least: Math.min(...counts), most: Math.max(...counts) }
}

/**
 * From 1 to `SHADES`; 0 for none. Counts are shaded by how many times the least they are: one country often has most of them.
 */
export function shadeOf(country: Country, measure: Measure, { least, most }: Extent): number {
  if (country.count === 0) return 0
  if (measure === 'requests') {
    if (most <= least) return SHADES
    return Math.max(1, Math.ceil((Math.log(country.count / least) / Math.log(most / least)) * SHADES - 1e-9))
  }
  const value = errorShare(country)
  if (value === 0) return 0
  const step = ERROR_STEPS.findIndex((end) => value <= end)
  return step < 0 ? SHADES : step + 1
}

/** What each shade stands for, from the first to the last; empty for one that nothing has. */
export function shadeLabels(measure: Measure, { least, most }: Extent, format: (value: number) => string): string[] {
  if (measure === 'errors') {
    const ends = ERROR_STEPS.map((end) => `to ${percent(end)}`)
    return [...ends, `over ${percent(ERROR_STEPS.at(-1) ?? 0)}`]
  }
  const ends = Array.from({ length: SHADES }, (_, index) =>
    Math.floor(least * (most / least) ** ((index + 1) / SHADES) + 1e-9),
  )
  if (most <= least) return ends.map((end, index) => (index === SHADES - 1 ? format(end) : ''))
  return ends.map((end, index) => (end === ends[index - 1] ? '' : `to ${format(end)}`))
}

export function sortCountries(countries: readonly Country[], by: Measure): Country[] {
  return countries.toSorted((a, b) => (by === 'errors' ? errorShare(b) - errorShare(a) : 0) || b.count - a.count)
}
