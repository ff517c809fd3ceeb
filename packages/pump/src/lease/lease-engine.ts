import { randomBytes } from 'node:crypto'
import type { SourceList } from '@tek/analytics-record'
import type { Log } from '../log/log.ts'
import { OncePerInterval } from '../log/once-per-interval.ts'
import { type Repeated, repeat } from '../repeat.ts'
import { HeldLeases } from './held-leases.ts'
import type { LeaseCap, LeaseCapOptions } from './lease-cap.ts'
import { Recovery } from './recovery.ts'
import { Segment, type SegmentDeps } from './segment.ts'
import type { Backlog, ClaimedLease, Lease, LeaseStore, Size, TakenPart } from './store.ts'

/** What a cap on leases needs of the engine. */
export interface CapHooks extends Pick<LeaseCapOptions, 'takePart' | 'isStopping'> {
  readonly held: HeldLeases
  readonly forget: (segment: Segment) => void
  /** Has a new lease of this id made, and holds it. Resolves with what `make` made. */
  readonly holdNew: (id: string, make: () => Promise<ClaimedLease | null>) => Promise<ClaimedLease | null>
}

export interface LeaseEngineOptions {
  readonly store: LeaseStore
  readonly sources: readonly SourceList[]
  readonly segmentDeps: SegmentDeps
  /**
   * Called with each lease, or part of one, that this process comes to hold, and each sink's offset in it, in the order
   * of the sinks; null for a sink it does not hold it for.
   */
  readonly onSegment: (segment: Segment, offsets: readonly (number | null)[]) => void
  /** Redis could not be asked. */
  readonly onTrouble: (error: unknown) => void
  readonly onTaken?: (durationMs: number) => void
  /** Makes the cap on leases; absent: there is none. */
  readonly createCap?: (hooks: CapHooks) => LeaseCap
  /** Names, in the order of the store's. */
  readonly sinks: readonly string[]
  readonly takeEveryMs: number
  readonly ownerTtlMs: number
  readonly recoverEveryMs: number
  /** How often lists are looked for whose bookkeeping was lost. */
  readonly scanEveryMs: number
  /** A stop gives leases back to their source list that were taken no longer ago than this. */
  readonly returnWithinMs: number
  /** How often the same trouble is logged. */
  readonly logEveryMs: number
  readonly log: Log
}

/**
 * Takes records out of the source lists and holds them.
 *
 * Lists are taken whatever the sinks do: a gateway's TTL of 60 s runs on a source list, never on a lease. What another
 * pump left behind is recovered.
 */
export class LeaseEngine {
  readonly #options: LeaseEngineOptions
  readonly #held = new HeldLeases()
  readonly #recovery: Recovery
  /** Ids that are being taken at this moment: in Redis already, perhaps, but not yet held. */
  readonly #taking = new Set<string>()
  readonly #backlogs: OncePerInterval
  readonly #cap: LeaseCap | null
  #tasks: Repeated[] = []
  #stopping = false
  #stopped: Promise<unknown> | null = null

