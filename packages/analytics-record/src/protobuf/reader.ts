import { RecordDecodeError } from '../errors.ts'
import type { Int64 } from '../record.ts'
import { decodeUtf8 } from '../utf8.ts'

export const VARINT = 0
export const FIXED64 = 1
export const LENGTH_DELIMITED = 2
const START_GROUP = 3
const END_GROUP = 4
const FIXED32 = 5

const MAX_VARINT_BYTES = 10

/** Reads the fields of one message. A nested message is read by a reader of its own, over the same bytes. */
export class ProtobufReader {
  readonly #bytes: Buffer
  readonly #end: number
  #position: number
  /** Of the field that stands here, after `next`. */
  field = 0
  wireType = 0

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#position = start
    this.#end = end
  }

  /** Reads the next field's number and wire type; false at the end of the message. */
  next(): boolean {
    if (this.#position >= this.#end) return false
    const tag = this.#length()
    this.field = Math.floor(tag / 8)
    this.wireType = tag % 8
    if (this.field === 0) this.fail('there is no field number 0')
    return true
  }

  text(): string {
    const start = this.#delimited()
    return decodeUtf8(this.#bytes, start, this.#position)
  }

  message(): ProtobufReader {
    const start = this.#delimited()
    return new ProtobufReader(this.#bytes, start, this.#position)
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#advance(8))
  }

  boolean(): boolean {
    return this.#varint() !== 0n
  }

  int32(): number {
    return Number(BigInt.asIntN(32, this.#varint()))
  }

  uint32(): number {
    return Number(BigInt.asUintN(32, this.#varint()))
  }

  int64(): Int64 {
    const value = BigInt.asIntN(64, this.#varint())
    const exact = Number(value)
    return Number.isSafeInteger(exact) ? exact : value
  }

  /** Goes past the value of the current field, whatever it is. Nested groups cost a counter, not the stack. */
  skip(): void {
    let depth = 0
    do {
      switch (this.wireType) {
        case VARINT:
          this.#varint()
          break
        case FIXED64:
          this.#advance(8)
          break
        case LENGTH_DELIMITED:
          this.#delimited()
          break
        case START_GROUP:
          depth++
          break
        case END_GROUP:
          if (--depth < 0) this.fail('a group ends that did not begin')
          break
        case FIXED32:
          this.#advance(4)
          break
        default:
          this.fail(`wire type ${this.wireType} does not exist`)
      }
      if (depth > 0 && !this.next()) this.#truncated()
    } while (depth > 0)
  }

  fail(problem: string): never {
    throw new RecordDecodeError(`field ${this.field} at byte ${this.#position}: ${problem}`)
  }

  #truncated(): never {
    return this.fail(`the message ends at ${this.#end}, inside a value`)
  }

  /** Start of a delimited value; the position is then behind it. */
  #delimited(): number {
    return this.#advance(this.#length())
  }

  #advance(bytes: number): number {
    const start = this.#position
    if (bytes > this.#end - start) this.#truncated()
    this.#position = start + bytes
    return start
  }

  /** A varint of at most 32 bits: tags and lengths. */
  #length(): number {
    const first = this.#bytes[this.#position]
    if (first !== undefined && first < 0x80 && this.#position < this.#end) {
      this.#position++
      return first
    }
    const value = this.#varint()
    return value <= 0xffff_ffffn ? Number(value) : this.fail(`${value} is out of range`)
  }

  #varint(): bigint {
    let value = 0n
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.#bytes[this.#advance(1)]!
      value |= BigInt(byte & 0x7f) << BigInt(i * 7)
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    return this.fail('a varint is longer than ten bytes')
  }
}
