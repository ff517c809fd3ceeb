import { randomBytes } from 'node:crypto'
import type { SourceList } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { type Lease, leaseKeys } from '../lease/index.ts'
import { type EncodedBookings, type Tally, encodeTallies } from '../ledger/index.ts'
import { type RunScript, defineScript } from '../redis/define-scripts.ts'
import {
  NONCE_MARK,
  type ReadEntry,
  type Settled,
  type SpilledEntry,
  defineSettle,
  parseEntry,
  scriptFile,
  settleKeys,
  settledOf,
  spilledEntries,
} from './entry.ts'
import type { OffsetTallies, SpillHeader } from './format.ts'
import { type AbsentFolder, absentFolders } from './inspect.ts'
import { MissingRelease } from './release-missing.ts'

export type { SpilledEntry } from './entry.ts'

export interface SpillStoreOptions {
  readonly client: Redis | Cluster
  readonly owner: string
  readonly ownerTtlMs: number
}

/** What is asked of a file. */
export interface Question {
  readonly source: SourceList
  readonly id: string
  /** Of this pump. */
  readonly sinks: readonly string[]
  /** This pump is writing it at this moment. */
  readonly isWriting: boolean
  readonly isThere: boolean
  /** Leases that were made of it. */
  readonly leases: readonly string[]
  readonly folder: string
  readonly place: string
}

/** What goes back from a file into a lease. */
export interface PutBack {
  readonly source: SourceList
  readonly segmentId: string
  readonly leaseId: string
  /** The entry, where Redis has none because it was emptied; null: it has one. */
  readonly entry: SpilledEntry | null
  /** Offset in the segment of the first record; null: the file is damaged. */
  readonly base: number | null
  /** Sinks with their offsets among the records. */
  readonly offsets: ReadonlyMap<string, number>
  readonly records: readonly Buffer[]
  /** By sink: what of the file is lost, for the ledger; null: nothing, or it is off. */
  readonly lost: ReadonlyMap<string, Tally> | null
}

export interface PutAnswer {
  readonly token: string
  /** As it is now. */
  readonly entry: SpilledEntry
  /** Those it was put back for: it waited for them still. */
  readonly sinks: ReadonlySet<string>
}

/** A file that is being written. */
export interface Announced {
  readonly lease: Lease
  /** Names the file, and no other one. */
  readonly id: string
}

/** An id for a file of a lease. */
function newSegmentId(leaseId: string): string {
  return `${leaseId}${NONCE_MARK}${randomBytes(4).toString('hex')}`
}

/** The Redis side of spilling. One method per script; see `scripts/` for what each does. */
export class SpillStore {
  readonly #options: SpillStoreOptions
  readonly #announce: RunScript
  readonly #commit: RunScript
  readonly #cancel: RunScript
  readonly #settle: RunScript
  readonly #put: RunScript
  readonly #book: RunScript
  readonly #release: MissingRelease
  #holds = 0

  constructor(options: SpillStoreOptions) {
    this.#options = options
    const define = (command: string, file: string): RunScript => defineScript(options.client, command, scriptFile(file))
    this.#announce = define('announceSpill', 'announce-spill')
    this.#commit = define('commitSpill', 'commit-spill')
    this.#cancel = define('cancelSpill', 'cancel-spill')
    this.#settle = defineSettle(options.client)
    this.#put = define('putSpilled', 'put-spilled')
    this.#book = define('bookSpilled', 'book-spilled')
    this.#release = new MissingRelease(options.client)
  }

  get owner(): string {
    return this.#options.owner
  }

  get ownerTtlMs(): number {
    return this.#options.ownerTtlMs
  }

  /** What `announce` is told. */
  prepare(lease: Lease): Announced {
    return { lease, id: newSegmentId(lease.id) }
  }

