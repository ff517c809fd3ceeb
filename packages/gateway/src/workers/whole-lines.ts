import type { Readable, Writable } from 'node:stream'

/** A line longer than this is ended by force: a process that writes no line end must not fill the memory. */
const LONGEST_LINE_BYTES = 16 * 1024 * 1024

const LINE_END = 0x0a

/**
 * Joins what several processes write to one stream, line by line: a line is never cut by another one's. A slow reader
 * of the stream holds the writers back.
 */
export class WholeLines {
  readonly #to: Writable
  readonly #held = new Set<Readable>()

  constructor(to: Writable) {
    this.#to = to
    to.on('drain', () => {
      for (const stream of this.#held) stream.resume()
      this.#held.clear()
    })
  }

  add(from: Readable): void {
    let rest: Buffer[] = []
    let restBytes = 0
    const pass = (chunk: Buffer): void => {
      if (!this.#to.write(chunk)) {
        this.#held.add(from)
        from.pause()
      }
    }
    const endLine = (): void => {
      if (restBytes === 0) return
      rest.push(Buffer.from('\n'))
      pass(Buffer.concat(rest))
      rest = []
      restBytes = 0
    }
    from.on('data', (chunk: Buffer) => {
      const end = chunk.lastIndexOf(LINE_END) + 1
      if (end > 0) {
        pass(restBytes === 0 ? chunk.subarray(0, end) : Buffer.concat([...rest, chunk.subarray(0, end)]))
        rest = []
        restBytes = 0
      }
      if (end === chunk.length) return
      rest.push(chunk.subarray(end))
      restBytes += chunk.length - end
      if (restBytes > LONGEST_LINE_BYTES) endLine()
    })
    from.once('close', () => {
      this.#held.delete(from)
      endLine()
    })
    from.on('error', () => {})
  }
}
