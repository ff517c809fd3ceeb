// Hot path.

type OnWritten = (err?: Error | null) => void

/**
 * Smaller reads are left to the collector: a callback for each of their pieces would cost more than it saves. Given
 * back, 1 kB takes 1.3 times as long as left to it, 4 kB as long, 8 kB 0.6 and 64 kB 0.15 times as long (Node 24,
 * bench/read-memory.bench.ts).
 */
const MIN_BYTES = 4096

/**
 * The memory of one read, given back as soon as the last piece of it was written.
 *
 * Node allocates each read anew, and the collector, which sees small objects, lets tens of megabytes of them wait, then
 * collects everything every 0.1 s: a body of 1 GiB took 40 to 75 MB and 3 s of processor time. Given back at once it takes
 * less than 5 MB and 1.2 s (Node 24, test/e2e/streams.slow.test.ts).
 *
 * Memory that is still being written must not be given back: the process would end. So only what calls back once its bytes
 * are with the system may use this.
 */
export class ReadMemory {
  readonly #memory: ArrayBuffer
  /** Pieces that are not written yet, and one for the reader that may still find more. */
  #open = 1
  #pieces = 0

  private constructor(memory: ArrayBuffer) {
    this.#memory = memory
  }

  /**
   * @param chunk - As a socket, or a request on one, has emitted it.
   * @returns null when there is nothing to gain, or when other bytes lie in the same memory.
   */
  static of(chunk: Buffer): ReadMemory | null {
    const { buffer, byteLength } = chunk
    if (byteLength < MIN_BYTES || buffer.byteLength !== byteLength) return null
    return new ReadMemory(buffer as ArrayBuffer)
  }

  /** For a chunk that is written in one piece: what to call once it was. */
  static whole(chunk: Buffer): OnWritten | undefined {
    const memory = ReadMemory.of(chunk)
    const onWritten = memory?.add()
    memory?.complete()
    return onWritten
  }

  /** Counts a piece in; the memory stays until `written` was called for it. */
  add(): OnWritten {
    this.#open++
    this.#pieces++
    return this.#written
  }

  /** No more pieces will come, and nothing else refers to the memory. */
  complete(): void {
    if (this.#pieces > 0) this.#leave()
  }

  /** What failed may still be under way, so that it is left to the collector. */
  readonly #written = (err?: Error | null): void => {
    if (err === undefined || err === null) this.#leave()
  }

  #leave(): void {
    if (--this.#open === 0) this.#memory.transfer(0)
  }
}

/** Of which small copies are pieces. Not Node's own pool: a piece that a slow client lets wait would hold 64 KB. */
const SLAB_BYTES = 8 * 1024
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
let slabUsed = 0

/** Of what will not stay: a small one in memory that others have a part of too; a large one alone, so that it can be given back. */
export function copyOf(chunk: Buffer): Buffer {
  const { length } = chunk
  if (length >= MIN_BYTES) {
    const copy = Buffer.allocUnsafeSlow(length)
    copy.set(chunk)
    return copy
  }
  if (slabUsed + length > SLAB_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    slabUsed = 0
  }
  const copy = slab.subarray(slabUsed, slabUsed + length)
  copy.set(chunk)
  slabUsed += length
  return copy
}
