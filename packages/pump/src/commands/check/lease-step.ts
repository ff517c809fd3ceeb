import { randomBytes } from 'node:crypto'
import { type AnalyticsRecord, encodeRecord } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { readElements } from '../../lease/element.ts'
import { LeaseStore, leaseKeys } from '../../lease/index.ts'
import { cureOf } from './redis-step.ts'
import { type Step, failed, messageOf, ok } from './step.ts'

/** A check that is killed leaves nothing for longer than this. */
const LIFE_SECONDS = 300
const OWNER_TTL_MS = 60_000

/**
 * Sends a record through a list and a lease of its own, by the scripts the pump uses. No pump reads that list, so no real
 * record is touched and no pump sees this one.
 */
export async function checkLease(client: Redis | Cluster, prefix: string, record: AnalyticsRecord): Promise<Step> {
  const id = randomBytes(6).toString('hex')
  const source = { key: `${prefix}tek-check-${id}`, serialisation: 'msgpack' as const }
  const keys = leaseKeys(source.key)
  const names = [source.key, keys.list(id), keys.meta(id), keys.set, keys.owners]
  const store = new LeaseStore({
    client,
    owner: `check:${process.pid}:${id}`,
    sinks: ['CHECK'],
    ownerTtlMs: OWNER_TTL_MS,
  })
  try {
    const raw = Buffer.from(encodeRecord(record))
    // Gateways push to the right: that is how `countPushes` knows of them, which must not count this one.
    await client.lpush(source.key, raw)
    await client.expire(source.key, LIFE_SECONDS)
    const lease = await store.take(source, id)
    for (const name of names) await client.expire(name, LIFE_SECONDS)
    if (lease === null) throw new Error('a record that was just written could not be taken')
    const elements = readElements(await store.read(lease, 0, 1, raw.length), source.serialisation)
    if (elements[0]?.record.apiId !== record.apiId) throw new Error('a record came out of its lease changed')
    const left = await store.commit(lease, 'CHECK', 1)
    if (left !== 0) throw new Error(`${left} records are left in a lease that is finished`)
    return ok('lease', 'a record of this check was written, taken, read and acknowledged')
  } catch (error) {
    return failed('lease', messageOf(error), cureOf(messageOf(error)))
  } finally {
    await Promise.allSettled(names.map((name) => client.del(name)))
  }
}
