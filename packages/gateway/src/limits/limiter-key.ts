/** Name of a rate limit: its parts without dashes at their ends, empty ones left out. */
export function limiterKey(...parts: readonly string[]): string {
  return ['rate-limit', ...parts]
    .map((part) => part.replace(/^-+|-+$/g, ''))
    .filter((part) => part !== '')
    .join('-')
}

/** Name of the Redis counter of a quota. */
export const quotaKey = (scope: string, id: string): string => (scope === '' ? `quota-${id}` : `quota-${scope}-${id}`)
