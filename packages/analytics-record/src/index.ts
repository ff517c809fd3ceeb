/**
 * What a gateway and a pump agree on, and nothing else: the record, its codecs, the names of the lists. No I/O.
 *
 * The codecs are written for this one record, not as general libraries: see `msgpack/` and `protobuf/`.
 */
export * from './record.ts'
export * from './redis-keys.ts'
export { createRecordEncoder, encodeRecord, type EncodeOptions, type RecordEncoder } from './msgpack/encode.ts'
export { decodeRecord, decodeRecordIn } from './msgpack/decode.ts'
export { RecordBlock } from './msgpack/block.ts'
export { locateFields } from './msgpack/locate.ts'
export { apiIdIn, fieldIndex, nanosIn, secondsIn } from './msgpack/located.ts'
export { JsonCopier } from './msgpack/json-copier.ts'
export { type ByteRun, byteRun } from './msgpack/runs.ts'
export { encodeRecordProtobuf } from './protobuf/encode.ts'
export { decodeRecordProtobuf } from './protobuf/decode.ts'
export { formatInstant, formatRecord, goJson, goJsonNumber, goJsonString } from './json.ts'
export { keepStringMethodsFast } from './fast-strings.ts'
export { RecordDecodeError, RecordEncodeError } from './errors.ts'
