import { ANALYTICS_KEY_PREFIX, type SourceList, sourceLists } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import type { CoreConfig } from '../../config/schema.ts'
import { LeaseInspector, type ReportLeases, type SinkBacklog, leaseKeys } from '../../lease/index.ts'
import { keyPrefixOf } from '../../redis/options.ts'
import { type AbsentFolder, type SpilledBacklog, absentFolders, inspectSpilled } from '../../spill/index.ts'
import { parseInfo } from './redis-step.ts'

/** What Redis and the health check say about the programs around it. */
export interface Facts {
  readonly prefix: string
  /** `version-check-gateway` and `version-check-pump`. */
  readonly gatewayVersion: string | null
  readonly pumpVersion: string | null
  /** RPUSH calls since Redis started; null when it does not say. */
  readonly pushes: number | null
  /** Records in the source lists, and the names of those that hold any. */
  readonly listed: number
  readonly lists: readonly string[]
  /** The shortest life among these lists; null: they live for ever. */
  readonly ttlSeconds: number | null
  readonly backlogs: readonly SinkBacklog[]
  /** What waits in files, those that are missing included. */
  readonly spilled: readonly SpilledBacklog[]
  /** Folders with such files that no running pump has. */
  readonly absent: readonly AbsentFolder[]
  /** Pumps of this kind that hold records. */
  readonly owners: readonly string[]
}

export async function gatherFacts(client: Redis | Cluster, core: CoreConfig, report: ReportLeases): Promise<Facts> {
  const prefix = keyPrefixOf(core.analytics_storage_config, ANALYTICS_KEY_PREFIX)
  const sources = sourceLists(prefix)
  const [gatewayVersion, pumpVersion] = await Promise.all([
    client.get('version-check-gateway'),
    client.get('version-check-pump'),
  ])
  const lists = await Promise.all(sources.map(async ({ key }) => ({ key, size: await client.llen(key) })))
  const filled = lists.filter(({ size }) => size > 0)
  const ttls = (await Promise.all(filled.map(({ key }) => client.ttl(key)))).filter((ttl) => ttl >= 0)
  return {
    prefix,
    gatewayVersion,
    pumpVersion,
    pushes: await countPushes(client),
    listed: filled.reduce((sum, { size }) => sum + size, 0),
    lists: filled.map(({ key }) => key),
    ttlSeconds: ttls.length === 0 ? null : Math.min(...ttls),
    backlogs: await new LeaseInspector(client, report).list(sources),
    spilled: await inspectSpilled(client, sources),
    absent: (await absentFolders(client, sources)).filter(({ segments }) => segments > 0),
    owners: await livingOwners(client, sources),
  }
}

async function countPushes(client: Redis | Cluster): Promise<number | null> {
  const text = await client.info('commandstats').catch(() => null)
  if (text === null) return null
  const calls = /calls=(\d+)/.exec(parseInfo(text).get('cmdstat_rpush') ?? '')?.[1]
  return Number(calls ?? 0)
}

async function livingOwners(client: Redis | Cluster, sources: readonly SourceList[]): Promise<string[]> {
  const all = await Promise.all(sources.map(({ key }) => client.hgetall(leaseKeys(key).owners)))
  const living = all.flatMap((owners) =>
    Object.entries(owners)
      .filter(([, until]) => Number(until) > Date.now())
      .map(([owner]) => owner.replace(/:[0-9a-f]+$/, '')),
  )
  return [...new Set(living)]
}
