import type { Element } from './element.ts'

type Chunk = Promise<readonly Element[]>

/**
 * Lets sinks that move at the same pace share one read and one decoding. Holds the last few chunks; a sink that lags
 * behind reads again.
 */
export class ChunkCache {
  readonly #most: number
  readonly #chunks = new Map<string, Chunk>()

  constructor(most: number) {
    this.#most = most
  }

  get(key: string, read: () => Chunk): Chunk {
    const cached = this.#chunks.get(key)
    if (cached !== undefined) return cached
    const chunk = read()
    if (this.#most === 0) return chunk
    this.#chunks.set(key, chunk)
    chunk.catch(() => this.#chunks.delete(key))
    const [oldest] = this.#chunks.keys()
    if (this.#chunks.size > this.#most && oldest !== undefined) this.#chunks.delete(oldest)
    return chunk
  }
}
