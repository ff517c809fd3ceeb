import type { Country } from '../../api/types.ts'
import { percent, share } from '../../format/number.ts'

export type Measure = 'requests' | 'errors'

export const SHADES = 5
/** Upper ends of the steps of the error share; the last one is open. */
const ERROR_STEPS = [0.01, 0.05, 0.1, 0.25] as const

export function errorShare({ clientErrors, serverErrors, count }: Country): number {
  return share(clientErrors + serverErrors, count)
}

/** From 1 to `SHADES`; 0 for none. Counts are shaded by their order of magnitude: one country often has most of them. */
export function shadeOf(country: Country, measure: Measure, most: number): number {
  if (country.count === 0) return 0
  if (measure === 'requests') {
    if (most <= 1) return SHADES
    return Math.max(1, Math.ceil((Math.log(country.count) / Math.log(most)) * SHADES))
  }
  const value = errorShare(country)
  if (value === 0) return 0
  const step = ERROR_STEPS.findIndex((end) => value <= end)
  return step < 0 ? SHADES : step + 1
}

/** What each shade stands for, from the first to the last. */
export function shadeLabels(measure: Measure, most: number, format: (value: number) => string): string[] {
  if (measure === 'errors') {
    const ends = ERROR_STEPS.map((end) => `to ${percent(end)}`)
    return [...ends, `over ${percent(ERROR_STEPS.at(-1) ?? 0)}`]
  }
  return Array.from(
    { length: SHADES },
    (_, index) => `to ${format(Math.max(1, Math.floor(most ** ((index + 1) / SHADES) + 1e-9)))}`,
  )
}

export function sortCountries(countries: readonly Country[], by: Measure): Country[] {
  return countries.toSorted((a, b) => (by === 'errors' ? errorShare(b) - errorShare(a) : 0) || b.count - a.count)
}
