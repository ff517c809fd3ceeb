import type { SourceList } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { LeaseGoneError, LeaseLostError } from '../errors.ts'
import { type RunScript, defineScript } from '../redis/define-scripts.ts'
import { type LeaseKeys, leaseKeys } from './keys.ts'

/** A batch of records taken from a source list: a stretch of log with one offset per sink. */
export interface Lease {
  readonly id: string
  readonly source: SourceList
  /** Records it had when it was taken; offsets go from 0 to this. */
  readonly total: number
}

export interface RecoveredLease {
  readonly lease: Lease
  /** Where each sink goes on, in the order of the store's sinks. */
  readonly offsets: readonly number[]
  /** Sinks that the lease knew and this pump does not have. */
  readonly givenUp: readonly string[]
}

export interface LeaseStoreOptions {
  readonly client: Redis | Cluster
  /** Names this process among all pumps. */
  readonly owner: string
  readonly sinks: readonly string[]
  /** How long an owner counts as alive after its last sign. */
  readonly ownerTtlMs: number
}

const scriptFile = (name: string): URL => new URL(`./scripts/${name}.lua`, import.meta.url)

/** The Redis side of leases. One method per script; see `scripts/` for what each does. */
export class LeaseStore {
  readonly #options: LeaseStoreOptions
  readonly #keys = new Map<string, LeaseKeys>()
  readonly #take: RunScript
  readonly #read: RunScript
  readonly #commit: RunScript
  readonly #renew: RunScript
  readonly #recover: RunScript
  readonly #release: RunScript

  constructor(options: LeaseStoreOptions) {
    this.#options = options
    const define = (command: string, file: string): RunScript => defineScript(options.client, command, scriptFile(file))
    this.#take = define('takeLease', 'take-lease')
    this.#read = define('readLease', 'read-lease')
    this.#commit = define('commitOffset', 'commit-offset')
    this.#renew = define('renewOwner', 'renew-owner')
    this.#recover = define('recoverLease', 'recover-lease')
    this.#release = define('releaseLease', 'release-lease')
  }

  /** Takes what waits in a source list; null when nothing does. */
  async take(source: SourceList, id: string): Promise<Lease | null> {
    const keys = this.#keysOf(source)
    const { owner, ownerTtlMs, sinks } = this.#options
    const names = [keys.source, keys.list(id), keys.meta(id), keys.set, keys.owners]
    const total = asNumber(await this.#take(names, [id, owner, ownerTtlMs, ...sinks]))
    return total > 0 ? { id, source, total } : null
  }

  /** @throws LeaseLostError or LeaseGoneError */
  async read(lease: Lease, offset: number, maxRecords: number, maxBytes: number): Promise<readonly Buffer[]> {
    const keys = this.#keysOf(lease.source)
    const args = [this.#options.owner, offset, maxRecords, maxBytes]
    const answer = await this.#read([keys.list(lease.id), keys.meta(lease.id)], args)
    if (!Array.isArray(answer)) throw missing(lease, asNumber(answer))
    return answer as Buffer[]
  }

  /**
   * Moves one sink's offset. Returns how many records the lease still holds; at 0 it is gone.
   *
   * @throws LeaseLostError or LeaseGoneError
   */
  async commit(lease: Lease, sink: string, from: number, to: number): Promise<number> {
    const keys = this.#keysOf(lease.source)
    const names = [keys.list(lease.id), keys.meta(lease.id), keys.set]
    const left = asNumber(await this.#commit(names, [lease.id, this.#options.owner, sink, from, to]))
    // The last commit of all ends a lease. Repeated after a lost reply it finds none.
    if (left === GONE && to === lease.total) return 0
    if (left < 0) throw missing(lease, left)
    return left
  }

  /** Says that this process lives. Needed only for sources it holds leases of. */
  async renew(source: SourceList): Promise<void> {
    await this.#renew([this.#keysOf(source).owners], [this.#options.owner, this.#options.ownerTtlMs])
  }

  /** Takes a lease over if nobody living owns it; null when somebody does or nothing is left of it. */
  async recover(source: SourceList, id: string): Promise<RecoveredLease | null> {
    const keys = this.#keysOf(source)
    const { owner, ownerTtlMs, sinks } = this.#options
    const names = [keys.list(id), keys.meta(id), keys.set, keys.owners]
    const answer = await this.#recover(names, [id, owner, ownerTtlMs, ...sinks])
    if (!Array.isArray(answer)) return null
    const [total, ...rest] = answer as unknown[]
    return {
      lease: { id, source, total: asNumber(total) },
      offsets: rest.slice(0, sinks.length).map(asNumber),
      givenUp: rest.slice(sinks.length).map(String),
    }
  }

  /** Gives a lease back: to its source list if nothing of it was begun, else to the next pump. */
  async release(lease: Lease, begun: boolean): Promise<'returned' | 'left' | 'lost'> {
    const keys = this.#keysOf(lease.source)
    const names = [keys.source, keys.list(lease.id), keys.meta(lease.id), keys.set]
    const answer = asNumber(await this.#release(names, [lease.id, this.#options.owner, begun ? 0 : 1]))
    return answer === 1 ? 'returned' : answer === 2 ? 'left' : 'lost'
  }

  async countLeases(source: SourceList): Promise<number> {
    return this.#options.client.scard(this.#keysOf(source).set)
  }

  async listLeases(source: SourceList): Promise<string[]> {
    return this.#options.client.smembers(this.#keysOf(source).set)
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
          found.set(owner.source, [...(found.get(owner.source) ?? []), key.slice(owner.prefix.length)])
        }
      }
    }
    return found
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

/** What scripts answer when there is no such lease. */
const GONE = -3

function missing(lease: Lease, answer: number): LeaseGoneError | LeaseLostError {
  const name = `lease ${lease.id} of ${lease.source.key}`
  return answer === GONE
    ? new LeaseGoneError(`${name} is not in Redis any more`)
    : new LeaseLostError(`${name} belongs to another pump now`)
}

function asNumber(value: unknown): number {
  return Number(value)
}
