/** A pump that is killed by its test: it writes each record's path to a file, slowly, and says nothing else. */
import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { runPump } from './run-pump.ts'
import { createTestSink } from './test-sink.ts'

const [port, file] = process.argv.slice(2)
const sink = createTestSink('a', { maxRecords: 20, inFlight: 2 })
sink.answer = async (batch) => {
  appendFileSync(file ?? '', batch.map(({ record, id }) => `${id} ${record.path}\n`).join(''))
  await delay(5)
  return batch.map(() => 'delivered' as const)
}
await runPump({ redisPort: Number(port), sinks: [sink] })
