// What does the ledger cost per record: noting what became of it, and per commit: the arguments of the script?
// Run: node --conditions=source bench/ledger.bench.ts
import { RecordBlock, emptyRecord, encodeRecord } from '@tek/analytics-record'
import { compare } from '../../../bench/lib/compare.ts'
import { readElements } from '../src/lease/element.ts'
import { LedgerBook, encodeBookings } from '../src/ledger/index.ts'

const RECORDS = 1_000

const elementsOf = (apis: number) => {
  const raws = Array.from({ length: RECORDS }, (_, i) => {
    const timestamp = { seconds: 1_790_000_000 + (i >> 8), nanos: i }
    return encodeRecord({ ...emptyRecord(), apiId: `5e189590801287e42a6cf${i % apis}`, timestamp })
  })
  return readElements(new RecordBlock(raws), 'msgpack')
}

const commit = (apis: number) => {
  const elements = elementsOf(apis)
  return () => {
    const book = new LedgerBook(0)
    for (let i = 0; i < RECORDS; i++) book.add('delivered', elements[i]!, 0)
    return encodeBookings('analytics-tyk-system-analytics', 'ES', book.seal(RECORDS)).args.length
  }
}

compare('the bookings of one commit of 1,000 records', [
  { name: 'of one API', run: commit(1) },
  { name: 'of ten APIs in turn', run: commit(10) },
  { name: 'of a hundred APIs in turn', run: commit(100) },
])
