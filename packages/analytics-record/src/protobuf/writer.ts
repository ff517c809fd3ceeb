import { RecordEncodeError } from '../errors.ts'
import type { Int64 } from '../record.ts'

const INT32_MIN = -0x8000_0000
const INT32_MAX = 0x7fff_ffff
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const MAX_VARINT_BYTES = 10

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2

/** Appends proto3 fields in one growing buffer. Default values are left out, as proto3 asks. */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafeSlow(4096)
  #position = 0

  begin(): void {
    this.#position = 0
  }

  /** A copy of what was written. */
  take(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#position))
  }

  text(field: number, value: string, name: string): void {
    if (value !== '') this.#writeText(field, value, name)
  }

  /** Members of a repeated field are written even when empty. */
  texts(field: number, values: readonly string[] | null, name: string): void {
    for (const value of values ?? []) this.#writeText(field, value, name)
  }

  int32(field: number, value: number, name: string): void {
    if (!Number.isInteger(value) || value < INT32_MIN || value > INT32_MAX) {
      throw new RecordEncodeError(`${name}: expected a 32-bit integer, got ${value}`)
    }
    this.int64(field, value, name)
  }

  uint32(field: number, value: number, name: string): void {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
      throw new RecordEncodeError(`${name}: expected an unsigned 32-bit integer, got ${value}`)
    }
    this.int64(field, value, name)
  }

  int64(field: number, value: Int64, name: string): void {
    const exact = int64Of(value, name)
    if (exact === 0) return
    this.#tag(field, VARINT)
    if (typeof exact === 'number') this.#varint(exact)
    else this.#bigVarint(BigInt.asUintN(64, exact))
  }

  double(field: number, value: number): void {
    if (Object.is(value, 0)) return
    this.#tag(field, FIXED64)
    this.#reserve(8)
    this.#position = this.#bytes.writeDoubleLE(value, this.#position)
  }

  boolean(field: number, value: boolean): void {
    if (value) this.int64(field, 1, '')
  }

  /** A nested message, written even when it holds nothing. */
  message(field: number, write: () => void): void {
    this.#tag(field, LENGTH_DELIMITED)
    this.#reserve(1)
    const start = ++this.#position
    write()
    const length = this.#position - start
    // One byte was left for the length; a longer one moves the message.
    const extra = varintSize(length) - 1
    this.#reserve(extra)
    if (extra > 0) this.#bytes.copyWithin(start + extra, start, this.#position)
    this.#position = start - 1
    this.#varint(length)
    this.#position += length
  }

  #writeText(field: number, value: string, name: string): void {
    if (!value.isWellFormed()) throw new RecordEncodeError(`${name}: protobuf text must be valid UTF-8`)
    const length = Buffer.byteLength(value)
    this.#tag(field, LENGTH_DELIMITED)
    this.#varint(length)
    this.#reserve(length)
    this.#position += this.#bytes.write(value, this.#position, length, 'utf8')
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType)
  }

  #varint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES)
    while (value >= 0x80) {
      this.#bytes[this.#position++] = (value % 0x80) | 0x80
      value = Math.floor(value / 0x80)
    }
    this.#bytes[this.#position++] = value
  }

  #bigVarint(value: bigint): void {
    this.#reserve(MAX_VARINT_BYTES)
    while (value >= 0x80n) {
      this.#bytes[this.#position++] = Number(value & 0x7fn) | 0x80
      value >>= 7n
    }
    this.#bytes[this.#position++] = Number(value)
  }

  #reserve(bytes: number): void {
    const needed = this.#position + bytes
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(needed * 2)
    this.#bytes.copy(grown, 0, 0, this.#position)
    this.#bytes = grown
  }
}

/** A number where it is exact and not negative (a plain varint); a bigint otherwise. */
function int64Of(value: Int64, name: string): Int64 {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && value >= 0) return value
    if (!Number.isInteger(value)) throw new RecordEncodeError(`${name}: expected an integer, got ${value}`)
  }
  const exact = BigInt(value)
  if (exact < INT64_MIN || exact > INT64_MAX) throw new RecordEncodeError(`${name}: ${exact} exceeds 64 bits`)
  return exact === 0n ? 0 : exact
}

function varintSize(value: number): number {
  let size = 1
  while (value >= 0x80) {
    value = Math.floor(value / 0x80)
    size++
  }
  return size
}
