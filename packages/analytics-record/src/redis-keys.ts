/** Names of what gateways leave in Redis: lists that carry records to pumps, what counts them, and when there was a reload. */

export type Serialisation = 'msgpack' | 'protobuf'

/** The gateway's fixed prefix; a pump may be configured to another one. */
export const ANALYTICS_KEY_PREFIX = 'analytics-'

const BASE_NAME = 'tyk-system-analytics'

/** How many numbered lists a gateway spreads over with `enable_multiple_analytics_keys`. */
export const NUMBERED_LISTS = 10

/** @param shard - null for the plain list, 0–9 for a numbered one. */
export function analyticsKey(
  serialisation: Serialisation,
  shard: number | null = null,
  prefix = ANALYTICS_KEY_PREFIX,
): string {
  const numbered = shard === null ? BASE_NAME : `${BASE_NAME}_${shard}`
  return prefix + (serialisation === 'protobuf' ? `${numbered}_protobuf` : numbered)
}

export interface SourceList {
  readonly key: string
  readonly serialisation: Serialisation
}

/** All 22 lists a pump drains, in Tyk's order: each plain name, then its `_protobuf` sibling. */
export function sourceLists(prefix = ANALYTICS_KEY_PREFIX): readonly SourceList[] {
  const shards: (number | null)[] = [null, ...Array.from({ length: NUMBERED_LISTS }, (_, i) => i)]
  return shards.flatMap((shard) => [
    { key: analyticsKey('msgpack', shard, prefix), serialisation: 'msgpack' as const },
    { key: analyticsKey('protobuf', shard, prefix), serialisation: 'protobuf' as const },
  ])
}

/**
 * The list of the latest reloads of all gateways on a Redis, newest first, each as `1764418000123 done` or
 * `1764418000123 failed`: milliseconds since 1970 when it was over, and how it went.
 */
export const RELOADS_KEY = `{${analyticsKey('msgpack')}}:reloads`

/** How many of them are kept. */
export const RELOADS_KEPT = 1000

/** Before an API's id: the field of a ledger hash that counts what gateways have put into the list. */
export const LEDGER_IN = 'in:'

/** Life of a ledger hash after it was last written to, by gateway or pump. */
export const LEDGER_TTL_SECONDS = 7 * 86_400

/**
 * The hash that counts the records of one source list and one minute, in the list's slot of a cluster.
 *
 * @param source - Name of the list, as `analyticsKey` gives it.
 * @param minute - Of the records' own timestamps: whole minutes since the epoch, UTC.
 */
export function ledgerKey(source: string, minute: number): string {
  // As the pump names what it keeps beside a list: a key without braces hashes whole, one with a tag has its slot already.
  const base = /\{[^}]+\}/.test(source) ? source : `{${source}}`
  return `${base}:ledger:${minute}`
}
