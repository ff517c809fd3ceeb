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

/** A lease as the sinks see it: records by offset, one committed offset per sink. */
export class Segment {
  readonly #lease: Lease
  readonly #deps: SegmentDeps
  readonly #undecodable = new Map<number, Promise<void>>()
  #decodedTo = 0
  /** Some record of it was sent, filtered or dead-lettered, so another program must not get it as if it were new. */
  begun: boolean
  finished = false

  constructor(lease: Lease, deps: SegmentDeps, begun: boolean) {
    this.#lease = lease
    this.#deps = deps
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

  /** Elements from an offset on, as many as one read takes. @throws LeaseLostError */
  async read(offset: number): Promise<readonly Element[]> {
    const { store, cache, maxRecords, maxBytes, onDecoded } = this.#deps
    const { id, source, total } = this.#lease
    return cache.get(`${id}:${offset}`, async () => {
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
  async commit(sink: string, from: number, to: number): Promise<void> {
    const left = await this.#deps.store.commit(this.#lease, sink, from, to)
    if (left === 0) this.finished = true
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
