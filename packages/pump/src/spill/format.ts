/**
 * The form of a spilled segment in a file: the header, one frame per record, and the header once more.
 *
 *     file    "TEKSPILL1\n" header (frame* header)*
 *     header  "HDR\x01" u32 length, u32 CRC-32 of the text, JSON text
 *     frame   "REC\x01" u32 index, u32 length, u32 CRC-32 of index, length and bytes; the bytes
 *
 * Numbers are little-endian. Each record can be checked and found by itself, so that a torn end or a flipped bit costs the
 * records it touches and no others. Any other header stands in for the first: there is one after each part that was written,
 * so that a file is never without, and the last may say of which APIs the records are.
 */
import { crc32 } from 'node:zlib'
import type { Serialisation } from '@tek/analytics-record'

/** How many records there are of each minute and API. */
export type SpillTally = readonly (readonly [minute: number, apiId: string, records: number])[]

/** By the offset from which on a sink needs the records: how many there are. */
export type OffsetTallies = Readonly<Record<string, SpillTally>>

export interface SpillHeader {
  readonly version: 1
  /** Of the segment. */
  readonly id: string
  readonly source: string
  readonly serialisation: Serialisation
  /** Where the sinks stood that had not finished it. */
  readonly offsets: Readonly<Record<string, number>>
  /** The index of the first record in the file, and the one after the last. */
  readonly first: number
  readonly total: number
  /** The lease was for these sinks and no others. */
  readonly only: boolean
  /** Of all records, in the last header alone; absent: not known. */
  readonly tally?: SpillTally
}

export interface SpilledRecord {
  /** Its offset in the lease. */
  readonly index: number
  readonly raw: Buffer
}

export interface DecodedSpill {
  /** null: none of them can be read. */
  readonly header: SpillHeader | null
  /** Those that are whole, in order. */
  readonly records: readonly SpilledRecord[]
  /** Why not every byte is as it was written; null: all is well. */
  readonly damage: string | null
  /** Records of the header's that are not among `records`; -1: not known. */
  readonly lost: number
  /** Of all records that were written; null: not known. */
  readonly tally: SpillTally | null
}

export const SPILL_MAGIC = Buffer.from('TEKSPILL1\n')
const HEADER_MARK = Buffer.from('HDR\x01')
const RECORD_MARK = Buffer.from('REC\x01')
const HEADER_PREFIX_BYTES = 12
const FRAME_PREFIX_BYTES = 16

/** Begins and ends a file, after the magic and after the last frame. */
export function encodeHeader(header: SpillHeader): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.alloc(HEADER_PREFIX_BYTES)
  HEADER_MARK.copy(prefix)
  prefix.writeUInt32LE(text.length, 4)
  prefix.writeUInt32LE(crc32(text), 8)
  return Buffer.concat([prefix, text])
}

/** What stands before a record's bytes. */
export function framePrefix(index: number, raw: Buffer): Buffer {
  const prefix = Buffer.alloc(FRAME_PREFIX_BYTES)
  RECORD_MARK.copy(prefix)
  prefix.writeUInt32LE(index, 4)
  prefix.writeUInt32LE(raw.length, 8)
  prefix.writeUInt32LE(crc32(raw, crc32(prefix.subarray(4, 12))), 12)
  return prefix
}

/** Reads what there is. Never throws: what is damaged says so. */
export function decodeSpill(file: Buffer): DecodedSpill {
  const first = file.subarray(0, SPILL_MAGIC.length).equals(SPILL_MAGIC) ? headerAt(file, SPILL_MAGIC.length) : null
  const records: SpilledRecord[] = []
  const damages: string[] = []
  let last: Header | null = null
  let amid: Header | null = null
  let at = first?.end ?? 0
  if (first === null) damages.push('the header is not readable')
  while (at < file.length) {
    const record = recordAt(file, at)
    const isNext = record !== null && record.index > (records.at(-1)?.index ?? -1)
    if (isNext) {
      records.push({ index: record.index, raw: record.raw })
      at = record.end
      continue
    }
    const header = headerAt(file, at)
    if (header !== null) {
      if (header.end === file.length) last = header
      else amid = header
      at = header.end
      continue
    }
    const next = nextMark(file, at + 1)
    // Whatever stands before a first readable frame was noted already.
    if (first !== null || records.length > 0) damages.push(`${next - at} bytes at ${at} are not as they were written`)
    at = next
  }
  if (last === null) damages.push('the end is missing')
  const header = (first ?? last ?? amid)?.header ?? null
  const lost = header === null ? -1 : header.total - header.first - records.length
  const tally = last?.header.tally ?? null
  if (lost > 0 && damages.length === 0) damages.push('records are missing')
  return { header, records, damage: damages.length === 0 ? null : summary(damages), lost, tally }
}

function summary(damages: readonly string[]): string {
  const [first = '', ...others] = damages
  return others.length === 0 ? first : `${first}, and ${others.length} more`
}

interface Header {
  readonly header: SpillHeader
  readonly end: number
}

function headerAt(file: Buffer, at: number): Header | null {
  if (at + HEADER_PREFIX_BYTES > file.length || !isMark(file, at, HEADER_MARK)) return null
  const end = at + HEADER_PREFIX_BYTES + file.readUInt32LE(at + 4)
  if (end > file.length) return null
  const text = file.subarray(at + HEADER_PREFIX_BYTES, end)
  if (crc32(text) !== file.readUInt32LE(at + 8)) return null
  const header = parseHeader(String(text))
  return header && { header, end }
}

function recordAt(file: Buffer, at: number): (SpilledRecord & { readonly end: number }) | null {
  if (at + FRAME_PREFIX_BYTES > file.length || !isMark(file, at, RECORD_MARK)) return null
  const end = at + FRAME_PREFIX_BYTES + file.readUInt32LE(at + 8)
  if (end > file.length) return null
  const raw = file.subarray(at + FRAME_PREFIX_BYTES, end)
  if (crc32(raw, crc32(file.subarray(at + 4, at + 12))) !== file.readUInt32LE(at + 12)) return null
  return { index: file.readUInt32LE(at + 4), raw, end }
}

function isMark(file: Buffer, at: number, mark: Buffer): boolean {
  return file.readUInt32BE(at) === mark.readUInt32BE(0)
}

/** Where the next frame or header may begin; the end when there is none. */
function nextMark(file: Buffer, from: number): number {
  const places = [file.indexOf(RECORD_MARK, from), file.indexOf(HEADER_MARK, from)].filter((place) => place >= 0)
  return places.length === 0 ? file.length : Math.min(...places)
}

function parseHeader(text: string): SpillHeader | null {
  const value = parseJson(text) as Partial<SpillHeader> | null
  if (typeof value !== 'object' || value === null || value.version !== 1) return null
  const { id, source, serialisation, offsets, first, total, only, tally } = value
  if (typeof id !== 'string' || typeof source !== 'string' || typeof only !== 'boolean') return null
  if (serialisation !== 'msgpack' && serialisation !== 'protobuf') return null
  if (!isCount(first) || !isCount(total) || typeof offsets !== 'object' || offsets === null) return null
  if (!Object.values(offsets).every(isCount)) return null
  const known = { version: 1, id, source, serialisation, offsets, first, total, only } as const
  return isTally(tally) ? { ...known, tally } : known
}

function isTally(value: unknown): value is SpillTally {
  const isRow = (row: unknown): boolean =>
    Array.isArray(row) && Number.isSafeInteger(row[0]) && typeof row[1] === 'string' && isCount(row[2])
  return Array.isArray(value) && value.every(isRow)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
