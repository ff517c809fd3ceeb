import { createHash } from 'node:crypto'
import { type Instant, type SourceList, decodeRecord, decodeRecordProtobuf } from '@tek/analytics-record'

/** A record that cannot be delivered, and why. */
export interface DeadLetter {
  /** The bytes as they lay in the source list. */
  readonly raw: Buffer
  readonly source: SourceList
  /** The sink that could not take it; null: it is no record, so no sink could. */
  readonly sink: string | null
  readonly reason: string
  /** The target's own word for the kind of error, e.g. `document_parsing_exception`. */
  readonly errorType: string
  /** The index or table it was meant for, where the target has such. */
  readonly index: string | null
}

/** What a person sees of a dead letter before asking for its bytes. */
export interface LetterHead {
  /** Of the bytes and the sink: the same record refused by the same sink again has the same id. Empty: none was written. */
  readonly id: string
  /** When it became one, ISO 8601. */
  readonly time: string
  readonly source: string
  readonly sink: string | null
  readonly errorType: string
  readonly reason: string
  readonly index: string | null
  /** The record's own time; null when it is no record. */
  readonly recordTime: string | null
  readonly rawBytes: number
}

/**
 * Bytes of a record beyond which a letter is kept without them: in base64 more would come near what a Redis value and a
 * JavaScript string can hold.
 */
export const MOST_RAW_BYTES = 192 * 1024 * 1024

/** In front of the bytes, which come last: everything before it can be read without them. */
const BEFORE_RAW = ',"raw":"'

/** The JSON object of a letter, on one line. */
export function formatLetter(letter: DeadLetter, now: Date): string {
  const { raw, source, sink, reason, errorType, index } = letter
  const head = {
    id: letterId(raw, sink),
    time: now.toISOString(),
    source: source.key,
    sink,
    error_type: errorType,
    reason,
    index,
    record_time: recordTime(letter),
    raw_bytes: raw.length,
  }
  const kept = raw.length <= MOST_RAW_BYTES ? raw.toString('base64') : ''
  return `${JSON.stringify(head).slice(0, -1)}${BEFORE_RAW}${kept}"}`
}

/** 48 bits are plenty for tens of thousands of letters, and short enough to be typed. */
function letterId(raw: Buffer, sink: string | null): string {
  return createHash('sha256')
    .update(`${sink ?? ''}\n`)
    .update(raw)
    .digest('hex')
    .slice(0, 12)
}

function recordTime({ raw, source }: DeadLetter): string | null {
  try {
    const decode = source.serialisation === 'protobuf' ? decodeRecordProtobuf : decodeRecord
    return toIso(decode(raw).timestamp)
  } catch {
    return null
  }
}

/** A record may carry a year that JavaScript cannot show. */
function toIso({ seconds, nanos }: Instant): string | null {
  const time = new Date(seconds * 1000 + nanos / 1e6)
  return Number.isNaN(time.getTime()) ? null : time.toISOString()
}

/** What stands before the bytes of a formatted letter. It is all of it when there are none. */
export function headOf(letter: string): string {
  const at = letter.indexOf(BEFORE_RAW)
  return at < 0 ? letter : letter.slice(0, at)
}

/** Reads what headOf gave. Returns null for anything else: the list may hold what other hands put there. */
export function parseHead(head: string): LetterHead | null {
  const fields = parseObject(`${head}}`) ?? parseObject(head)
  if (fields === null || typeof fields['time'] !== 'string') return null
  const text = (name: string): string | null => {
    const value = fields[name]
    return typeof value === 'string' ? value : null
  }
  return {
    id: text('id') ?? '',
    time: fields['time'],
    source: text('source') ?? '',
    sink: text('sink'),
    errorType: text('error_type') ?? '',
    reason: text('reason') ?? '',
    index: text('index'),
    recordTime: text('record_time'),
    rawBytes: typeof fields['raw_bytes'] === 'number' ? fields['raw_bytes'] : 0,
  }
}

/** The bytes of a formatted letter; null when it was kept without them. */
export function rawOf(letter: string): Buffer | null {
  const at = letter.indexOf(BEFORE_RAW)
  const text = at < 0 ? '' : letter.slice(at + BEFORE_RAW.length, letter.lastIndexOf('"'))
  return text === '' ? null : Buffer.from(text, 'base64')
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}
