// What does it cost a record to be counted for the ledger?
// Run: node --conditions=source bench/record-counts.bench.ts
import { createRecordEncoder, emptyRecord, type AnalyticsRecord } from '@tek/analytics-record'
import { compare } from '../../../bench/lib/compare.ts'
import { RecordCounts } from '../src/analytics/record-counts.ts'

const RECORDS = 500
const recordsOf = (apis: number): AnalyticsRecord[] =>
  Array.from({ length: RECORDS }, (_, i) => ({
    ...emptyRecord(),
    apiId: `api-${i % apis}`,
    timestamp: { seconds: 1_700_000_000 + Math.floor(i / 100), nanos: i },
  }))
const counts = new RecordCounts()
const count = (records: readonly AnalyticsRecord[]): RecordCounts => {
  counts.clear()
  for (const record of records) counts.add(record)
  return counts
}
const ofOne = recordsOf(1)
const ofHundred = recordsOf(100)
const encoder = createRecordEncoder({ text: 'bytes', reuse: true })

const contenders = [
  { name: 'counted, of one API', run: () => count(ofOne) },
  { name: 'counted, of a hundred APIs', run: () => count(ofHundred) },
  {
    name: 'encoded, for comparison',
    run: () => ofOne.reduce((sum, record) => sum + encoder.encode(record).length, 0),
  },
]
compare(`${RECORDS} records`, contenders, 50)
