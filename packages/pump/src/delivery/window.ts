import type { Element } from '../lease/chunk.ts'
import type { Segment } from '../lease/segment.ts'
import type { PumpRecord } from '../sinks/types.ts'
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
  lost: boolean
}

/** One record on its way to one sink. */
export interface Entry {
  readonly progress: Progress
  readonly offset: number
  readonly element: Element
  /** The sink's view of it; null when the sink does not get it. */
  readonly item: PumpRecord | null
  readonly readAt: number
  done: boolean
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
    this.#bytes += entry.element.raw.length
  }

  /** Removes the settled records at the head and moves their segments' offsets. Returns the segments that moved. */
  advance(): Set<Progress> {
    const moved = new Set<Progress>()
    for (let entry = this.#entries.peek(); entry?.done === true; entry = this.#entries.peek()) {
      this.#entries.shift()
      this.#bytes -= entry.element.raw.length
      entry.progress.settledTo = entry.offset + 1
      moved.add(entry.progress)
    }
    return moved
  }

  /** Removes what belongs to a segment that was lost. */
  drop(progress: Progress): void {
    this.#entries.removeWhere((entry) => {
      if (entry.progress !== progress) return false
      this.#bytes -= entry.element.raw.length
      return true
    })
  }
}
