import { RecordBlock, type SourceList } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { CommitBehindError, LeaseGoneError, LeaseLostError } from '../errors.ts'
import { type Bookings, type EncodedBookings, type Tally, encodeBookings, encodeTallies } from '../ledger/index.ts'
import { type RunScript, defineScript } from '../redis/define-scripts.ts'
import { type LeaseKeys, leaseKeys } from './keys.ts'

/** A batch of records taken from a source list: a stretch of log with one offset per sink. */
export interface Lease {
  readonly id: string
  readonly source: SourceList
  /** Records it had when it was taken; offsets go from 0 to this. */
  readonly total: number
  /** Names this hold of the lease. What another hold took over since is refused to this one. */
  readonly token: string
}

/** A lease, or the part of it that was free. */
export interface ClaimedLease {
  readonly lease: Lease
  /** Where each sink goes on, in the order of the store's sinks; null: this hold does not have the sink. */
  readonly offsets: readonly (number | null)[]
  /** Nobody else has a part in the lease. */
  readonly whole: boolean
  /** A file has its records as well, until it is finished. */
  readonly inFile: boolean
}

/** What leases hold in Redis. */
export interface Size {
  /** Of memory. */
  readonly bytes: number
  readonly records: number
}

/** A lease of the oldest records of a source list. */
export interface TakenPart {
  readonly lease: Lease
  readonly bytes: number
  /** Records that are left in the list. */
  readonly rest: number
}

/** What waits for a sink, over leases. */
export interface Backlog {
  readonly leases: number
  readonly records: number
}

export interface ClaimAnswer {
  readonly claimed: readonly ClaimedLease[]
  /** By sink: what waits for sinks this pump does not have and no living pump holds. */
  readonly waiting: ReadonlyMap<string, Backlog>
}

export interface ClaimRequest {
  readonly id: string
  /** Tokens by which this process holds parts of it already. */
  readonly tokens: readonly string[]
}

export interface LeaseStoreOptions {
  readonly client: Redis | Cluster
  /** Names this process among all pumps. */
  readonly owner: string
  readonly sinks: readonly string[]
  /** How long an owner counts as alive after its last sign. */
  readonly ownerTtlMs: number
}

/** Leases per script call: a peer's leases may be a hundred thousand, and Redis does nothing else during a script. */
export const LEASES_PER_CALL = 250

const scriptFile = (name: string): URL => new URL(`./scripts/${name}.lua`, import.meta.url)

/** The Redis side of leases. One method per script; see `scripts/` for what each does. */
export class LeaseStore {
  readonly #options: LeaseStoreOptions
  readonly #keys = new Map<string, LeaseKeys>()
  readonly #take: RunScript
  readonly #takePart: RunScript
  readonly #measure: RunScript
  readonly #dropOldest: RunScript
  readonly #read: RunScript
  readonly #commit: RunScript
  readonly #renew: RunScript
  readonly #claim: RunScript
  readonly #release: RunScript
  #holds = 0

  constructor(options: LeaseStoreOptions) {
    this.#options = options
    const define = (command: string, file: string): RunScript => defineScript(options.client, command, scriptFile(file))
    this.#take = define('takeLease', 'take-lease')
    this.#takePart = define('takePart', 'take-part')
    this.#measure = define('measureLeases', 'measure-leases')
    this.#dropOldest = define('dropOldest', 'drop-oldest')
    this.#read = define('readLease', 'read-lease')
    this.#commit = define('commitOffset', 'commit-offset')
    this.#renew = define('renewOwner', 'renew-owner')
    this.#claim = define('claimLeases', 'claim-leases')
    this.#release = define('releaseLease', 'release-lease')
  }

