// Hot path.
import { RecordEncodeError } from '../errors.ts'
import type { Instant, Int64 } from '../record.ts'
import type { ByteRun } from './runs.ts'

/** Records share chunks of this size; a record that needs more gets one of its own. */
const CHUNK_BYTES = 64 * 1024
/** More than all that is written between two texts: each text makes sure that this much is free after it. */
const SLACK_BYTES = 1024
/**
 * Up to here a loop over the units beats the calls into Node.js: 8 units take 0.4 of their time, 32 units 1.3 times it,
 * 64 units three times (Node 24, bench/copy.bench.ts).
 */
const LOOP_UNITS = 32
/** The same for words: 3 take half the time of the call, 8 as long, 30 three times as long or more (the same bench). */
const LOOP_WORDS = 8
/**
 * V8 need not look at a text that it holds in one byte per unit to find nothing: 1,000 units are written in 0.03 of the
 * time that a loop over them takes (the same bench).
 */
const BEYOND_BYTE = /[^\0-\xff]/

/** Longer values are not kept: a header of a client may have a megabyte. */
export const MAX_KEPT_BYTES = 1024

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** Appends msgpack values, in the forms that Tyk's Go library writes, to chunks that are never written twice. */
export class MsgpackWriter {
  #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  #view = viewOf(this.#chunk)
  #start = 0
  #position = 0
  readonly #byteStrings: boolean
  readonly #reuse: boolean
  readonly #lastPlainUnit: number

  /**
   * @param byteStrings - texts hold one byte per UTF-16 unit instead of text to be written as UTF-8.
   * @param reuse - each element takes the place of the one before. In new memory a record takes up to 1.2 times as
   * long (Node 24, bench/encode.bench.ts).
   */
  constructor(byteStrings: boolean, reuse: boolean) {
    this.#byteStrings = byteStrings
    this.#reuse = reuse
    this.#lastPlainUnit = byteStrings ? 0xff : 0x7f
  }

  /** Begins an element. What an element that failed has left behind is overwritten. */
  begin(): void {
    this.#position = this.#start
    this.#reserve(0)
  }

  /** The bytes since `begin`: a view that stays valid, because its place is not used again unless `reuse` is set. */
  take(): Buffer {
    const element = this.#chunk.subarray(this.#start, this.#position)
    if (!this.#reuse) this.#start = this.#position
    // What one large record needed is not kept for the small ones after it.
    else if (this.#chunk.length > CHUNK_BYTES) {
      this.#position = this.#start
      this.#startChunk(0)
    }
    return element
  }

  byte(value: number): void {
    this.#chunk[this.#position++] = value
  }

  run(run: ByteRun): void {
    const { words } = run
    if (words.length > LOOP_WORDS) return this.bytes(run.bytes)
    const view = this.#view
    let at = this.#position
    // The last word may reach past the run; what follows overwrites it.
    for (let i = 0; i < words.length; i++) {
      view.setInt32(at, words[i]!)
      at += 4
    }
    this.#position += run.length
  }

  /** Bytes of values that are whole msgpack already. */
  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#chunk.set(bytes, this.#position)
    this.#position += bytes.length
  }

  /** Bytes of the element so far. */
  get length(): number {
    return this.#position - this.#start
  }

