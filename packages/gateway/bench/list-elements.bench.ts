// What does a record cost on its way into an RPUSH, put together here or as an argument of ioredis?
// Run: node --conditions=source bench/list-elements.bench.ts
import { Command } from 'ioredis'
import { compare } from '../../../bench/lib/compare.ts'
import { ListElements } from '../src/analytics/list-elements.ts'

const RECORDS = 500
const records = Array.from({ length: RECORDS }, (_, i) => Buffer.alloc(850, i & 0xff))
const elements = new ListElements()

compare(`RPUSH of ${RECORDS} records of 850 bytes`, [
  {
    name: 'ListElements',
    run: () => {
      elements.clear()
      for (const record of records) elements.add(record)
      return elements.command('list')
    },
  },
  { name: 'ioredis', run: () => new Command('rpush', ['list', ...records]).toWritable({}) },
])