  /** Returns the header of the file to write; null when the lease cannot be spilled. */
  async announce({ lease, id }: Announced, folder: string, place: string): Promise<SpillHeader | null> {
    const { source, token } = lease
    const keys = leaseKeys(source.key)
    const names = [keys.list(lease.id), keys.meta(lease.id), keys.spilled, keys.folders]
    const answer = (await this.#announce(names, [lease.id, token, id, folder, place])) as (number | Buffer)[]
    const [first, total, only, ...pairs] = answer.map(String)
    if (total === undefined) return null
    const offsets: Record<string, number> = {}
    for (let i = 0; i < pairs.length; i += 2) offsets[pairs[i] ?? ''] = Number(pairs[i + 1])
    return {
      version: 1,
      id,
      source: source.key,
      serialisation: source.serialisation,
      offsets,
      first: Number(first),
      total: Number(total),
      only: only === '1',
    }
  }

  /**
   * `refused`: the lease stays, and the file is of no use. `alone`: Redis was emptied, and the file is all there is.
   *
   * @param tallies - By offset; null: not known.
   */
  async commit(
    { lease, id }: Announced,
    bytes: number,
    records: number,
    tallies: OffsetTallies | null,
  ): Promise<'done' | 'refused' | 'alone'> {
    const { source, token } = lease
    const keys = leaseKeys(source.key)
    const lists = [keys.list(lease.id), keys.meta(lease.id), keys.set, keys.spilled, keys.finished(lease.id)]
    const text = tallies === null ? '' : JSON.stringify(tallies)
    const answer = Number(await this.#commit([...lists, keys.tallies], [lease.id, token, id, bytes, records, text]))
    return answer === 1 ? 'done' : answer === -1 ? 'refused' : 'alone'
  }

  /** @param isGone - There is no file and none will come; else what is known of it stays until one was looked for. */
  async cancel({ lease: { source, token }, id }: Announced, isGone: boolean): Promise<void> {
    await this.#cancel([leaseKeys(source.key).spilled], [id, token, isGone ? 1 : 0])
  }

  /** What a file is worth. */
  async settle({ source, id, sinks, isWriting, isThere, leases, folder, place }: Question): Promise<Settled> {
    const own = [id, this.#options.owner, isWriting ? 1 : 0, folder, place, isThere ? 1 : 0, sinks.length, ...sinks]
    return settledOf(await this.#settle(settleKeys(leaseKeys(source.key), id, leases), [...own, ...leases]))
  }

  /** Returns null when the file does not count in Redis: that was emptied, or another pump has finished the segment. */
  async putBack(back: PutBack): Promise<PutAnswer | null> {
    const { owner, ownerTtlMs } = this.#options
    const { source, segmentId, leaseId, entry, base, offsets, records, lost } = back
    const keys = leaseKeys(source.key)
    this.#holds += 1
    const token = `${owner}#spill-${this.#holds}`
    const ledger = lost === null ? NO_BOOKINGS : encodeTallies(source.key, lost)
    const names = [keys.list(leaseId), keys.meta(leaseId), keys.set, keys.owners, keys.spilled, ...ledger.keys]
    const text = entry === null ? '' : JSON.stringify(entry)
    const own = [segmentId, leaseId, owner, token, ownerTtlMs, text, base ?? '', offsets.size, ledger.args.length]
    const args = [...own, ...[...offsets].flat(), ...ledger.args, ...records]
    const [answer, ...sinks] = (await this.#put(names, args)) as [number | Buffer, ...Buffer[]]
    if (!Buffer.isBuffer(answer)) return null
    return { token, entry: parseEntry(String(answer)), sinks: new Set(sinks.map(String)) }
  }

  /**
   * Books what was given up by command. Returns the entry as it is then; null when there is none any more.
   *
   * @param isDamaged - The file is; known only to who has read it.
   */
  async book(
    source: SourceList,
    id: string,
    tallies: ReadonlyMap<string, Tally>,
    isDamaged: boolean,
  ): Promise<SpilledEntry | null> {
    const ledger = encodeTallies(source.key, tallies)
    const names = [leaseKeys(source.key).spilled, ...ledger.keys]
    const answer = await this.#book(names, [id, isDamaged ? 1 : 0, ...ledger.args])
    return Buffer.isBuffer(answer) ? parseEntry(String(answer)) : null
  }

  /** Folders that no running pump looks through. */
  absentFolders(sources: readonly SourceList[]): Promise<readonly AbsentFolder[]> {
    return absentFolders(this.#options.client, sources)
  }

  /** Gives up for a sink a segment whose file is gone. False: the entry is not as it was read. */
  async releaseMissing(source: SourceList, id: string, read: ReadEntry, sink: string): Promise<boolean> {
    return (await this.#release.run(source, id, read, sink, true, false)) === 'done'
  }

  /**
   * Forgets a segment that nobody needs and whose file is not there: should it be found again, it must not count as one
   * that Redis has lost.
   */
  async forgetMissing(source: SourceList, id: string, read: ReadEntry): Promise<void> {
    await this.#release.run(source, id, read, null, false, false)
  }

  /** That a lease made of a file is all there is by now, because the file was given up. */
  async isWithoutFile(source: SourceList, leaseId: string): Promise<boolean> {
    const moved = await this.#options.client.hget(leaseKeys(source.key).meta(leaseId), 'moved')
    return moved !== null && moved !== 'file'
  }

  /** Once the file is removed. */
  async forget(source: SourceList, id: string): Promise<void> {
    const { client } = this.#options
    const { tallies, spilled } = leaseKeys(source.key)
    // In this order: as long as there is an entry, somebody comes back to it.
    await client.hdel(tallies, id)
    await client.hdel(spilled, id)
  }

  /** Ids and entries of all spilled segments of a source, of any pump. An id may come twice. */
  entries(source: SourceList): AsyncGenerator<readonly [id: string, entry: SpilledEntry]> {
    return spilledEntries(this.#options.client, source)
  }
}

const NO_BOOKINGS: EncodedBookings = { keys: [], args: [] }
