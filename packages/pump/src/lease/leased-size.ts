import type { SourceList } from '@tek/analytics-record'
import type { Segment } from './segment.ts'
import { LEASES_PER_CALL, type LeaseStore, type Size } from './store.ts'

/** Share of the time that measuring more leases than one call takes may last. */
const MOST_SHARE = 1 / 20

/**
 * What the leases of all pumps on this prefix hold in Redis.
 *
 * It is measured, not kept as a sum beside the leases: a sum would have to be right after every crash, failover and lost
 * piece of bookkeeping, and it would be wrong without anybody seeing it. Measuring asks Redis for the memory of each list,
 * which it knows without walking through it. Between two measurements only what this process adds and removes is known.
 */
export class LeasedSize {
  readonly #store: LeaseStore
  readonly #sources: readonly SourceList[]
  readonly #now: () => number
  /** Of sources that could not be measured: what was known before stands. */
  readonly #onTrouble: (error: unknown) => void
  #leases = new Map<SourceList, Map<string, Size>>()
  #restUntil = 0
  #bytes = 0
  #records = 0

  constructor(
    store: LeaseStore,
    sources: readonly SourceList[],
    now: () => number = () => performance.now(),
    onTrouble: (error: unknown) => void = () => undefined,
  ) {
    this.#store = store
    this.#sources = sources
    this.#now = now
    this.#onTrouble = onTrouble
  }

  get total(): Size {
    return { bytes: this.#bytes, records: this.#records }
  }

  /** Measures, unless there are so many leases that it has to rest from the last time. Tells whether anything was. */
  async measure(): Promise<boolean> {
    const startedAt = this.#now()
    if (startedAt < this.#restUntil) return false
    const leases = new Map<SourceList, Map<string, Size>>()
    let measured = 0
    await Promise.all(
      this.#sources.map(async (source) => {
        let sizes = this.#leases.get(source) ?? new Map<string, Size>()
        try {
          sizes = await this.#measureSource(source)
          measured += 1
        } catch (error) {
          // In a cluster its node may be away, and the others' lists are to be taken all the same.
          this.#onTrouble(error)
        }
        if (sizes.size > 0) leases.set(source, sizes)
      }),
    )
    this.#leases = leases
    this.#bytes = 0
    this.#records = 0
    for (const sizes of leases.values()) for (const size of sizes.values()) this.add(size)
    const now = this.#now()
    const most = Math.max(0, ...[...leases.values()].map((sizes) => sizes.size))
    if (most > LEASES_PER_CALL) this.#restUntil = now + (now - startedAt) / MOST_SHARE
    return measured > 0
  }

  /** What a lease held at the last measurement; undefined when it was not there. */
  of({ source, lease }: Segment): Size | undefined {
    return this.#leases.get(source)?.get(lease.id)
  }

  /** This process has put something into leases since, or, with negative numbers, removed it. */
  add({ bytes, records }: Size): void {
    this.#bytes = Math.max(0, this.#bytes + bytes)
    this.#records = Math.max(0, this.#records + records)
  }

  /**
   * This process has removed something of a lease, or all of it.
   *
   * @param seen - What `of` said of it: when it was measured anew since, that stands.
   */
  remove({ source, lease }: Segment, seen: Size, removed: Size): void {
    const sizes = this.#leases.get(source)
    if (sizes?.get(lease.id) !== seen) return
    const left = { bytes: seen.bytes - removed.bytes, records: seen.records - removed.records }
    if (left.records > 0) sizes.set(lease.id, left)
    else sizes.delete(lease.id)
    this.add({ bytes: -removed.bytes, records: -removed.records })
  }

  async #measureSource(source: SourceList): Promise<Map<string, Size>> {
    const sizes = new Map<string, Size>()
    for await (const ids of this.#store.listLeases(source)) {
      const measured = ids.length === 0 ? [] : await this.#store.measure(source, ids)
      for (const [index, size] of measured.entries()) sizes.set(ids[index] ?? '', size)
    }
    return sizes
  }
}
