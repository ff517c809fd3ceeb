// What does the embedded store cost: time per record that is written, and bytes of the file per request? With and
// without the index of the explorer page.
// Run: node --conditions=source bench/sql-write.bench.ts [--records 1000000] [--keep FILE]
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { storeTraffic, summary } from './support/stored-traffic.ts'

const { values } = parseArgs({
  options: { records: { type: 'string', default: '1000000' }, keep: { type: 'string' } },
})
const count = Number(values.records)
const traffic = { count, endSeconds: Math.floor(Date.now() / 1000), spanSeconds: 7 * 86_400 }

const folder = mkdtempSync(join(tmpdir(), 'tek-sql-bench-'))
try {
  console.log(`${count} records of httpbin calls with request and answer, 200 in a transaction`)
  await measure('without the index of the explorer', join(folder, 'plain.sqlite'), false)
  await measure('with it', values.keep ?? join(folder, 'explorer.sqlite'), true)
} finally {
  rmSync(folder, { recursive: true })
}

async function measure(name: string, path: string, explorerIndex: boolean): Promise<void> {
  const { sum, p99, most } = summary(await storeTraffic(path, traffic, { explorer_index: explorerIndex }))
  const micros = ((sum * 1000) / count).toFixed(1)
  const bytes = (statSync(path).size / count).toFixed(0)
  console.log(
    `  ${name.padEnd(34)} ${micros.padStart(6)} µs/record  ${bytes.padStart(5)} bytes/request  ` +
      `a transaction p99 ${p99.toFixed(1)} ms, longest ${most.toFixed(1)} ms`,
  )
}
