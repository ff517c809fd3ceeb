// What processor time does a record cost on its way to Redis, by the size of its batch?
// Run beside a Redis: node --conditions=source bench/list-store.bench.ts redis://127.0.0.1:6379
import { emptyRecord } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { RecordCounts } from '../src/analytics/record-counts.ts'
import { holdEveryWrite } from '../src/event-loop/hold-writes.ts'
import { awaited } from '../src/event-loop/stay-awake.ts'
import { ListElements } from '../src/analytics/list-elements.ts'
import { createListStore } from '../src/analytics/list-store.ts'

const ROUNDS = 5
const RECORDS = 200_000
const LIST = 'tek-bench-list-store'
const record = Buffer.alloc(800, 65)
const sample = { ...emptyRecord(), apiId: 'bench' }

const client = new Redis(process.argv[2] ?? 'redis://127.0.0.1:6379')
await client.ping()
// As the gateway's own client does.
holdEveryWrite(client.stream, awaited())
const store = createListStore(client, (err) => {
  throw err
})

for (let round = 0; round < ROUNDS; round++) {
  for (const size of [128, 512, 1000]) {
    const micros = await measure(size)
    console.log(`batches of ${String(size).padStart(4)}  ${micros.toFixed(2)} µs a record`)
  }
}
await client.quit()

async function measure(size: number): Promise<number> {
  const elements = new ListElements()
  const counts = new RecordCounts()
  for (let i = 0; i < size; i++) {
    elements.add(record)
    counts.add(sample)
  }
  const before = process.cpuUsage()
  for (let batch = 0; batch < RECORDS / size; batch++) {
    await store.append(LIST, elements, 60, counts)
    if (batch % 50 === 0) await client.del(LIST)
  }
  const { user, system } = process.cpuUsage(before)
  await client.del(LIST)
  return (user + system) / RECORDS
}
