// What do the protobuf form and the printed JSON cost per record?
// Run: node --conditions=source bench/other-forms.bench.ts
import { decodeRecordProtobuf, encodeRecordProtobuf, formatRecord } from '@tek/analytics-record'
import { compare } from '../../../bench/lib/compare.ts'
import { workloads } from './support/records.ts'

for (const { name, records } of workloads()) {
  const mask = records.length - 1
  const elements = records.map(encodeRecordProtobuf)
  compare(name, [
    { name: 'formatRecord', run: (call) => formatRecord(records[call & mask]!) },
    { name: 'encodeRecordProtobuf', run: (call) => encodeRecordProtobuf(records[call & mask]!) },
    { name: 'decodeRecordProtobuf', run: (call) => decodeRecordProtobuf(elements[call & mask]!) },
  ])
}
