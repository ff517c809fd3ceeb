// Hot path.
import { RecordDecodeError } from '../errors.ts'
import { carryNanos, parseInstant } from '../instant.ts'
import { setOwn } from '../own-key.ts'
import type { Instant, Int64 } from '../record.ts'
import { decodeUtf8 } from '../utf8.ts'
import type { RecordBlock } from './block.ts'
import type { ByteRun } from './runs.ts'
import { MAX_CACHED_BYTES, TextCache } from './text-cache.ts'

/** Records up to this size are copied into one buffer that stays; it spares a view per record. */
const SCRATCH_BYTES = 64 * 1024
/** Words may be read up to three bytes past the end. */
const SLACK_BYTES = 8
/** Nesting of values whose form is free. Everything else has a fixed depth, and skipping uses no stack. */
const MAX_DEPTH = 16
const TWO_32 = 0x1_0000_0000

const scratch = Buffer.alloc(SCRATCH_BYTES + SLACK_BYTES)
const scratchView = new DataView(scratch.buffer, scratch.byteOffset, scratch.length)

/** Reads msgpack values of the kinds a record has, each in every form that writers of any age and language give it. */
export class MsgpackReader {
  #bytes: Buffer = scratch
  #view: DataView = scratchView
  #position = 0
  /** Where the record begins; errors count from here. */
  #start = 0
  #end = 0
  readonly #cache = new TextCache()