  /** A copy of the element's bytes from this place on; null when they are more than should be kept. */
  copy(from: number): Uint8Array | null {
    if (this.length - from > MAX_KEPT_BYTES) return null
    return Uint8Array.prototype.slice.call(this.#chunk, this.#start + from, this.#position)
  }

  text(value: string, field: string): void {
    const length = value.length
    this.#reserve(length * 3)
    if (length > LOOP_UNITS) return this.#longText(value, field)
    const chunk = this.#chunk
    const last = this.#lastPlainUnit
    let at = this.#position
    if (length < 32) chunk[at++] = 0xa0 | length
    else {
      chunk[at++] = 0xd9
      chunk[at++] = length
    }
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i)
      if (unit > last) return this.#longText(value, field)
      chunk[at++] = unit
    }
    this.#position = at
  }

  int(value: Int64, field: string): void {
    if (typeof value !== 'number') this.#wideInt(value, field)
    else if ((value & 0x7f) === value) this.#chunk[this.#position++] = value
    else if (value >>> 0 === value) this.#uint32(value)
    else this.#wideInt(value, field)
  }

  float(value: number): void {
    this.#chunk[this.#position] = 0xcb
    this.#view.setFloat64(this.#position + 1, value)
    this.#position += 9
  }

  boolean(value: boolean): void {
    this.#chunk[this.#position++] = value ? 0xc3 : 0xc2
  }

  nil(): void {
    this.#chunk[this.#position++] = 0xc0
  }

  instant(value: Instant, field: string): void {
    const { seconds, nanos } = value
    if (!(nanos >= 0 && nanos < 1e9))
      throw new RecordEncodeError(`${field}.nanos: expected 0 to 999999999, got ${nanos}`)
    this.#chunk[this.#position++] = 0x92
    this.int(seconds, field)
    this.int(nanos, field)
  }

  /** Header of a list. */
  list(length: number): void {
    this.#container(length, 0x90, 0xdc)
  }

  /** Header of a map. */
  map(length: number): void {
    this.#container(length, 0x80, 0xde)
  }

  texts(values: readonly string[] | null, field: string): void {
    if (values === null) return this.nil()
    this.list(values.length)
    for (let i = 0; i < values.length; i++) this.text(values[i]!, field)
  }

  #container(length: number, fixed: number, code16: number): void {
    // Room for members that are no texts: nine bytes each, two to an entry of a map.
    this.#reserve(length * 18)
    if (length < 16) this.byte(fixed | length)
    else if (length < 0x10000) this.#sized16(code16, length)
    else this.#sized32(code16 + 1, length)
  }

  #longText(value: string, field: string): void {
    const length = this.#byteStrings ? byteStringLength(value, field) : Buffer.byteLength(value)
    if (length < 32) this.byte(0xa0 | length)
    else if (length < 0x100) {
      this.byte(0xd9)
      this.byte(length)
    } else if (length < 0x10000) this.#sized16(0xda, length)
    else this.#sized32(0xdb, length)
    this.#chunk.write(value, this.#position, this.#byteStrings ? 'latin1' : 'utf8')
    this.#position += length
  }

  /** Shortest form; non-negative values in the unsigned family, as Go's library writes them. */
  #wideInt(value: Int64, field: string): void {
    if (typeof value === 'bigint') {
      if (value < INT64_MIN || value > INT64_MAX) throw new RecordEncodeError(`${field}: ${value} exceeds 64 bits`)
      const exact = Number(value)
      if (!Number.isSafeInteger(exact)) return this.#int64(value)
      value = exact
    }
    if (!Number.isInteger(value)) throw new RecordEncodeError(`${field}: expected an integer, got ${String(value)}`)
    if (value >= 0) this.#unsigned(value, field)
    else this.#negative(value, field)
  }

  #uint32(value: number): void {
    if (value < 0x80) this.byte(value)
    else if (value < 0x100) {
      this.byte(0xcc)
      this.byte(value)
    } else if (value < 0x10000) this.#sized16(0xcd, value)
    else this.#sized32(0xce, value)
  }

  #unsigned(value: number, field: string): void {
    if (value <= 0xffff_ffff) this.#uint32(value)
    else if (!Number.isSafeInteger(value)) this.#wideInt(BigInt(value), field)
    else {
      this.#sized32(0xcf, Math.floor(value / 0x1_0000_0000))
      this.#view.setUint32(this.#position, value >>> 0)
      this.#position += 4
    }
  }

  #negative(value: number, field: string): void {
    if (value >= -0x20) this.byte(value & 0xff)
    else if (value >= -0x80) {
      this.byte(0xd0)
      this.byte(value & 0xff)
    } else if (value >= -0x8000) this.#sized16(0xd1, value)
    else if (value >= -0x8000_0000) this.#sized32(0xd2, value)
    else if (Number.isSafeInteger(value)) this.#int64(BigInt(value))
    else this.#wideInt(BigInt(value), field)
  }

  #int64(value: bigint): void {
    this.byte(value < 0n ? 0xd3 : 0xcf)
    this.#view.setBigInt64(this.#position, value)
    this.#position += 8
  }

  #sized16(code: number, value: number): void {
    this.byte(code)
    this.#view.setInt16(this.#position, value)
    this.#position += 2
  }

  #sized32(code: number, value: number): void {
    this.byte(code)
    this.#view.setInt32(this.#position, value)
    this.#position += 4
  }

  #reserve(bytes: number): void {
    if (this.#position + bytes + SLACK_BYTES > this.#chunk.length) this.#startChunk(bytes)
  }

  /** Moves the begun element to a fresh chunk. Elements handed out keep the old one. */
  #startChunk(bytes: number): void {
    const begun = this.#chunk.subarray(this.#start, this.#position)
    const needed = (begun.length + bytes + SLACK_BYTES) * 2
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, needed))
    this.#chunk.set(begun)
    this.#view = viewOf(this.#chunk)
    this.#start = 0
    this.#position = begun.length
  }
}

const viewOf = (chunk: Buffer): DataView => new DataView(chunk.buffer, chunk.byteOffset, chunk.length)

function byteStringLength(value: string, field: string): number {
  if (!BEYOND_BYTE.test(value)) return value.length
  throw new RecordEncodeError(`${field}: a byte string holds a unit above 255 at ${value.search(BEYOND_BYTE)}`)
}
