import type { SourceList } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { leaseKeys } from '../lease/index.ts'
import { defineScript } from '../redis/define-scripts.ts'
import { entriesOf, scriptFile } from './entry.ts'

/** What waits for one sink in the files of one folder. */
export interface SpilledBacklog {
  readonly sink: string
  /** Where the folder is. */
  readonly place: string
  /** Names the folder. */
  readonly folder: string
  /** Epoch seconds since when the first of its files is missed; null: they are not known to be missing. */
  readonly missingSince: number | null
  readonly segments: number
  readonly records: number
  /** Of the files; they may be for other sinks as well. */
  readonly bytes: number
}

/**
 * What waits in files, by sink and folder, as Redis knows it; of every pump on the prefix. What is missing is apart.
 *
 * @param unbooked - Also what was given up and is not yet in the ledger.
 */
export async function inspectSpilled(
  client: Redis | Cluster,
  sources: readonly SourceList[],
  unbooked = false,
): Promise<readonly SpilledBacklog[]> {
  const backlogs = new Map<string, SpilledBacklog>()
  for (const source of sources) {
    for (const [, entry] of await entriesOf(client, source)) {
      const { state, place, folder, total, offsets, given = {}, bytes = 0, missing = null } = entry
      if (state !== 'spilled') continue
      for (const [sink, offset] of Object.entries(unbooked ? { ...given, ...offsets } : offsets)) {
        const key = JSON.stringify([sink, place, folder, missing !== null])
        const sum = backlogs.get(key) ?? { missingSince: missing, segments: 0, records: 0, bytes: 0 }
        backlogs.set(key, {
          sink,
          place,
          folder,
          missingSince: missing === null ? null : Math.min(missing, sum.missingSince ?? missing),
          segments: sum.segments + 1,
          records: sum.records + total - offset,
          bytes: sum.bytes + bytes,
        })
      }
    }
  }
  return [...backlogs].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, backlog]) => backlog)
}

/** A folder of which Redis knows segments, and that no running pump looks through. */
export interface AbsentFolder {
  /** Names it. */
  readonly folder: string
  /** Where it was. */
  readonly place: string
  /** Epoch seconds when a pump looked through it last; null: not known. */
  readonly seenAt: number | null
  /** Those whose file has records; 0: Redis only knows of attempts to write some. */
  readonly segments: number
}

/** Of every pump on the prefix. Their files may be there: then they come back with a pump that has the folder. */
export async function absentFolders(
  client: Redis | Cluster,
  sources: readonly SourceList[],
): Promise<readonly AbsentFolder[]> {
  const folders = new Map<string, AbsentFolder>()
  const present = new Set<string>()
  for (const source of sources) {
    const entries = await entriesOf(client, source)
    if (entries.size === 0) continue
    const seen = await client.hgetall(leaseKeys(source.key).folders)
    const living = await livingOwners(client, source)
    for (const { folder, place, state, holders = {} } of entries.values()) {
      const [, at, owner = ''] = /^(\d+) (.*)$/.exec(seen[folder] ?? '') ?? []
      // It has the name of the pump that looked through it last. Another one may share it.
      const tokens = Object.values(holders).flatMap((some) => some.split(' '))
      const owners = [owner, ...tokens.map((token) => token.slice(0, Math.max(0, token.lastIndexOf('#'))))]
      if (owners.some((name) => living.has(name))) present.add(folder)
      const { seenAt, segments } = folders.get(folder) ?? { seenAt: null, segments: 0 }
      const last = at === undefined ? seenAt : Math.max(seenAt ?? 0, Number(at))
      folders.set(folder, { folder, place, seenAt: last, segments: segments + (state === 'spilled' ? 1 : 0) })
    }
  }
  return [...folders.values()].filter(({ folder }) => !present.has(folder)).toSorted((a, b) => order(a, b))
}

const order = (a: AbsentFolder, b: AbsentFolder): number =>
  a.place === b.place ? (a.folder < b.folder ? -1 : 1) : a.place < b.place ? -1 : 1

async function livingOwners(client: Redis | Cluster, source: SourceList): Promise<ReadonlySet<string>> {
  const [seconds] = await client.time()
  const owners = Object.entries(await client.hgetall(leaseKeys(source.key).owners))
  return new Set(owners.filter(([, deadline]) => Number(deadline) > Number(seconds) * 1000).map(([owner]) => owner))
}

export interface ReleasedSpill {
  /** In no living pump's hands: given up, or what would be. */
  readonly waiting: { readonly segments: number; readonly records: number }
  /** In the hands of living pumps, and left. */
  readonly held: { readonly segments: number; readonly records: number }
}

const IDS_PER_CALL = 250

/**
 * What waits for a sink in files; with `apply` it also gives up what no living pump has for that sink. A pump with the folder
 * removes the files that nobody needs.
 *
 * @param ledger - That pump also books it.
 */
export async function releaseSpilled(
  client: Redis | Cluster,
  sources: readonly SourceList[],
  sink: string,
  apply: boolean,
  ledger: boolean,
): Promise<ReleasedSpill> {
  const drop = defineScript(client, 'dropSpilled', scriptFile('drop-spilled'))
  const sums = [0, 0, 0, 0]
  for (const source of sources) {
    const { owners, spilled } = leaseKeys(source.key)
    const ids = await client.hkeys(spilled)
    for (let first = 0; first < ids.length; first += IDS_PER_CALL) {
      const some = ids.slice(first, first + IDS_PER_CALL)
      const answer = (await drop([owners, spilled], [sink, apply ? 1 : 0, ledger ? 1 : 0, ...some])) as number[]
      for (const [i, count] of answer.entries()) sums[i] = (sums[i] ?? 0) + count
    }
  }
  const [segments = 0, records = 0, heldSegments = 0, heldRecords = 0] = sums
  return { waiting: { segments, records }, held: { segments: heldSegments, records: heldRecords } }
}
