/** Whether a template with these patterns is asked for one of the indices, with or without a day. */
export function covers(patterns: readonly string[], names: readonly string[]): boolean {
  return names.some((name) => [name, onSomeDay(name)].some((index) => matches(patterns, index)))
}

export const matches = (patterns: readonly string[], index: string): boolean =>
  patterns.some((pattern) => fits(pattern, index))

/** An index of `rolling_index`. */
export const onSomeDay = (name: string): string => `${name}-${FIRST_YEAR}.01.01`

const FIRST_YEAR = 2020
const LAST_YEAR = 2099

/**
 * Indices of `rolling_index`, and no others: what these match is deleted. `tyk_analytics-2*` would have `tyk_analytics-2` in it
 * and the days of `tyk_analytics-2024`, which may be of a sink without a limit.
 */
export const onEveryDay = (name: string): string[] =>
  Array.from({ length: LAST_YEAR - FIRST_YEAR + 1 }, (_, i) => `${name}-${FIRST_YEAR + i}.*.*`)

/** Of them those of this year and the last one, for requests of a person: of all years they would be too long a line. */
export function onRecentDays(name: string): string[] {
  const year = new Date().getUTCFullYear()
  return [year - 1, year].map((each) => `${name}-${each}.*.*`)
}

function fits(pattern: string, index: string): boolean {
  const [begin = '', ...parts] = pattern.split('*')
  const end = parts.pop()
  if (end === undefined) return index === begin
  if (!index.startsWith(begin) || index.length < begin.length + end.length || !index.endsWith(end)) return false
  let at = begin.length
  for (const part of parts) {
    const found = index.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at <= index.length - end.length
}
