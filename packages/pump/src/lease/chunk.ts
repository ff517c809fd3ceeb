import {
  type AnalyticsRecord,
  type Serialisation,
  ZERO_INSTANT,
  decodeRecord,
  decodeRecordProtobuf,
} from '@tek/analytics-record'
import { recordId } from './record-id.ts'

/** One element of a source list. */
export interface Element {
  readonly raw: Buffer
  readonly id: string
  /** null: the bytes are no record; `error` says why. */
  readonly record: AnalyticsRecord | null
  readonly error: string | null
}

/** Decodes elements as they lay in a list. Never throws: what is no record says so. */
export function decodeElements(raws: readonly Buffer[], serialisation: Serialisation): readonly Element[] {
  const decode = serialisation === 'protobuf' ? decodeRecordProtobuf : decodeRecord
  return raws.map((raw) => {
    try {
      const record = decode(raw)
      return { raw, record, id: recordId(raw, record.timestamp), error: null }
    } catch (error) {
      return { raw, record: null, id: recordId(raw, ZERO_INSTANT), error: (error as Error).message }
    }
  })
}