  load(input: Uint8Array): void {
    const length = input.length
    if (length > SCRATCH_BYTES) {
      this.#bytes = Buffer.alloc(length + SLACK_BYTES)
      this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length)
    }
    this.#bytes.set(input)
    this.#start = 0
    this.#position = 0
    this.#end = length
  }

  /** Reads where the bytes are, without a copy. */
  loadFrom({ bytes, view, starts }: RecordBlock, index: number): void {
    this.#bytes = bytes
    this.#view = view
    this.#start = starts[index]!
    this.#position = this.#start
    this.#end = starts[index + 1]!
  }

  /** Lets go of a large record's bytes, or of a block. */
  release(): void {
    this.#bytes = scratch
    this.#view = scratchView
  }

  get position(): number {
    return this.#position
  }

  set position(at: number) {
    this.#position = at
  }

  /** Goes past the run when it stands here. */
  matches(run: ByteRun): boolean {
    const at = this.#position
    const { words, length } = run
    if (at + length > this.#end) return false
    const view = this.#view
    const last = words.length - 1
    for (let i = 0; i < last; i++) if (view.getInt32(at + (i << 2)) !== words[i]) return false
    if ((view.getInt32(at + (last << 2)) & run.lastMask) !== words[last]) return false
    this.#position = at + length
    return true
  }

  /** The code byte here; the position stays before it. */
  peek(field: string): number {
    if (this.#position >= this.#end) this.#truncated(field)
    return this.#bytes[this.#position]!
  }

  /** Goes past a nil when one stands here. */
  nil(field: string): boolean {
    if (this.peek(field) !== 0xc0) return false
    this.#position++
    return true
  }

  text(field: string): string {
    const at = this.#position
    const code = this.#bytes[at]!
    // What lies past the end is stale but readable; its length then shows that the text is cut.
    const length = (code & 0xe0) === 0xa0 ? code & 0x1f : this.#textLength(field)
    if (this.#position === at) this.#position++
    const start = this.#position
    if (start + length > this.#end) this.#truncated(field)
    this.#position = start + length
    if (length === 0) return ''
    if (length <= MAX_CACHED_BYTES) {
      const text = this.#cache.get(this.#view, this.#bytes, start, length)
      if (text !== null) return text
    }
    return decodeUtf8(this.#bytes, start, start + length)
  }

  int(field: string): Int64 {
    const at = this.#position
    const code = this.#bytes[at]!
    if (code < 0x80 && at < this.#end) {
      this.#position = at + 1
      return code
    }
    return this.#wideInt(field)
  }

  /** An integer of a field where 2^53 is out of the question. */
  smallInt(field: string): number {
    const value = this.int(field)
    if (typeof value === 'bigint') this.fail(field, `${value} is out of range`)
    return value
  }

  float(field: string): number {
    const code = this.peek(field)
    if (code === 0xca || code === 0xcb) return this.#readFloat(field)
    return Number(this.int(field))
  }

  /** nil counts as false, though Go refuses it: there is nothing else it could mean. */
  boolean(field: string): boolean {
    const code = this.peek(field)
    if (code !== 0xc2 && code !== 0xc3 && code !== 0xc0) this.fail(field, `expected true or false, ${shown(code)}`)
    this.#position++
    return code === 0xc3
  }

  /**
   * A time: two integers `[seconds, nanoseconds]`. Beyond what Go accepts: the array in its longer forms, floats in it,
   * the timestamp extension, and RFC 3339 text. A lone number (of seconds? of milliseconds?) and nil are refused.
   */
  instant(field: string): Instant {
    const code = this.peek(field)
    if (code === 0x92) {
      this.#position++
      return this.#pair(field)
    }
    if ((code & 0xf0) === 0x90 || code === 0xdc || code === 0xdd) {
      const length = this.listLength(field)
      if (length !== 2) this.fail(field, `expected a time of two members, got ${length}`)
      return this.#pair(field)
    }
    if (isTextCode(code)) {
      const text = this.text(field)
      return parseInstant(text) ?? this.fail(field, 'expected a time in RFC 3339 form')
    }
    if (isExtensionCode(code)) return this.#timestampExtension(field)
    return this.fail(field, `expected a time, ${shown(code)}`)
  }

  texts(field: string): string[] | null {
    if (this.nil(field)) return null
    const length = this.listLength(field)
    const texts: string[] = []
    for (let i = 0; i < length; i++) texts.push(this.text(field))
    return texts
  }

  /** A map of texts to values of one kind. */
  map<T>(field: string, value: () => T): Record<string, T> | null {
    if (this.nil(field)) return null
    const length = this.mapLength(field)
    const map: Record<string, T> = {}
    for (let i = 0; i < length; i++) setOwn(map, this.text(field), value())
    return map
  }

  isMap(code: number): boolean {
    return (code & 0xf0) === 0x80 || code === 0xde || code === 0xdf
  }

  isList(code: number): boolean {
    return (code & 0xf0) === 0x90 || code === 0xdc || code === 0xdd
  }

  /** Entries of the map whose header stands here. More than the rest could hold is an error at once. */
  mapLength(field: string): number {
    const code = this.peek(field)
    if (!this.isMap(code)) this.fail(field, `expected a map, ${shown(code)}`)
    this.#position++
    const length = code < 0x90 ? code & 0x0f : code === 0xde ? this.#uint16(field) : this.#uint32(field)
    if (length * 2 > this.#end - this.#position) this.#truncated(field)
    return length
  }

  listLength(field: string): number {
    const code = this.peek(field)
    if (!this.isList(code)) this.fail(field, `expected a list, ${shown(code)}`)
    this.#position++
    const length = code < 0xa0 ? code & 0x0f : code === 0xdc ? this.#uint16(field) : this.#uint32(field)
    if (length > this.#end - this.#position) this.#truncated(field)
    return length
  }

  /** Any value, where the form is free. */
  value(field: string, depth = 0): unknown {
    if (depth > MAX_DEPTH) this.fail(field, `nested more than ${MAX_DEPTH} levels deep`)
    if (this.nil(field)) return null
    const code = this.peek(field)
    if (code === 0xc2 || code === 0xc3) return this.boolean(field)
    if (isTextCode(code)) return this.text(field)
    if (this.isList(code)) {
      const length = this.listLength(field)
      const list: unknown[] = []
      for (let i = 0; i < length; i++) list.push(this.value(field, depth + 1))
      return list
    }
    if (this.isMap(code)) return this.map(field, () => this.value(field, depth + 1))
    if (code === 0xca || code === 0xcb) return this.#readFloat(field)
    return this.int(field)
  }

  /** Goes past one value of any kind, extensions included. Nesting costs a counter, not the stack. */
  skip(field: string): void {
    for (let pending = 1; pending > 0; pending--) {
      const code = this.peek(field)
      if (this.isList(code)) pending += this.listLength(field)
      else if (this.isMap(code)) pending += this.mapLength(field) * 2
      else this.#skipScalar(code, field)
      if (pending - 1 > this.#end - this.#position) this.#truncated(field)
    }
  }

  fail(field: string, problem: string): never {
    throw new RecordDecodeError(`${field} at byte ${this.#position - this.#start}: ${problem}`)
  }

  #truncated(field: string): never {
    const [at, end] = [this.#position - this.#start, this.#end - this.#start]
    throw new RecordDecodeError(`${field} at byte ${at}: the bytes end at ${end}, inside a value`)
  }

  #skipScalar(code: number, field: string): void {
    if (code === 0xc1) this.fail(field, shown(code))
    this.#position++
    this.#advance(scalarSize(code) ?? this.#sizedLength(code, field), field)
  }

  /** Bytes after the length of a text, a byte string or an extension (whose type counts too). */
  #sizedLength(code: number, field: string): number {
    const extension = code >= 0xc7 && code <= 0xc9 ? 1 : 0
    switch (code) {
      case 0xc4:
      case 0xc7:
      case 0xd9:
        return this.#uint8(field) + extension
      case 0xc5:
      case 0xc8:
      case 0xda:
        return this.#uint16(field) + extension
      default:
        return this.#uint32(field) + extension
    }
  }

  #textLength(field: string): number {
    const code = this.peek(field)
    if (!isTextCode(code)) {
      if (code !== 0xc0) this.fail(field, `expected text, ${shown(code)}`)
      this.#position++
      return 0
    }
    this.#position++
    return this.#sizedLength(code, field)
  }

  #wideInt(field: string): Int64 {
    const code = this.peek(field)
    if (code >= 0xe0) {
      this.#position++
      return code - 0x100
    }
    if (code === 0xca || code === 0xcb) {
      const value = this.#readFloat(field)
      // Some encoders write integers above 32 bits as doubles. Go refuses all floats here.
      if (!Number.isSafeInteger(value)) this.fail(field, `expected an integer, got ${value}`)
      return value === 0 ? 0 : value
    }
    if (code !== 0xc0 && (code < 0xcc || code > 0xd3)) this.fail(field, `expected an integer, ${shown(code)}`)
    this.#position++
    return code === 0xc0 ? 0 : this.#sizedInt(code, field)
  }

  #sizedInt(code: number, field: string): Int64 {
    const view = this.#view
    const at = this.#position
    this.#advance(1 << (code & 3), field)
    switch (code) {
      case 0xcc:
        return view.getUint8(at)
      case 0xcd:
        return view.getUint16(at)
      case 0xce:
        return view.getUint32(at)
      case 0xd0:
        return view.getInt8(at)
      case 0xd1:
        return view.getInt16(at)
      case 0xd2:
        return view.getInt32(at)
      default:
        return this.#int64(at)
    }
  }

  /** Both 64-bit codes: an unsigned value beyond the signed range wraps, as it does in Go. */
  #int64(at: number): Int64 {
    const value = this.#view.getInt32(at) * TWO_32 + this.#view.getUint32(at + 4)
    return Number.isSafeInteger(value) ? value : this.#view.getBigInt64(at)
  }

  #readFloat(field: string): number {
    const at = this.#position + 1
    const single = this.#bytes[at - 1] === 0xca
    this.#advance(single ? 5 : 9, field)
    return single ? this.#view.getFloat32(at) : this.#view.getFloat64(at)
  }

  #pair(field: string): Instant {
    const seconds = this.#timeMember(field)
    const nanos = this.#timeMember(field)
    const whole = Math.floor(seconds)
    const instant = carryNanos(whole, Math.round(nanos + (seconds - whole) * 1e9))
    if (!Number.isSafeInteger(instant.seconds)) this.fail(field, 'the time is out of range')
    return instant
  }

  #timeMember(field: string): number {
    const code = this.peek(field)
    const value = code === 0xca || code === 0xcb ? this.#readFloat(field) : this.int(field)
    if (typeof value === 'bigint' || Math.abs(value) > Number.MAX_SAFE_INTEGER || Number.isNaN(value)) {
      this.fail(field, 'the time is out of range')
    }
    return value
  }

  #timestampExtension(field: string): Instant {
    const code = this.peek(field)
    this.#position++
    const size = code >= 0xd4 ? 1 << (code - 0xd4) : this.#sizedLength(code, field) - 1
    const at = this.#position
    this.#advance(1 + size, field)
    const view = this.#view
    if (view.getInt8(at) !== -1) this.fail(field, 'expected a time, got an extension of another type')
    if (size === 4) return { seconds: view.getUint32(at + 1), nanos: 0 }
    if (size === 8) {
      const high = view.getUint32(at + 1)
      return carryNanos((high & 3) * TWO_32 + view.getUint32(at + 5), high >>> 2)
    }
    const seconds = size === 12 ? this.#int64(at + 5) : NaN
    if (typeof seconds === 'bigint' || Number.isNaN(seconds)) this.fail(field, 'the time is out of range')
    return carryNanos(seconds, view.getUint32(at + 1))
  }

  #uint8(field: string): number {
    this.#advance(1, field)
    return this.#view.getUint8(this.#position - 1)
  }

  #uint16(field: string): number {
    this.#advance(2, field)
    return this.#view.getUint16(this.#position - 2)
  }

  #uint32(field: string): number {
    this.#advance(4, field)
    return this.#view.getUint32(this.#position - 4)
  }

  #advance(bytes: number, field: string): void {
    if (bytes > this.#end - this.#position) this.#truncated(field)
    this.#position += bytes
  }
}

const isTextCode = (code: number): boolean =>
  (code & 0xe0) === 0xa0 || (code >= 0xd9 && code <= 0xdb) || (code >= 0xc4 && code <= 0xc6)

const isExtensionCode = (code: number): boolean => (code >= 0xd4 && code <= 0xd8) || (code >= 0xc7 && code <= 0xc9)

const shown = (code: number): string => `got code 0x${code.toString(16)}`

/** Bytes after the code of a value of fixed size; null when a length follows. */
function scalarSize(code: number): number | null {
  if (code < 0x80 || code >= 0xe0 || code === 0xc0 || code === 0xc2 || code === 0xc3) return 0
  if ((code & 0xe0) === 0xa0) return code & 0x1f
  if (code === 0xca) return 4
  if (code === 0xcb) return 8
  if (code >= 0xcc && code <= 0xd3) return 1 << (code & 3)
  if (code >= 0xd4 && code <= 0xd8) return 1 + (1 << (code - 0xd4))
  return null
}
