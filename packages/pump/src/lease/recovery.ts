import type { SourceList } from '@tek/analytics-record'
import type { HeldLeases } from './held-leases.ts'
import {
  type Backlog,
  type ClaimRequest,
  type ClaimedLease,
  LEASES_PER_CALL,
  type LeaseStore,
  slices,
} from './store.ts'

export interface RecoveryOptions {
  readonly store: LeaseStore
  readonly held: HeldLeases
  /** True for a lease that must not be touched now: it is just being taken, or the pump stops. */
  readonly isOff: (id: string) => boolean
  readonly onClaimed: (source: SourceList, claimed: readonly ClaimedLease[]) => void
  readonly now?: () => number
}

/**
 * Share of the time that going through more leases than one call takes may last. 86,400 leases of a living pump, one day
 * of records that wait, take 0.9 s, 0.6 s of it in Redis, in calls of 1 ms (Redis 7, two busy cores).
 */
const MOST_SHARE = 1 / 20

/** Finds leases, or parts of them, that no living pump holds, and keeps count of what waits for sinks of other pumps. */
export class Recovery {
  readonly #options: RecoveryOptions
  readonly #now: () => number
  readonly #running = new Map<SourceList, Promise<unknown>>()
  readonly #waiting = new Map<SourceList, ReadonlyMap<string, Backlog>>()
  /** No sweep of a source before this instant. */
  readonly #restUntil = new Map<SourceList, number>()

  constructor(options: RecoveryOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** Goes through all leases of a source, unless there are so many that it has to rest from the last time. */
  sweep(source: SourceList): Promise<void> {
    return this.#exclusively(source, async () => {
      const startedAt = this.#now()
      if (startedAt < (this.#restUntil.get(source) ?? 0)) return
      const { store, held } = this.#options
      const waiting = new Map<string, Backlog>()
      const count = await store.countLeases(source)
      // Mostly every lease is our own, and then nothing needs to be listed.
      if (count > held.allOf(source).filter((segment) => segment.whole).length) {
        for await (const ids of store.listLeases(source)) merge(waiting, await this.#claim(source, ids))
      }
      this.#waiting.set(source, waiting)
      const now = this.#now()
      if (count > LEASES_PER_CALL) this.#restUntil.set(source, now + (now - startedAt) / MOST_SHARE)
    })
  }

  /** Claims leases that were found by their names. */
  claimFound(source: SourceList, ids: readonly string[]): Promise<void> {
    return this.#exclusively(source, async () => {
      for (const some of slices(ids, LEASES_PER_CALL)) await this.#claim(source, some)
    })
  }

  /** By sink: what waited at the last sweep for sinks this pump does not have and no living pump holds. */
  waiting(): ReadonlyMap<string, Backlog> {
    const sums = new Map<string, Backlog>()
    for (const waiting of this.#waiting.values()) merge(sums, waiting)
    return sums
  }

  async #claim(source: SourceList, ids: readonly string[]): Promise<ReadonlyMap<string, Backlog>> {
    const { store, isOff, onClaimed } = this.#options
    const requests = ids
      .toSorted()
      .filter((id) => !isOff(id))
      .flatMap((id) => this.#requestOf(source, id))
    if (requests.length === 0) return new Map()
    const { claimed, waiting } = await store.claim(source, requests)
    if (claimed.length > 0) onClaimed(source, claimed)
    return waiting
  }

  #requestOf(source: SourceList, id: string): ClaimRequest[] {
    const segments = this.#options.held.of(source, id)
    if (segments.some(({ whole }) => whole)) return []
    return [{ id, tokens: segments.map(({ lease }) => lease.token) }]
  }

  /** One at a time for each source: two that ask at once would both claim what neither of them holds yet. */
  #exclusively(source: SourceList, task: () => Promise<void>): Promise<void> {
    const run = (this.#running.get(source) ?? Promise.resolve()).then(task, task)
    this.#running.set(source, run)
    return run
  }
}

function merge(sums: Map<string, Backlog>, more: ReadonlyMap<string, Backlog>): void {
  for (const [sink, { leases, records }] of more) {
    const sum = sums.get(sink)
    sums.set(sink, { leases: (sum?.leases ?? 0) + leases, records: (sum?.records ?? 0) + records })
  }
}
