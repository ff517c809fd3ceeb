const HEAD_END = Buffer.from('\r\n\r\n')
const CHUNKS_END = Buffer.from('\r\n0\r\n\r\n')

/** Finds the end of one HTTP/1.1 answer after the other on a connection on which only one request is under way. */
export class AnswerMeter {
  #head: Buffer | null = null
  /** Bytes still to come, or null while they are not known. */
  #left: number | null = null
  #chunked = false
  status = 0

  /** @returns Whether the answer is whole; its status is in `status`. */
  feed(data: Buffer): boolean {
    if (this.#left === null && !this.#chunked) return this.#feedHead(data)
    if (this.#chunked) return this.#feedChunks(data)
    this.#left = (this.#left as number) - data.length
    return this.#isWhole()
  }

  #feedHead(data: Buffer): boolean {
    const bytes = this.#head === null ? data : Buffer.concat([this.#head, data])
    const end = bytes.indexOf(HEAD_END)
    if (end < 0) {
      this.#head = bytes
      return false
    }
    this.#head = null
    const text = bytes.toString('latin1', 0, end)
    this.status = Number(text.slice(9, 12))
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
    if (length !== undefined) {
      this.#left = Number(length) - (bytes.length - end - HEAD_END.length)
      return this.#isWhole()
    }
    if (!/\r\ntransfer-encoding: *chunked/i.test(text)) throw new Error(`an answer without a length: ${text}`)
    this.#chunked = true
    // The line break that ends the head may be the one before the last chunk.
    return this.#feedChunks(bytes.subarray(end + 2))
  }

  /** The last bytes of the body are kept until the next arrive, because the end may be cut in two. */
  #feedChunks(data: Buffer): boolean {
    const bytes = this.#head === null ? data : Buffer.concat([this.#head, data])
    this.#head = Buffer.from(bytes.subarray(-CHUNKS_END.length))
    if (!this.#head.equals(CHUNKS_END)) return false
    this.#chunked = false
    this.#head = null
    return true
  }

  #isWhole(): boolean {
    if (this.#left !== 0) return false
    this.#left = null
    return true
  }
}
