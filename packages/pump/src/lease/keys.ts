/** Names of what the pump keeps in Redis beside the source lists. */

export interface LeaseKeys {
  readonly source: string
  /** Ids of live leases. */
  readonly set: string
  /** Owner to the instant (epoch ms) until which it counts as alive. */
  readonly owners: string
  /** Id of each segment that lies in a file, or is on its way there, to what is known of it, as JSON. */
  readonly spilled: string
  /** Id of a spilled segment to how many records of which APIs it has, as JSON, for when its file is gone. */
  readonly tallies: string
  /** Name of a folder with spilled segments to when it was looked through last, in epoch seconds, and by which owner. */
  readonly folders: string
  list(id: string): string
  meta(id: string): string
  /** Who ended a lease that was in more than one hand, for a pump that slept meanwhile. */
  finished(id: string): string
  /** That a spilled segment was given up although nobody had its file. */
  givenUp(id: string): string
}

/** The braces put everything of one source list into one slot of a cluster, because a key without braces hashes whole. */
export function leaseKeys(source: string): LeaseKeys {
  const base = hasHashTag(source) ? source : `{${source}}`
  return {
    source,
    set: `${base}:leases`,
    owners: `${base}:owners`,
    spilled: `${base}:spilled`,
    tallies: `${base}:spilled:tallies`,
    folders: `${base}:folders`,
    list: (id) => `${base}:lease:${id}`,
    meta: (id) => `${base}:lease:${id}:meta`,
    finished: (id) => `${base}:finished:${id}`,
    givenUp: (id) => `${base}:given-up:${id}`,
  }
}

/** A part in braces already decides the slot. */
function hasHashTag(key: string): boolean {
  return /\{[^}]+\}/.test(key)
}

export interface DeadLetterKeys {
  readonly list: string
  /** `pushed`, `evicted`, `replayed`, `dropped` and `bytes`. */
  readonly counts: string
  /** Of the letters in the list. */
  readonly ids: string
}

/** @param prefix - The prefix of the source lists, so that pumps of different prefixes do not mix. */
export function deadLetterKeys(prefix: string): DeadLetterKeys {
  const base = hasHashTag(prefix) ? `${prefix}tyk-pump` : `{${prefix}tyk-pump}`
  return { list: `${base}:dead-letters`, counts: `${base}:dead-letters:counts`, ids: `${base}:dead-letters:ids` }
}

/** The hash that says since which minute each sink is in the ledger. */
export function ledgerSinksKey(prefix: string): string {
  return `${hasHashTag(prefix) ? `${prefix}tyk-pump` : `{${prefix}tyk-pump}`}:ledger:sinks`
}
