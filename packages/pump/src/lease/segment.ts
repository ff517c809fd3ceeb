import type { SourceList } from '@tek/analytics-record'
import { type Element, decodeElements } from './chunk.ts'
import type { ChunkCache } from './chunk-cache.ts'
import type { Lease, LeaseStore } from './store.ts'

export interface SegmentDeps {
  readonly store: LeaseStore
  readonly cache: ChunkCache
  readonly maxRecords: number
  readonly maxBytes: number
  /** Keeps an element that is no record. Resolves once it is safe. */
  readonly keepUndecodable: (source: string, element: Element) => Promise<void>
  /** Called once per record that was decoded. */
  readonly onDecoded: (count: number) => void
}

export interface SegmentOrigin {
  /** Sinks this hold of the lease is for. */
  readonly sinks: readonly string[]
  /** Nobody else has a part in the lease. */
  readonly whole: boolean
  /** Another hold may have sent some of it. */
  readonly begun: boolean
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
  readonly takenAt = Date.now()

  constructor(lease: Lease, deps: SegmentDeps, { sinks, whole, begun }: SegmentOrigin) {
    this.#lease = lease
    this.#deps = deps
    this.#sinks = new Set(sinks)
    this.whole = whole
    this.begun = begun
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
      const raws = await store.read(this.#lease, offset, Math.min(maxRecords, total - offset), maxBytes)
      const elements = decodeElements(raws, source.serialisation)
      if (offset + elements.length > this.#decodedTo) {
        this.#decodedTo = offset + elements.length
        onDecoded(elements.filter(({ record }) => record !== null).length)
      }
      return elements
    })
  }

  /** Moves a sink's offset. Tells through `finished` when no sink needs the segment any more. @throws LeaseLostError */
  async commit(sink: string, to: number): Promise<void> {
    await this.#deps.store.commit(this.#lease, sink, to)
    if (to >= this.#lease.total) this.#sinks.delete(sink)
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
    const keeping = this.#deps.keepUndecodable(this.#lease.source.key, element)
    this.#undecodable.set(offset, keeping)
    keeping.catch(() => this.#undecodable.delete(offset))
    return keeping
  }
}
