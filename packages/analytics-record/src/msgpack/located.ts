// Hot path.
/** Reads single values at the places that `locateFields` has found, in the forms that it lets through. */
import { type AnalyticsRecord, RECORD_FIELDS, ZERO_INSTANT } from '../record.ts'
import { decodeUtf8 } from '../utf8.ts'
import { ABSENT, PLACES, type RecordBlock } from './block.ts'
import { MAX_CACHED_BYTES, TextCache } from './text-cache.ts'

const TWO_32 = 0x1_0000_0000

/** Number of a field in the field table. */
export function fieldIndex(name: keyof AnalyticsRecord): number {
  return RECORD_FIELDS.findIndex((row) => row.name === name)
}

const TIMESTAMP = fieldIndex('timestamp')

/** When a record whose fields are located was made; whole seconds since 1970. */
export function secondsIn(block: RecordBlock, index: number): number {
  return secondsAt(block, block.places[index * PLACES + TIMESTAMP]!)
}

/** The nanoseconds that belong to `secondsIn`. */
export function nanosIn(block: RecordBlock, index: number): number {
  return nanosAt(block, block.places[index * PLACES + TIMESTAMP]!)
}

const API_ID = fieldIndex('apiId')
const apiIds = new TextCache()

/** The API id of a record whose fields are located, as the decoder gives it. */
export function apiIdIn(block: RecordBlock, index: number): string {
  const at = block.places[index * PLACES + API_ID]!
  if (at === ABSENT) return ''
  const start = textStart(block, at)
  const length = textLength(block, at)
  if (length === 0) return ''
  const seen = length <= MAX_CACHED_BYTES ? apiIds.get(block.view, block.bytes, start, length) : null
  return seen ?? decodeUtf8(block.bytes, start, start + length)
}

// Seconds and nanoseconds apart: no object is made for a time.
export function secondsAt(block: RecordBlock, at: number): number {
  if (at === ABSENT) return ZERO_INSTANT.seconds
  const { bytes, view } = block
  const code = bytes[at + 1]!
  return isWide(code) ? view.getInt32(at + 2) * TWO_32 + view.getUint32(at + 6) : intAt(block, at + 1)
}

export function nanosAt(block: RecordBlock, at: number): number {
  if (at === ABSENT) return ZERO_INSTANT.nanos
  const code = block.bytes[at + 1]!
  return intAt(block, isWide(code) ? at + 10 : at + 1 + intSize(code))
}

const isWide = (code: number): boolean => code === 0xcf || code === 0xd3

export function intAt({ bytes, view }: RecordBlock, at: number): number {
  const code = bytes[at]!
  if (code < 0x80) return code
  if (code >= 0xe0) return code - 0x100
  switch (code) {
    case 0xcc:
      return bytes[at + 1]!
    case 0xcd:
      return view.getUint16(at + 1)
    case 0xce:
      return view.getUint32(at + 1)
    case 0xd0:
      return view.getInt8(at + 1)
    case 0xd1:
      return view.getInt16(at + 1)
    default:
      return view.getInt32(at + 1)
  }
}

/** Bytes of an integer with its code. */
const intSize = (code: number): number => (code < 0x80 || code >= 0xe0 ? 1 : 1 + (1 << (code & 3)))

/** Where the bytes of a text begin. */
export function textStart({ bytes }: RecordBlock, at: number): number {
  const code = bytes[at]!
  return at + (code < 0xc0 ? 1 : code === 0xd9 ? 2 : code === 0xda ? 3 : 5)
}

/** Bytes of a text. */
export function textLength({ bytes, view }: RecordBlock, at: number): number {
  const code = bytes[at]!
  if (code < 0xc0) return code & 0x1f
  return code === 0xd9 ? bytes[at + 1]! : code === 0xda ? view.getUint16(at + 1) : view.getUint32(at + 1)
}