  /** Takes what waits in a source list; null when nothing does. */
  async take(source: SourceList, id: string): Promise<Lease | null> {
    const keys = this.#keysOf(source)
    const { owner, ownerTtlMs, sinks } = this.#options
    const token = this.#newToken()
    const names = [keys.source, keys.list(id), keys.meta(id), keys.set, keys.owners]
    const total = asNumber(await this.#take(names, [id, owner, token, ownerTtlMs, ...sinks]))
    return total > 0 ? { id, source, total, token } : null
  }

  /** Takes the oldest records of a source list, at least one and otherwise no more than fits; null when none waits. */
  async takePart(source: SourceList, id: string, most: Size): Promise<TakenPart | null> {
    const keys = this.#keysOf(source)
    const { owner, ownerTtlMs, sinks } = this.#options
    const token = this.#newToken()
    const names = [keys.source, keys.list(id), keys.meta(id), keys.set, keys.owners]
    const bounds = [most.bytes, most.records].map((bound) => Math.floor(Math.min(bound, Number.MAX_SAFE_INTEGER)))
    const answer = (await this.#takePart(names, [id, owner, token, ownerTtlMs, ...bounds, ...sinks])) as number[]
    const [total = 0, bytes = 0, rest = 0] = answer
    return total > 0 ? { lease: { id, source, total, token }, bytes, rest } : null
  }

  /** What at most LEASES_PER_CALL leases hold, in the order of their ids. */
  async measure(source: SourceList, ids: readonly string[]): Promise<readonly Size[]> {
    const { list } = this.#keysOf(source)
    const answer = (await this.#measure(ids.map(list), [])) as number[]
    return ids.map((_, index) => ({ bytes: answer[2 * index] ?? 0, records: answer[2 * index + 1] ?? 0 }))
  }

  /** Records in a source list that nobody has taken. */
  async countUntaken(source: SourceList): Promise<number> {
    return this.#options.client.llen(source.key)
  }

  /**
   * Gives up the records before an offset for the sinks that have not acknowledged them, and books that. A lease that is
   * gone counts as done. False: others have a part in it or have ended it, and nothing was changed.
   */
  async dropOldest(lease: Lease, before: number, tallies: ReadonlyMap<string, Tally> | null = null): Promise<boolean> {
    const keys = this.#keysOf(lease.source)
    const ledger = tallies === null ? NO_BOOKINGS : encodeTallies(lease.source.key, tallies)
    const lists = [keys.list(lease.id), keys.meta(lease.id), keys.set, keys.finished(lease.id), keys.spilled]
    const names = [...lists, ...ledger.keys]
    const left = asNumber(await this.#dropOldest(names, [lease.id, lease.token, before, ...ledger.args]))
    return left !== -1 && left !== FINISHED
  }

  /** @throws LeaseLostError or LeaseGoneError */
  async read(lease: Lease, offset: number, maxRecords: number, maxBytes: number): Promise<RecordBlock> {
    const keys = this.#keysOf(lease.source)
    const args = [lease.token, offset, maxRecords, maxBytes, ...this.#options.sinks]
    const answer = await this.#read([keys.list(lease.id), keys.meta(lease.id), keys.finished(lease.id)], args)
    if (!Array.isArray(answer)) throw missing(lease, asNumber(answer))
    return new RecordBlock(answer as Buffer[])
  }

  /**
   * Moves one sink's offset forward, and books in the same step what became of the records before it. Returns how many
   * records the lease still holds; at 0 it is gone.
   *
   * @throws LeaseLostError, LeaseGoneError, or CommitBehindError when Redis has forgotten commits.
   */
  async commit(lease: Lease, sink: string, to: number, bookings: Bookings | null = null): Promise<number> {
    const keys = this.#keysOf(lease.source)
    const ledger = bookings === null ? NO_BOOKINGS : encodeBookings(lease.source.key, sink, bookings)
    const lists = [keys.list(lease.id), keys.meta(lease.id), keys.set, keys.finished(lease.id), keys.spilled]
    const names = [...lists, ...ledger.keys]
    const left = asNumber(await this.#commit(names, [lease.id, lease.token, sink, to, ...ledger.args]))
    if (left === BEHIND) throw new CommitBehindError(`lease ${lease.id} of ${lease.source.key} was set back`)
    // The last commit of all ends a lease. Repeated after a lost reply it finds none.
    if ((left === GONE || left === FINISHED) && to === lease.total) return 0
    if (left < 0) throw missing(lease, left)
    return left
  }

  /** Says that this process lives. Needed only for sources it holds leases of. */
  async renew(source: SourceList): Promise<void> {
    await this.#renew([this.#keysOf(source).owners], [this.#options.owner, this.#options.ownerTtlMs])
  }

  /** Claims what nobody living holds of at most LEASES_PER_CALL leases, and tells what waits for other sinks. */
  async claim(source: SourceList, requests: readonly ClaimRequest[]): Promise<ClaimAnswer> {
    const keys = this.#keysOf(source)
    const { owner, ownerTtlMs, sinks } = this.#options
    const token = this.#newToken()
    const names = [keys.set, keys.owners, ...requests.flatMap(({ id }) => [keys.list(id), keys.meta(id)])]
    const leases = requests.flatMap(({ id, tokens }) => [id, tokens.join(' ')])
    const answer = await this.#claim(names, [owner, token, ownerTtlMs, sinks.length, ...sinks, ...leases])
    const [claimed, waiting] = answer as [number[][], [Buffer, number, number][]]
    return {
      claimed: claimed.map(([index = 0, total = 0, whole, inFile, ...offsets]) => ({
        lease: { id: requests[index]?.id ?? '', source, total, token },
        offsets: offsets.map((offset) => (offset < 0 ? null : offset)),
        whole: whole === 1,
        inFile: inFile === 1,
      })),
      waiting: new Map(waiting.map(([sink, count, records]) => [String(sink), { leases: count, records }])),
    }
  }

  /** Gives a lease back: to its source list if nothing of it was begun, else to the next pump that has its sinks. */
  async release(lease: Lease, begun: boolean): Promise<'returned' | 'left' | 'lost'> {
    const keys = this.#keysOf(lease.source)
    const names = [keys.source, keys.list(lease.id), keys.meta(lease.id), keys.set]
    const answer = asNumber(await this.#release(names, [lease.id, lease.token, begun ? 0 : 1]))
    return answer === 1 ? 'returned' : answer === 2 ? 'left' : 'lost'
  }

  async countLeases(source: SourceList): Promise<number> {
    return this.#options.client.scard(this.#keysOf(source).set)
  }

  /** Ids of all leases of a source, as many at a time as one call may have. An id may come twice. */
  listLeases(source: SourceList): AsyncGenerator<string[]> {
    return leaseIds(this.#options.client, this.#keysOf(source))
  }

  /** Ids of lease lists by source, found by their names alone: the set of leases may have been lost. */
  async scanLeases(sources: readonly SourceList[]): Promise<Map<SourceList, string[]>> {
    const { client } = this.#options
    const nodes = 'nodes' in client ? client.nodes('master') : [client]
    const found = new Map<SourceList, string[]>()
    const prefixes = sources.map((source) => ({ source, prefix: this.#keysOf(source).list('') }))
    for (const node of nodes) {
      for await (const keys of node.scanStream({ match: '*:lease:*', count: 1000 }) as AsyncIterable<string[]>) {
        for (const key of keys) {
          const owner = prefixes.find(({ prefix }) => key.startsWith(prefix))
          if (owner === undefined || key.endsWith(':meta')) continue
          const ids = found.get(owner.source) ?? []
          ids.push(key.slice(owner.prefix.length))
          found.set(owner.source, ids)
        }
      }
    }
    return found
  }

  /** The scripts find the owner in front of the last `#`. */
  #newToken(): string {
    this.#holds += 1
    return `${this.#options.owner}#${this.#holds}`
  }

  #keysOf(source: SourceList): LeaseKeys {
    let keys = this.#keys.get(source.key)
    if (keys === undefined) {
      keys = leaseKeys(source.key)
      this.#keys.set(source.key, keys)
    }
    return keys
  }
}

/** Walks over the set of leases without reading it whole. */
export async function* leaseIds(client: Redis | Cluster, { set }: LeaseKeys): AsyncGenerator<string[]> {
  let cursor = '0'
  do {
    const [next, ids] = await client.sscan(set, cursor, 'COUNT', LEASES_PER_CALL)
    cursor = next
    yield* slices(ids, LEASES_PER_CALL)
  } while (cursor !== '0')
}

export function* slices<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let first = 0; first < items.length; first += size) yield items.slice(first, first + size)
}

const NO_BOOKINGS: EncodedBookings = { keys: [], args: [] }

/** What scripts answer when there is no such lease. */
const GONE = -3

/** What scripts answer when another hold has ended the lease. */
const FINISHED = -5

/** What a commit is answered whose Redis knows less than it did. */
const BEHIND = -4

function missing(lease: Lease, answer: number): LeaseGoneError | LeaseLostError {
  const name = `lease ${lease.id} of ${lease.source.key}`
  if (answer === GONE) return new LeaseGoneError(`${name} is not in Redis any more`)
  const what = answer === FINISHED ? 'was finished by another pump' : 'is not in the hands of this pump any more'
  return new LeaseLostError(`${name} ${what}`)
}

function asNumber(value: unknown): number {
  return Number(value)
}
