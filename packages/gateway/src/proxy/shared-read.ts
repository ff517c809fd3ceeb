// Hot path.
import type { OnReadOpts, Socket } from 'node:net'

/** As much as Node reads at once. */
const READ_BYTES = 64 * 1024
/**
 * What every connection reads into, one after the other. Never the whole of its memory, as what `ReadMemory` gives back is: Node
 * would write to what is no longer there.
 */
const memory = Buffer.allocUnsafeSlow(READ_BYTES + 1).subarray(0, READ_BYTES)

/** Takes what was read. The memory of it is the next read's as soon as this returns. */
export type OnChunk = (chunk: Buffer) => void

/** How a socket carries its reader; a property and no table, see `lanes/http-proxy.ts`. */
const READER = Symbol('reader')

interface Carrying {
  [READER]?: SharedRead
}

/**
 * Lets a plain connection read into memory that all such connections have in common, and past the machinery of streams.
 *
 * Node makes 64 KB of memory for each read, cuts it down to what came, and leaves it to the collector: a gateway answers 5 % fewer
 * small requests that way (Node 24, scenario keyless-analytics of bench/). What is handed on is copied, which costs a body of
 * megabytes no more than it did (scenario large).
 */
export class SharedRead {
  /** null: nobody waits for anything yet, or any more. */
  onChunk: OnChunk | null = null
  /** For `net.connect`. */
  readonly options: OnReadOpts = {
    buffer: memory,
    callback: (bytes) => {
      this.onChunk?.(memory.subarray(0, bytes))
      return true
    },
  }

  /** To be found by the socket. */
  belongTo(socket: Socket): void {
    ;(socket as Carrying)[READER] = this
  }

  /** null: the socket emits what it reads. */
  static of(socket: Socket): SharedRead | null {
    return (socket as Carrying)[READER] ?? null
  }
}
