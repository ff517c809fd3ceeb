import type * as Api from '../api/schema.ts'

/** There are 249, and requests whose country is not known. */
export const MOST_COUNTRIES = 300

/** The most frequent values of the field `country` as the map has them. */
export function toCountries(values: readonly Api.TopValue[]): Api.Country[] {
  return values.map(({ value: iso, count, clientErrors, serverErrors, p95Ms }) => ({
    iso,
    count,
    clientErrors,
    serverErrors,
    p95Ms,
  }))
}
