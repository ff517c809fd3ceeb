/**
 * Runs of bytes that are the same in every record: key names, and the zero values of the nested structures.
 *
 * They are compared, and the short ones written, four bytes at a time; a key of ten bytes is three stores instead of
 * ten, in half the time (Node 24, bench/copy.bench.ts).
 */
export interface ByteRun {
  readonly length: number
  readonly bytes: Uint8Array
  /** The bytes as big-endian words, the last one filled up with zeros. */
  readonly words: Int32Array
  /** Which bits of the last word belong to the run. */
  readonly lastMask: number
}

export function byteRun(...parts: readonly Uint8Array[]): ByteRun {
  const bytes = Buffer.concat(parts)
  const padded = Buffer.alloc(Math.ceil(bytes.length / 4) * 4)
  bytes.copy(padded)
  const words = Int32Array.from({ length: padded.length / 4 }, (_, i) => padded.readInt32BE(i * 4))
  return Object.freeze({ length: bytes.length, bytes, words, lastMask: lastWordMask(bytes.length) })
}

/** Selects the first `length % 4` bytes of a big-endian word, or all four. */
export const lastWordMask = (length: number): number => {
  const rest = length & 3
  return rest === 0 ? -1 : -1 << (32 - rest * 8)
}

export const raw = (...bytes: readonly number[]): Buffer => Buffer.from(bytes)

/** A key as it stands in a map: short text with its header byte. */
export const key = (name: string): Buffer => Buffer.concat([raw(0xa0 | name.length), Buffer.from(name, 'latin1')])
