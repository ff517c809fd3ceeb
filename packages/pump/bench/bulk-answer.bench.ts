// What does it cost to learn from the answer to a bulk request that all its documents were created?
// Run: node --conditions=source bench/bulk-answer.bench.ts
import { compare } from '../../../bench/lib/compare.ts'
import { saysAllCreated } from '../src/sinks/elasticsearch/bulk-answer.ts'
import { readBulkAnswer } from '../src/sinks/elasticsearch/verdicts.ts'

const COUNT = 1000
const items = Array.from({ length: COUNT }, (_, i) => ({
  create: {
    _index: 'tyk_analytics',
    _id: `AZr3zD9GQd1qXHn5Z0Wl3fTq${100_000 + i}`,
    _version: 1,
    result: 'created',
    _shards: { total: 2, successful: 1, failed: 0 },
    _seq_no: 1_000_000 + i,
    _primary_term: 1,
    status: 201,
  },
}))
const bytes = Buffer.from(JSON.stringify({ errors: false, took: 30, items }))
const head = { status: 200, retryAfterMs: null, productHeader: null }

compare(
  `an answer with ${COUNT} items`,
  [
    { name: 'statuses found', run: () => saysAllCreated(bytes, COUNT) },
    {
      name: 'items parsed and read',
      run: () => {
        const body = JSON.parse(bytes.toString('utf8')) as unknown
        return readBulkAnswer({ ...head, bytes: Buffer.alloc(0), body }, COUNT)
      },
    },
  ],
  20,
)
