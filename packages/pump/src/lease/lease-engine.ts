import { randomBytes } from 'node:crypto'
import type { SourceList } from '@tek/analytics-record'
import type { Log } from '../log/log.ts'
import { type Repeated, repeat } from '../repeat.ts'
import { Segment, type SegmentDeps } from './segment.ts'
import type { LeaseStore, RecoveredLease } from './store.ts'

export interface LeaseEngineOptions {
  readonly store: LeaseStore
  readonly sources: readonly SourceList[]
  readonly segmentDeps: SegmentDeps
  /** Called with each lease this process comes to hold, and each sink's offset in it, in the order of the sinks. */
  readonly onSegment: (segment: Segment, offsets: readonly number[]) => void
  /** Redis could not be asked. */
  readonly onTrouble: (error: unknown) => void
  readonly onTaken?: (durationMs: number) => void
  readonly sinkCount: number
  readonly takeEveryMs: number
  readonly ownerTtlMs: number
  readonly recoverEveryMs: number
  /** How often lists are looked for whose bookkeeping was lost. */
  readonly scanEveryMs: number
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
  readonly #held = new Map<SourceList, Map<string, Segment>>()
  /** Ids that are being taken at this moment: in Redis already, perhaps, but not yet held. */
  readonly #taking = new Set<string>()
  #tasks: Repeated[] = []
  #stopping = false

  constructor(options: LeaseEngineOptions) {
    this.#options = options
    for (const source of options.sources) this.#held.set(source, new Map())
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
    await Promise.all([take?.stop(), ...others.map((task) => task.stop())])
  }

  /** Gives every lease back that is not finished. */
  async close(): Promise<void> {
    await this.stopTaking()
    await Promise.all(this.#tasks.map((task) => task.stop()))
    await Promise.all(this.#options.sources.map((source) => this.#releaseAll(source)))
  }

  /** Stops holding a segment that is finished or lost. */
  forget(segment: Segment): void {
    this.#held.get(segment.source)?.delete(segment.lease.id)
  }

  /** Number of leases held. */
  get size(): number {
    let size = 0
    for (const segments of this.#held.values()) size += segments.size
    return size
  }

  async #takeAll(): Promise<void> {
    const startedAt = performance.now()
    await this.#forEachSource(async (source) => {
      const id = newLeaseId()
      this.#taking.add(id)
      try {
        const lease = await this.#options.store.take(source, id)
        if (lease !== null) this.#hold({ lease, offsets: this.#noOffsets(), givenUp: [] }, false)
      } finally {
        this.#taking.delete(id)
      }
    })
    this.#options.onTaken?.(performance.now() - startedAt)
  }

  #noOffsets(): number[] {
    return Array.from({ length: this.#options.sinkCount }, () => 0)
  }

  async #renewAll(): Promise<void> {
    await this.#forEachSource(async (source) => {
      if ((this.#held.get(source)?.size ?? 0) > 0) await this.#options.store.renew(source)
    })
  }

  async #recoverAll(): Promise<void> {
    const { store } = this.#options
    await this.#forEachSource(async (source) => {
      // Mostly every lease is our own, and then nothing needs to be listed.
      if ((await store.countLeases(source)) <= (this.#held.get(source)?.size ?? 0)) return
      for (const id of await store.listLeases(source)) await this.#recover(source, id)
    })
  }

  async #scan(): Promise<void> {
    try {
      for (const [source, ids] of await this.#options.store.scanLeases(this.#options.sources)) {
        for (const id of ids) await this.#recover(source, id)
      }
    } catch (error) {
      this.#options.onTrouble(error)
    }
  }

  async #recover(source: SourceList, id: string): Promise<void> {
    if (this.#stopping || this.#taking.has(id) || this.#held.get(source)?.has(id) !== false) return
    const recovered = await this.#options.store.recover(source, id)
    // Two tasks may have asked for the same lease at the same time; both then own it, and the first one holds it.
    if (recovered === null || this.#held.get(source)?.has(id) !== false) return
    const records = recovered.lease.total - Math.min(...recovered.offsets)
    this.#options.log.info({ source: source.key, lease: id, records }, 'lease recovered')
    for (const sink of recovered.givenUp) {
      this.#options.log.warn(
        { source: source.key, lease: id, sink },
        'records of a sink that is not configured any more are given up',
      )
    }
    if (records > 0) this.#hold(recovered, true)
  }

  #hold({ lease, offsets }: RecoveredLease, recovered: boolean): void {
    if (this.#held.get(lease.source)?.has(lease.id) === true) return
    const segment = new Segment(lease, this.#options.segmentDeps, recovered)
    this.#held.get(lease.source)?.set(lease.id, segment)
    this.#options.onSegment(segment, offsets)
  }

  async #releaseAll(source: SourceList): Promise<void> {
    const segments = this.#held.get(source) ?? new Map<string, Segment>()
    // Newest first, each to the head of the list: the oldest records end up in front again.
    for (const segment of [...segments.values()].reverse()) {
      if (segment.finished) continue
      try {
        const how = await this.#options.store.release(segment.lease, segment.begun)
        this.#options.log.info({ source: source.key, lease: segment.lease.id, how }, 'lease released')
      } catch (error) {
        this.#options.onTrouble(error)
        return
      }
    }
    segments.clear()
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
