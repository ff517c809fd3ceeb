import type { SourceList } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { type LeaseKeys, leaseKeys } from '../lease/index.ts'
import { type RunScript, defineScript } from '../redis/define-scripts.ts'

/** What Redis knows of a segment that lies in a file. */
export interface SpilledEntry {
  readonly state: 'writing' | 'useless' | 'spilled'
  readonly token: string
  /** Names the folder, wherever it is mounted. */
  readonly folder: string
  /** Where the folder was, for people. */
  readonly place: string
  /** Epoch seconds when it was announced, by the clock of Redis; absent: it is not from there. */
  readonly at?: number
  readonly total: number
  /** Of the sinks that wait for it. */
  readonly offsets: Readonly<Record<string, number>>
  /** By lease that was made of it and is not known to be finished: the sinks whose part is there, and where they stand. */
  readonly back?: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Of sinks for which it was given up by command, until that is booked. */
  readonly given?: Readonly<Record<string, number>>
  /** By sink: the holds of the pumps that are to bring it back for that one, with spaces between them. */
  readonly holders?: Readonly<Record<string, string>>
  /** The file was damaged when it was read. */
  readonly torn?: 1
  /** Epoch seconds since when the file is missed; absent: it was there. */
  readonly missing?: number
  readonly bytes?: number
  readonly records?: number
}

/** What a file turns out to be; see settle-spill.lua. */
export type Settled =
  | { readonly kind: 'spilled' | 'done' | 'useless'; readonly entry: SpilledEntry; readonly text: string }
  | { readonly kind: 'busy' | 'alone' | 'released' | 'gone' }

/** An entry, and its text as it stands in Redis. */
export interface ReadEntry {
  readonly entry: SpilledEntry
  readonly text: string
}

/** Ends the id of the lease in that of a segment: a lease may be written more than once, each time to a file of its own. */
export const NONCE_MARK = '~'

/** The lease a segment was. */
function leaseIdOf(segmentId: string): string {
  const end = segmentId.lastIndexOf(NONCE_MARK)
  return end === -1 ? segmentId : segmentId.slice(0, end)
}

export const scriptFile = (name: string): URL => new URL(`./scripts/${name}.lua`, import.meta.url)

export function defineSettle(client: Redis | Cluster): RunScript {
  return defineScript(client, 'settleSpill', scriptFile('settle-spill'))
}

/** @param leases - Leases that were made of the segment. */
export function settleKeys(keys: LeaseKeys, id: string, leases: readonly string[]): string[] {
  const made = leases.flatMap((lease) => [keys.list(lease), keys.finished(lease)])
  return [keys.list(leaseIdOf(id)), keys.owners, keys.spilled, keys.folders, keys.givenUp(id), ...made]
}

export function settledOf(answer: unknown): Settled {
  const [kind = '', text] = (answer as Buffer[]).map(String)
  if (text !== undefined) return { kind: kind as 'spilled' | 'done' | 'useless', entry: parseEntry(text), text }
  return { kind: kind as 'busy' | 'alone' | 'released' | 'gone' }
}

export function parseEntry(text: string): SpilledEntry {
  return JSON.parse(text) as SpilledEntry
}

export async function* spilledEntries(
  client: Redis | Cluster,
  source: SourceList,
): AsyncGenerator<readonly [id: string, entry: SpilledEntry]> {
  let cursor = '0'
  do {
    const [next, pairs] = await client.hscan(leaseKeys(source.key).spilled, cursor, 'COUNT', 250)
    cursor = next
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      yield [pairs[i] ?? '', parseEntry(pairs[i + 1] ?? '')]
    }
  } while (cursor !== '0')
}

/** Each of them once, by id. */
export async function entriesOf(
  client: Redis | Cluster,
  source: SourceList,
): Promise<ReadonlyMap<string, SpilledEntry>> {
  const entries = new Map<string, SpilledEntry>()
  for await (const [id, entry] of spilledEntries(client, source)) entries.set(id, entry)
  return entries
}
