import type { Cluster, Redis } from 'ioredis'
import { minuteOf } from './fields.ts'

/**
 * Notes since when each sink is in the ledger: of a sink that is new nothing is expected in the minutes before. The first
 * note stays.
 *
 * @param key - See `ledgerSinksKey`.
 */
export async function registerSinks(client: Redis | Cluster, key: string, sinks: readonly string[]): Promise<void> {
  const minute = minuteOf(Date.now() / 1000)
  await Promise.all(sinks.map((sink) => client.hsetnx(key, sink, minute)))
}

/** By sink: the minute it was first seen in. */
export async function registeredSinks(client: Redis | Cluster, key: string): Promise<ReadonlyMap<string, number>> {
  const entries = Object.entries(await client.hgetall(key))
  return new Map(entries.map(([sink, minute]) => [sink, Number(minute)]))
}
