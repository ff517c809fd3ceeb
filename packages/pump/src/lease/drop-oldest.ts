import { LeaseGoneError, LeaseLostError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import { OncePerInterval } from '../log/once-per-interval.ts'
import type { HeldLeases } from './held-leases.ts'
import { type CapPolicy, RELIEF_MS, TAKEN_AT_ONCE } from './lease-cap.ts'
import type { LeasedSize } from './leased-size.ts'
import type { Segment, Tallies } from './segment.ts'
import type { Size } from './store.ts'
import type { Withdrawal } from './withdrawal.ts'

export interface DropOldestOptions {
  readonly limits: Size
  readonly held: HeldLeases
  /** Takes a segment from all sinks that need something before an offset; null: one of them is busy with it. */
  readonly withdraw: (segment: Segment, before: number) => readonly Withdrawal[] | null
  readonly onSegmentGone: (segment: Segment) => void
  readonly onTrouble: (error: unknown) => void
  readonly isStopping: () => boolean
  readonly logEveryMs: number
  readonly log: Log
}

/** A drop that Redis was told of and has not answered: it may have happened. */
interface Unanswered {
  readonly segment: Segment
  readonly before: number
  readonly withdrawals: readonly Withdrawal[]
  readonly tallies: Tallies | null
}

const ANY: Size = { bytes: Infinity, records: Infinity }

/**
 * Gives up the oldest records of the leases this pump holds until the cap holds again. What is in the middle of being sent
 * is passed over: it must not count as dropped and arrive all the same.
 */
export class DropOldest implements CapPolicy {
  readonly name = 'drop-oldest'
  readonly part = TAKEN_AT_ONCE
  readonly #options: DropOldestOptions
  readonly #drops: OncePerInterval
  /** By sink: what was dropped and not told yet. */
  readonly #untold = new Map<string, number>()
  #unanswered: Unanswered | null = null

  constructor(options: DropOldestOptions) {
    this.#options = options
    this.#drops = new OncePerInterval(options.logEveryMs)
  }

  bound(): Size {
    return ANY
  }

  async relieve(size: LeasedSize): Promise<void> {
    if (this.#unanswered !== null) await this.#finish(this.#unanswered)
    const over = excess(size.total, this.#options.limits)
    if (over.bytes > 0 || over.records > 0) await this.#drop(over, size)
    this.#tell(size)
  }

  async #drop(over: Size, size: LeasedSize): Promise<void> {
    const { held, isStopping } = this.#options
    const segments = held.oldestFirst().filter((segment) => segment.whole && !segment.finished)
    let { bytes, records } = shareOf(over, segments, size)
    const until = Date.now() + RELIEF_MS
    for (const segment of segments) {
      if ((bytes <= 0 && records <= 0) || isStopping() || Date.now() > until) break
      const freed = await this.#dropFrom(segment, { bytes, records }, size)
      bytes -= freed.bytes
      records -= freed.records
    }
  }

  /** Returns what that made free. */
  async #dropFrom(segment: Segment, need: Size, size: LeasedSize): Promise<Size> {
    const there = size.of(segment)
    if (there === undefined || there.records === 0) return NOTHING
    const each = there.bytes / there.records
    const count = Math.min(there.records, Math.max(Math.ceil(need.bytes / each), need.records))
    const before = segment.total - there.records + count
    const withdrawals = this.#options.withdraw(segment, before)
    if (withdrawals === null || withdrawals.length === 0) return NOTHING
    const tallies = await this.#tally(segment, before, withdrawals)
    if (tallies === 'gone') return NOTHING
    if (!(await this.#finish({ segment, before, withdrawals, tallies }))) return NOTHING
    const freed = { bytes: count * each, records: count }
    size.remove(segment, there, freed)
    return freed
  }

  /** `gone`: this pump does not have the segment any more, which its sinks will see for themselves. */
  async #tally(segment: Segment, before: number, withdrawals: readonly Withdrawal[]): Promise<Tallies | 'gone' | null> {
    try {
      return await segment.tallyDropped(before, withdrawals)
    } catch (error) {
      for (const withdrawal of withdrawals) withdrawal.restore()
      if (error instanceof LeaseLostError || error instanceof LeaseGoneError) return 'gone'
      throw error
    }
  }

  /** Drops in Redis first, then in the counts. False: nothing was dropped. */
  async #finish(drop: Unanswered): Promise<boolean> {
    const { segment, before, withdrawals, tallies } = drop
    const { onSegmentGone, onTrouble } = this.#options
    this.#unanswered = drop
    let isDropped: boolean
    try {
      isDropped = await segment.giveUp(before, tallies)
    } catch (error) {
      // Asked again at the next taking. Until then no sink may send what Redis has perhaps dropped.
      onTrouble(error)
      throw error
    }
    this.#unanswered = null
    for (const withdrawal of withdrawals) {
      if (!isDropped) withdrawal.restore()
      else this.#count(withdrawal.sink, withdrawal.drop(before))
    }
    if (segment.finished) onSegmentGone(segment)
    return isDropped
  }

  #count(sink: string, records: number): void {
    if (records > 0) this.#untold.set(sink, (this.#untold.get(sink) ?? 0) + records)
  }

  #tell(size: LeasedSize): void {
    if (this.#untold.size === 0) return
    const { log, limits } = this.#options
    this.#drops.run(() => {
      const records = [...this.#untold.values()].reduce((sum, count) => sum + count, 0)
      const sinks = [...this.#untold].map(([sink, count]) => `${sink}=${count}`).join(' ')
      const cap = {
        ...(limits.bytes !== Infinity && { max_bytes: limits.bytes }),
        ...(limits.records !== Infinity && { max_records: limits.records }),
      }
      const leased = { leased_bytes: Math.round(size.total.bytes), leased_records: Math.round(size.total.records) }
      log.error({ records, sinks, ...cap, ...leased }, 'lease cap reached, the oldest records are dropped')
      this.#untold.clear()
    })
  }
}

const NOTHING: Size = { bytes: 0, records: 0 }

/** How much is over the cap. */
export function excess(total: Size, limits: Size): Size {
  return { bytes: Math.max(0, total.bytes - limits.bytes), records: Math.max(0, total.records - limits.records) }
}

/**
 * This pump's share of what is too much: that of its leases in all. Several pumps that each dropped the whole would drop it
 * several times.
 */
function shareOf(over: Size, segments: readonly Segment[], size: LeasedSize): Size {
  const own = segments.reduce(
    (sum, segment) => {
      const { bytes, records } = size.of(segment) ?? NOTHING
      return { bytes: sum.bytes + bytes, records: sum.records + records }
    },
    { bytes: 0, records: 0 },
  )
  const { bytes, records } = size.total
  return {
    bytes: Math.ceil(bytes === 0 ? 0 : (over.bytes * own.bytes) / bytes),
    records: Math.ceil(records === 0 ? 0 : (over.records * own.records) / records),
  }
}
