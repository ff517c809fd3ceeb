import type { SourceList } from '@tek/analytics-record'
import { type Bookings, Tally } from '../ledger/index.ts'
import { type Element, readElements } from './element.ts'
import type { ChunkCache } from './chunk-cache.ts'
import type { Lease, LeaseStore } from './store.ts'

export interface SegmentDeps {
  readonly store: LeaseStore
  readonly cache: ChunkCache
  readonly maxRecords: number
  readonly maxBytes: number
  /** Keeps an element that is no record. Resolves once it is safe. */
  readonly keepUndecodable: (source: SourceList, element: Element) => Promise<void>
  /** What is given up is booked. */
  readonly ledger: boolean
  /** Called once per record that was decoded. */
  readonly onDecoded: (count: number) => void
}

/** Where a sink stands in a segment. */
export interface SinkOffset {
  readonly sink: string
  readonly offset: number
}

/** By sink. */
export type Tallies = ReadonlyMap<string, Tally>

export interface SegmentOrigin {
  /** Sinks this hold of the lease is for. */
  readonly sinks: readonly string[]
  /** Nobody else has a part in the lease. */
  readonly whole: boolean
  /** Another hold may have sent some of it. */
  readonly begun: boolean
  /** A file has its records as well, until it is finished. */
  readonly inFile: boolean
}

/** One hold of a lease as the sinks see it: records by offset, one committed offset per sink. */
export class Segment {
  readonly #lease: Lease
  readonly #deps: SegmentDeps
  readonly #undecodable = new Map<number, Promise<void>>()
  /** Sinks that need something of it still. */
  readonly #sinks: Set<string>
  #decodedTo = 0
  /** True while this process holds all of the lease. */
  whole: boolean
  /** Some record of it was sent, filtered or dead-lettered, so another program must not get it as if it were new. */
  begun: boolean
  /** A file has its records until it is finished. */
  inFile: boolean
  readonly takenAt = Date.now()

  constructor(lease: Lease, deps: SegmentDeps, { sinks, whole, begun, inFile }: SegmentOrigin) {
    this.#lease = lease
    this.#deps = deps
    this.#sinks = new Set(sinks)
    this.whole = whole
    this.begun = begun
    this.inFile = inFile
  }

  get source(): SourceList {
    return this.#lease.source
  }

  get total(): number {
    return this.#lease.total
  }

  get lease(): Lease {
    return this.#lease
  }

  /** No sink of this pump needs it any more. */
  get finished(): boolean {
    return this.#sinks.size === 0
  }

  /** Elements from an offset on, as many as one read takes. @throws LeaseLostError */
  async read(offset: number): Promise<readonly Element[]> {
    const { store, cache, maxRecords, maxBytes, onDecoded } = this.#deps
    const { token, id, source, total } = this.#lease
    return cache.get(`${id}:${token}:${offset}`, async () => {
      const block = await store.read(this.#lease, offset, Math.min(maxRecords, total - offset), maxBytes)
      const elements = readElements(block, source.serialisation)
      if (offset + elements.length > this.#decodedTo) {
        this.#decodedTo = offset + elements.length
        onDecoded(countDecoded(elements))
      }
      return elements
    })
  }

  /** Moves a sink's offset. Tells through `finished` when no sink needs the segment any more. @throws LeaseLostError */
  async commit(sink: string, to: number, bookings: Bookings | null): Promise<void> {
    await this.#deps.store.commit(this.#lease, sink, to, bookings)
    if (to >= this.#lease.total) this.#sinks.delete(sink)
  }

  /** What the ledger has to know of records that are about to be given up; null: it is off. @throws LeaseLostError */
  async tallyDropped(before: number, sinks: readonly SinkOffset[]): Promise<Tallies | null> {
    if (!this.#deps.ledger) return null
    const { store, maxRecords, maxBytes } = this.#deps
    const tallies = new Map(sinks.map(({ sink }) => [sink, new Tally()]))
    const now = Date.now()
    for (let offset = Math.min(...sinks.map((one) => one.offset)); offset < before;) {
      const block = await store.read(this.#lease, offset, Math.min(maxRecords, before - offset), maxBytes)
      if (block.length === 0) break
      for (const element of readElements(block, this.source.serialisation)) {
        for (const one of sinks) {
          if (one.offset <= offset) tallies.get(one.sink)?.addElement('dropped', element, now)
        }
        offset += 1
      }
    }
    return tallies
  }

  /**
   * Gives up what lies before an offset, for all sinks of this hold, which must not work on it meanwhile. False: others have
   * a part in it, and nothing was changed.
   */
  async giveUp(before: number, tallies: Tallies | null): Promise<boolean> {
    if (!(await this.#deps.store.dropOldest(this.#lease, before, tallies))) return false
    if (before >= this.#lease.total) this.#sinks.clear()
    return true
  }

  /** The sink's part belongs to somebody else now, or is gone. */
  lose(sink: string): void {
    this.#sinks.delete(sink)
    this.whole = false
  }

  /** Keeps an element that is no record: once, however many sinks come across it. */
  keepUndecodable(offset: number, element: Element): Promise<void> {
    const kept = this.#undecodable.get(offset)
    if (kept !== undefined) return kept
    const keeping = this.#deps.keepUndecodable(this.#lease.source, element)
    this.#undecodable.set(offset, keeping)
    keeping.catch(() => this.#undecodable.delete(offset))
    return keeping
  }
}

function countDecoded(elements: readonly Element[]): number {
  let count = 0
  for (let i = 0; i < elements.length; i++) if (elements[i]!.error === null) count += 1
  return count
}
