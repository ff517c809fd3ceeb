import type { Element } from '../lease/element.ts'
import type { Segment } from '../lease/segment.ts'
import type { LedgerBook, LedgerState } from '../ledger/index.ts'
import type { PumpRecord } from '../sinks/types.ts'
import type { SettledState } from './counters.ts'
import { Fifo } from './fifo.ts'

/** Where one sink stands in one segment. */
export interface Progress {
  readonly segment: Segment
  /** Where this process began. */
  readonly first: number
  /** Offset of the first record that was not read yet. */
  next: number
  /** Every record before this one is settled. */
  settledTo: number
  /** What Redis knows of `settledTo`. */
  committed: number
  /** Records that are settled, in any order. */
  settled: number
  /** Records that are being sent or kept, and reads under way. */
  busy: number
  /** Records of it may have been sent before this process had it. */
  readonly resumed: boolean
  /** The segment is not this sink's any more. */
  lost: boolean
  /** What became of its records, for the ledger; null: it is off. */
  readonly book: LedgerBook | null
}

/** One record on its way to one sink. */
export interface Entry {
  readonly progress: Progress
  readonly offset: number
  readonly element: Element
  /** The sink's view of it; null when the sink does not get it. */
  readonly item: PumpRecord | null
  readonly readAt: number
  /** It may have arrived already. */
  maybeSent: boolean
  /** What became of it; null: it is pending. */
  settled: SettledState | null
}

const LEDGER_STATES: Readonly<Record<SettledState, LedgerState>> = {
  delivered: 'delivered',
  filtered: 'filtered',
  deadLettered: 'dead',
  dropped: 'dropped',
}

/** Everything read and not yet settled in order: bounded, and the measure of what a sink holds in memory. */
export class Window {
  readonly #entries = new Fifo<Entry>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get length(): number {
    return this.#entries.length
  }

  get oldest(): Entry | undefined {
    return this.#entries.peek()
  }

  push(entry: Entry): void {
    this.#entries.push(entry)
    this.#bytes += entry.element.sizeBytes
  }

  /** Removes the settled records at the head and moves their segments' offsets. Returns the segments that moved. */
  advance(): Set<Progress> {
    const moved = new Set<Progress>()
    for (let entry = this.#entries.peek(); entry !== undefined; entry = this.#entries.peek()) {
      const { settled, progress, element } = entry
      if (settled === null) break
      this.#entries.shift()
      this.#bytes -= element.sizeBytes
      progress.settledTo = entry.offset + 1
      // Here and not where it is settled: bookings go by offsets, and the book is written in their order.
      progress.book?.add(LEDGER_STATES[settled], element, entry.readAt)
      moved.add(progress)
    }
    return moved
  }

  /** Removes what belongs to a segment that was lost. */
  drop(progress: Progress): void {
    this.#entries.removeWhere((entry) => {
      if (entry.progress !== progress) return false
      this.#bytes -= entry.element.sizeBytes
      return true
    })
  }
}
