/** Names of what the pump keeps in Redis beside the source lists. */

export interface LeaseKeys {
  readonly source: string
  /** Ids of live leases. */
  readonly set: string
  /** Owner to the instant (epoch ms) until which it counts as alive. */
  readonly owners: string
  list(id: string): string
  meta(id: string): string
}

/** The braces put everything of one source list into one slot of a cluster, because a key without braces hashes whole. */
export function leaseKeys(source: string): LeaseKeys {
  const base = hasHashTag(source) ? source : `{${source}}`
  return {
    source,
    set: `${base}:leases`,
    owners: `${base}:owners`,
    list: (id) => `${base}:lease:${id}`,
    meta: (id) => `${base}:lease:${id}:meta`,
  }
}

/** A part in braces already decides the slot. */
function hasHashTag(key: string): boolean {
  return /\{[^}]+\}/.test(key)
}

export interface DeadLetterKeys {
  readonly list: string
  /** `pushed`, `evicted` and `bytes`. */
  readonly counts: string
}

/** @param prefix - The prefix of the source lists, so that pumps of different prefixes do not mix. */
export function deadLetterKeys(prefix: string): DeadLetterKeys {
  const base = hasHashTag(prefix) ? `${prefix}tyk-pump` : `{${prefix}tyk-pump}`
  return { list: `${base}:dead-letters`, counts: `${base}:dead-letters:counts` }
}
