// How long does decoding one record take, against the general msgpack libraries?
// Run: node --conditions=source bench/decode.bench.ts
import { Decoder } from '@msgpack/msgpack'
import { decodeRecord, encodeRecord } from '@tek/analytics-record'
import { Packr, Unpackr } from 'msgpackr'
import { compare } from '../../../bench/lib/compare.ts'
import { wireObject, workloads } from './support/records.ts'

for (const { name, records } of workloads()) {
  const mask = records.length - 1
  // Each element is a buffer of its own, as a Redis client hands them out.
  const elements = records.map((record) => Buffer.from(encodeRecord(record)))
  const maps = new Unpackr({ useRecords: false, int64AsType: 'number' })
  const ownRecords = new Packr({ useRecords: true, int64AsType: 'number' })
  const ownElements = records.map((record) => Buffer.from(ownRecords.pack(wireObject(record, (value) => value))))
  const shared = new Packr({ structures: [], int64AsType: 'number' })
  const sharedElements = records.map((record) => Buffer.from(shared.pack(wireObject(record, (value) => value))))
  const decoder = new Decoder()
  const texts = records.map((record) => JSON.stringify(wireObject(record, (value) => value)))
  compare(`decode: ${name}`, [
    { name: 'decodeRecord', run: (call) => decodeRecord(elements[call & mask]!) },
    { name: 'msgpackr, maps', run: (call) => maps.unpack(elements[call & mask]!) },
    { name: 'msgpackr, its own records (not compatible)', run: (call) => ownRecords.unpack(ownElements[call & mask]!) },
    {
      name: 'msgpackr, shared structures (not compatible)',
      run: (call) => shared.unpack(sharedElements[call & mask]!) as unknown,
    },
    { name: '@msgpack/msgpack', run: (call) => decoder.decode(elements[call & mask]!) },
    { name: 'JSON.parse, for scale', run: (call) => JSON.parse(texts[call & mask]!) as unknown },
  ])
}
