import { expectTypeOf } from 'vitest'
import {
  createRecordEncoder,
  decodeRecord,
  decodeRecordProtobuf,
  emptyRecord,
  encodeRecord,
  encodeRecordProtobuf,
  formatInstant,
  formatRecord,
  goJson,
  goJsonString,
  type RecordDecodeError,
  type RecordEncodeError,
  type AnalyticsRecord,
  type EncodeOptions,
  type Instant,
  type Int64,
  type RecordEncoder,
} from './index.ts'

expectTypeOf(encodeRecord).parameters.toEqualTypeOf<[record: AnalyticsRecord, options?: EncodeOptions | undefined]>()
expectTypeOf(encodeRecord).returns.toExtend<Uint8Array>()
expectTypeOf(createRecordEncoder()).toEqualTypeOf<RecordEncoder>()
expectTypeOf(decodeRecord).toEqualTypeOf<(bytes: Uint8Array) => AnalyticsRecord>()
expectTypeOf(encodeRecordProtobuf).returns.toExtend<Uint8Array>()
expectTypeOf(decodeRecordProtobuf).toEqualTypeOf<(bytes: Uint8Array) => AnalyticsRecord>()
expectTypeOf(formatRecord).toEqualTypeOf<(record: AnalyticsRecord) => string>()
expectTypeOf(formatInstant).toEqualTypeOf<(instant: Instant, timeZoneOffsetMinutes?: number) => string>()
expectTypeOf(goJson).parameters.toEqualTypeOf<[value: unknown]>()
expectTypeOf(goJsonString).toEqualTypeOf<(text: string) => string>()
expectTypeOf(emptyRecord).returns.toEqualTypeOf<AnalyticsRecord>()

expectTypeOf<AnalyticsRecord['contentLength']>().toEqualTypeOf<Int64>()
expectTypeOf<AnalyticsRecord['tags']>().toEqualTypeOf<string[] | null>()
expectTypeOf<AnalyticsRecord['timestamp']>().toEqualTypeOf<Instant>()
expectTypeOf<EncodeOptions['text']>().toEqualTypeOf<'utf8' | 'bytes' | undefined>()
expectTypeOf<RecordDecodeError['code']>().toEqualTypeOf<'RECORD_DECODE'>()
expectTypeOf<RecordEncodeError['code']>().toEqualTypeOf<'RECORD_ENCODE'>()
// @ts-expect-error -- text is one of two words
encodeRecord(emptyRecord(), { text: 'latin1' })
