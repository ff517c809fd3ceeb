import { RECORD_FIELDS } from '../record.ts'

/** Bytes after the last record: readers look at whole words, and ahead of themselves. */
const SLACK_BYTES = 16

/** Places kept per record: one per row of the field table. */
export const PLACES = RECORD_FIELDS.length

/** The place of a field that the record does not have. */
export const ABSENT = -1

/**
 * Records side by side in one buffer, many at a time. It spares a view and a copy per record where they are read, and what
 * a Redis client hands out are pieces of the buffers it read from its socket: without them those go at once.
 */
export class RecordBlock {
  readonly bytes: Buffer
  readonly view: DataView
  /** Where record `i` begins, and at `i + 1` where it ends. */
  readonly starts: Int32Array
  /** Where the values of the records stand that `locateFields` has seen: record after record, in the order of the table. */
  readonly places: Int32Array

  /** Copies the records. */
  constructor(records: readonly Uint8Array[]) {
    const count = records.length
    const starts = new Int32Array(count + 1)
    for (let i = 0, end = 0; i < count; i++) starts[i + 1] = end += records[i]!.length
    const size = starts[count]!
    this.bytes = Buffer.allocUnsafeSlow(size + SLACK_BYTES).fill(0, size)
    for (let i = 0; i < count; i++) this.bytes.set(records[i]!, starts[i])
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length)
    this.starts = starts
    this.places = new Int32Array(count * PLACES)
  }

  /** Number of records. */
  get length(): number {
    return this.starts.length - 1
  }

  sizeOf(index: number): number {
    return this.starts[index + 1]! - this.starts[index]!
  }

  /** The bytes of one record, not copied. */
  raw(index: number): Buffer {
    return this.bytes.subarray(this.starts[index], this.starts[index + 1])
  }
}
