// What does it cost to delete old records from the embedded store: per record, and how long does a step keep its thread?
// Deletes the older half of a file, then gives the room back to the disk.
// Run: node --conditions=source bench/sql-retention.bench.ts [--records 200000]
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { openDatabase } from '../src/sinks/sql/database.ts'
import { Retention } from '../src/sinks/sql/retention.ts'
import { StoredRecords } from '../src/sinks/sql/stored-records.ts'
import { storeTraffic, summary } from './support/stored-traffic.ts'

const { values } = parseArgs({ options: { records: { type: 'string', default: '200000' } } })
const count = Number(values.records)
const DAY_SECONDS = 86_400
const endSeconds = 1_790_000_000
const traffic = { count, endSeconds, spanSeconds: 2 * DAY_SECONDS }

const folder = mkdtempSync(join(tmpdir(), 'tek-sql-bench-'))
try {
  await measure('without the index of the explorer', false)
  await measure('with it', true)
} finally {
  rmSync(folder, { recursive: true })
}

async function measure(name: string, explorerIndex: boolean): Promise<void> {
  const path = join(folder, `${explorerIndex}.sqlite`)
  await storeTraffic(path, traffic, { explorer_index: explorerIndex })
  const database = openDatabase(path, { explorerIndex, onStatement: () => undefined })
  const stored = new StoredRecords(database)
  const limits = { maxAgeMs: DAY_SECONDS * 1000, maxBytes: null }
  const retention = new Retention(
    limits,
    () => endSeconds * 1000,
    () => undefined,
  )
  const before = statSync(path).size
  const deleting: number[] = []
  const givingBack: number[] = []
  for (;;) {
    const free = stored.use().freePages
    const startMs = performance.now()
    if (retention.step(stored).result === 'rest') break
    const steps = stored.use().freePages < free ? givingBack : deleting
    steps.push(performance.now() - startMs)
  }
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  database.close()
  const rows = summary(deleting)
  const pages = summary(givingBack)
  console.log(
    `${name}: ${count / 2} of ${count} deleted, ${((rows.sum * 2000) / count).toFixed(1)} µs each\n` +
      `  ${deleting.length} steps, p99 ${rows.p99.toFixed(1)} ms, longest ${rows.most.toFixed(1)} ms\n` +
      `  ${givingBack.length} steps to give room back, p99 ${pages.p99.toFixed(1)} ms, longest ${pages.most.toFixed(1)} ms; ` +
      `${before} bytes became ${statSync(path).size}`,
  )
}