  constructor(options: LeaseEngineOptions) {
    this.#options = options
    this.#backlogs = new OncePerInterval(options.logEveryMs)
    this.#recovery = new Recovery({
      store: options.store,
      held: this.#held,
      isOff: (id) => this.#stopping || this.#taking.has(id),
      onClaimed: (source, claimed) => this.#recovered(source, claimed),
    })
    const hooks: CapHooks = {
      held: this.#held,
      forget: (segment) => this.forget(segment),
      holdNew: (id, make) => this.#holdNew(id, make, true),
      takePart: (source, most) => this.#takePart(source, most),
      isStopping: () => this.#stopping,
    }
    this.#cap = options.createCap?.(hooks) ?? null
  }

  start(): void {
    const { takeEveryMs, ownerTtlMs, recoverEveryMs, scanEveryMs } = this.#options
    this.#tasks = [
      repeat(takeEveryMs, () => this.#takeAll()),
      repeat(ownerTtlMs / 3, () => this.#renewAll()),
      repeat(recoverEveryMs, () => this.#recoverAll()),
      repeat(scanEveryMs, () => this.#scan()),
    ]
  }

  /** Takes no more. Leases are still held, and renewed. */
  async stopTaking(): Promise<void> {
    this.#stopping = true
    const [take, renew, ...others] = this.#tasks
    this.#tasks = renew === undefined ? [] : [renew]
    this.#stopped ??= Promise.all([take?.stop(), ...others.map((task) => task.stop()), this.#cap?.settled()])
    await this.#stopped
  }

  /** Gives every lease back that is not finished. */
  async close(): Promise<void> {
    await this.stopTaking()
    await Promise.all(this.#tasks.map((task) => task.stop()))
    await Promise.all(this.#options.sources.map((source) => this.#releaseAll(source)))
  }

  /** Stops holding a segment that is finished or lost. */
  forget(segment: Segment): void {
    this.#held.remove(segment)
  }

  /** Number of leases held. */
  get size(): number {
    return this.#held.size
  }

  /** By sink: what waits for sinks this pump does not have and no living pump holds. */
  waiting(): ReadonlyMap<string, Backlog> {
    return this.#recovery.waiting()
  }

  /** How the cap on leases stands; null: there is none. */
  capReport(): ReturnType<LeaseCap['report']> | null {
    return this.#cap?.report() ?? null
  }

  async #takeAll(): Promise<void> {
    const startedAt = performance.now()
    const { store, onTaken, onTrouble } = this.#options
    if (this.#cap !== null) await this.#cap.takeAll().catch(onTrouble)
    else {
      await this.#forEachSource(async (source) => {
        const id = newLeaseId()
        await this.#holdNew(id, async () => this.#new(await store.take(source, id)), false)
      })
    }
    onTaken?.(performance.now() - startedAt)
  }

  async #takePart(source: SourceList, most: Size): Promise<TakenPart | null> {
    const id = newLeaseId()
    let taken: TakenPart | null = null
    const make = async (): Promise<ClaimedLease | null> => {
      taken = await this.#options.store.takePart(source, id, most)
      return this.#new(taken?.lease ?? null)
    }
    await this.#holdNew(id, make, false)
    return taken
  }

  /** As a lease of which no sink has anything yet. */
  #new(lease: Lease | null): ClaimedLease | null {
    return lease && { lease, offsets: this.#options.sinks.map(() => 0), whole: true, inFile: false }
  }

  async #holdNew(id: string, make: () => Promise<ClaimedLease | null>, begun: boolean): Promise<ClaimedLease | null> {
    this.#taking.add(id)
    try {
      const made = await make()
      if (made !== null) this.#hold(made, begun)
      return made
    } finally {
      this.#taking.delete(id)
    }
  }

  async #renewAll(): Promise<void> {
    await this.#forEachSource(async (source) => {
      if (this.#held.has(source)) await this.#options.store.renew(source)
    })
  }

  async #recoverAll(): Promise<void> {
    await this.#forEachSource((source) => this.#recovery.sweep(source))
    const waiting = [...this.waiting()]
    if (waiting.length === 0) return this.#backlogs.reset()
    this.#backlogs.run(() => {
      const sinks = waiting.map(([sink]) => sink).join(', ')
      const records = waiting.reduce((sum, [, backlog]) => sum + backlog.records, 0)
      this.#options.log.warn({ sinks, records }, 'records wait for sinks that are not configured')
    })
  }

  async #scan(): Promise<void> {
    try {
      const found = await this.#options.store.scanLeases(this.#options.sources)
      for (const [source, ids] of found) await this.#recovery.claimFound(source, ids)
    } catch (error) {
      this.#options.onTrouble(error)
    }
  }

  #recovered(source: SourceList, claimed: readonly ClaimedLease[]): void {
    let records = 0
    for (const { lease, offsets } of claimed) {
      records += lease.total - Math.min(...offsets.filter((offset) => offset !== null))
    }
    this.#options.log.info({ source: source.key, leases: claimed.length, records }, 'leases recovered')
    for (const one of claimed) this.#hold(one, true)
  }

  #hold({ lease, offsets, whole, inFile }: ClaimedLease, begun: boolean): void {
    const sinks = this.#options.sinks.filter((_, index) => offsets[index] !== null)
    const segment = new Segment(lease, this.#options.segmentDeps, { sinks, whole, begun, inFile })
    this.#held.add(segment)
    this.#options.onSegment(segment, offsets)
  }

  async #releaseAll(source: SourceList): Promise<void> {
    // Newest first, each to the head of the list: the oldest records end up in front again.
    for (const segment of this.#held.allOf(source).reverse()) {
      if (!segment.finished && !(await this.#release(segment))) return
      this.#held.remove(segment)
    }
  }

  /**
   * The source list is for records that came just now. In it a backlog would lose the names of the sinks it waits for,
   * and live only as long as the gateway's TTL.
   */
  async #release(segment: Segment): Promise<boolean> {
    const { store, log, onTrouble, returnWithinMs } = this.#options
    const old = Date.now() - segment.takenAt > returnWithinMs
    try {
      const how = await store.release(segment.lease, segment.begun || old)
      log.info({ source: segment.source.key, lease: segment.lease.id, how }, 'lease released')
      return true
    } catch (error) {
      onTrouble(error)
      return false
    }
  }

  /** All sources at once: one round trip of time. One that fails does not keep the others from their turn. */
  async #forEachSource(visit: (source: SourceList) => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled(this.#options.sources.map(visit))
    for (const outcome of outcomes) if (outcome.status === 'rejected') this.#options.onTrouble(outcome.reason)
  }
}

/** Sorts by time, so that leases of one source list are recovered in about the order they were taken. */
function newLeaseId(): string {
  return `${Date.now().toString(36)}-${randomBytes(6).toString('hex')}`
}
