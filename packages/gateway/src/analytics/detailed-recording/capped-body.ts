// Hot path.

const FIRST_BYTES = 4096

/** Memory that the bodies of all requests under way share: with many of them the limit of each is no bound. */
export class BodyMemory {
  #freeBytes: number

  constructor(bytes: number) {
    this.#freeBytes = bytes
  }

  /** @returns False when there is not that much left. */
  take(bytes: number): boolean {
    if (bytes > this.#freeBytes) return false
    this.#freeBytes -= bytes
    return true
  }

  give(bytes: number): void {
    this.#freeBytes += bytes
  }
}

/**
 * The first bytes of a body that passes by.
 *
 * Bytes are copied: a kept chunk would keep the whole buffer it was read into, and a body of one-byte chunks would need
 * an object for each.
 */
export class CappedBody {
  readonly #memory: BodyMemory
  #maxBytes: number
  #bytes: Buffer | null = null
  #length = 0
  #cut = false

  constructor(maxBytes: number, memory: BodyMemory) {
    this.#maxBytes = maxBytes
    this.#memory = memory
  }

  get length(): number {
    return this.#length
  }

  /** Whether bytes were left out. */
  get cut(): boolean {
    return this.#cut
  }

  append(chunk: Uint8Array): void {
    const room = this.#roomFor(chunk.length)
    if (chunk.length > room) this.#cut = true
    const taken = Math.min(chunk.length, room)
    if (taken === 0) return
    this.#bytes?.set(taken === chunk.length ? chunk : chunk.subarray(0, taken), this.#length)
    this.#length += taken
  }

  /** What was kept; shares its memory with the body. */
  bytes(): Buffer {
    return this.#bytes === null ? Buffer.alloc(0) : this.#bytes.subarray(0, this.#length)
  }

  /** Gives the memory back; nothing is kept any more. */
  release(): void {
    if (this.#bytes !== null) this.#memory.give(this.#bytes.length)
    this.#bytes = null
    this.#length = 0
    this.#maxBytes = 0
  }

  /** Bytes that can be appended, once the buffer has grown as far as wanted and possible. */
  #roomFor(wanted: number): number {
    const current = this.#bytes
    const size = current?.length ?? 0
    const length = Math.min(this.#length + wanted, this.#maxBytes)
    if (length > size) {
      const grownSize = Math.min(this.#maxBytes, Math.max(length, FIRST_BYTES, size * 2))
      // Without more memory it stays as long as it is, whatever comes later.
      if (this.#memory.take(grownSize - size)) this.#bytes = grown(current, grownSize)
      else this.#maxBytes = size
    }
    return Math.min(this.#bytes?.length ?? 0, this.#maxBytes) - this.#length
  }
}

function grown(current: Buffer | null, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  if (current !== null) bytes.set(current)
  return bytes
}
