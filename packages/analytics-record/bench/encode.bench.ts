// How long does encoding one record take, against the general msgpack libraries? And what do kept fields and `reuse`
// save, as the gateway uses them?
// Run: node --conditions=source bench/encode.bench.ts
import { Encoder } from '@msgpack/msgpack'
import { createRecordEncoder, encodeRecord } from '@tek/analytics-record'
import { Packr } from 'msgpackr'
import { compare } from '../../../bench/lib/compare.ts'
import { gatewayWorkloads, wireObject, workloads } from './support/records.ts'

/** msgpackr writes numbers beyond 32 bits as floats, which a Tyk pump refuses; bigints become integers. */
const asInteger = (value: number): number | bigint => (value > 0xffff_ffff ? BigInt(value) : value)
const asNumber = (value: number): number => value

for (const { name, records } of workloads()) {
  const mask = records.length - 1
  const forMsgpackr = records.map((record) => wireObject(record, asInteger))
  const forMsgpack = records.map((record) => wireObject(record, asNumber))
  const maps = new Packr({ useRecords: false })
  const ownRecords = new Packr({ useRecords: true })
  const shared = new Packr({ structures: [] })
  const encoder = new Encoder()
  compare(`encode: ${name}`, [
    { name: 'encodeRecord', run: (call) => encodeRecord(records[call & mask]!) },
    { name: 'encodeRecord, byte strings', run: (call) => encodeRecord(records[call & mask]!, { text: 'bytes' }) },
    { name: 'msgpackr, maps', run: (call) => maps.pack(forMsgpackr[call & mask]) },
    { name: 'msgpackr, its own records (not compatible)', run: (call) => ownRecords.pack(forMsgpackr[call & mask]) },
    { name: 'msgpackr, shared structures (not compatible)', run: (call) => shared.pack(forMsgpackr[call & mask]) },
    { name: '@msgpack/msgpack', run: (call) => encoder.encodeSharedRef(forMsgpack[call & mask]) },
    { name: 'JSON.stringify, for scale', run: (call) => JSON.stringify(forMsgpack[call & mask]) },
  ])
}

for (const { name, inARow, inTurn, callersInTurn } of gatewayWorkloads()) {
  const mask = inARow.length - 1
  const [kept, notKept, callers, fresh] = [true, true, true, false].map((reuse) =>
    createRecordEncoder({ text: 'bytes', reuse }),
  )
  compare(`encode as the gateway does: ${name}`, [
    { name: 'alike in a row: fields kept, memory reused', run: (call) => kept!.encode(inARow[call & mask]!) },
    { name: 'two kinds in turn: no field kept', run: (call) => notKept!.encode(inTurn[call & mask]!) },
    { name: 'alike but for the caller', run: (call) => callers!.encode(callersInTurn[call & mask]!) },
    { name: 'alike in a row, new memory', run: (call) => fresh!.encode(inARow[call & mask]!) },
  ])
}
