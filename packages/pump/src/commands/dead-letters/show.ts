import { type AnalyticsRecord, decodeRecord, decodeRecordProtobuf, formatRecord } from '@tek/analytics-record'
import type { DeadLettersCommand } from '../../config/arguments.ts'
import type { Found } from '../../dead-letters/index.ts'
import { printed } from './list.ts'
import { type LetterWork, inParts, walk } from './walk.ts'

const SHOW_BYTES = 64 * 1024 * 1024

/** Prints letters whole, with the record as far as the bytes are one. */
export async function showLetters(work: LetterWork, { raw, json }: DeadLettersCommand): Promise<number> {
  const { print, log } = work.deps
  let shown = 0
  const complete = await walk(work, async (store, found) => {
    for (const part of inParts(found, 50, SHOW_BYTES)) {
      const bytes = await store.read(part)
      work.progress.clear()
      for (const [at, one] of part.entries()) {
        print(`${JSON.stringify(whole(one, bytes[at] ?? null, raw), null, json ? 0 : 2)}\n`)
        shown += 1
      }
    }
  })
  if (shown > 0) return complete ? 0 : 1
  if (complete) log.error('there is no such dead letter: dead-letters list shows all')
  return 1
}

function whole({ head }: Found, raw: Buffer | null, withRaw: boolean): object {
  return {
    ...printed(head),
    record: raw === null ? null : recordIn(raw, head.source, withRaw),
    ...(withRaw ? { raw: raw?.toString('base64') ?? null } : {}),
  }
}

/** The record in its printed form, or null when the bytes are none. What clients and upstreams sent only if asked for. */
function recordIn(raw: Buffer, source: string, withRaw: boolean): unknown {
  let record: AnalyticsRecord
  try {
    record = source.endsWith('_protobuf') ? decodeRecordProtobuf(raw) : decodeRecord(raw)
  } catch {
    return null
  }
  const cut = (text: string): string => (withRaw || text === '' ? text : `${text.length} characters, --raw shows them`)
  const shown = { ...record, rawRequest: cut(record.rawRequest), rawResponse: cut(record.rawResponse) }
  try {
    return JSON.parse(formatRecord(shown)) as unknown
  } catch {
    return null
  }
}
