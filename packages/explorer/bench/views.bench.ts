// How long does a view of the page take over many requests? Fills the embedded store, and an index and a data stream of Elasticsearch where one is
// given, with the same traffic, and asks each question several times, each time over a range that no cache knows.
// Run: node --conditions=source bench/views.bench.ts [--records 1000000] [--elasticsearch http://127.0.0.1:9200]
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { parseQuery } from '../src/query/parse.ts'
import { createElasticsearchStore } from '../src/store/elasticsearch/index.ts'
import { createSqliteStore } from '../src/store/sqlite/index.ts'
import type { Store } from '../src/store/types.ts'
import { createDataStream, createIndex } from '../test/support/elasticsearch-index.ts'
import { traffic } from '../test/support/records.ts'
import { writeSqliteFile } from '../test/support/sqlite-file.ts'

const { values } = parseArgs({
  options: { records: { type: 'string', default: '1000000' }, elasticsearch: { type: 'string' } },
})
const count = Number(values.records)
const RUNS = 7
const FROM = Date.parse('2026-03-04T00:00:00Z')
const TO = Date.parse('2026-03-06T12:00:00Z')
const TOPS = ['api_name', 'api_version', 'request_uri', 'alias', 'tags', 'user_agent']
const signal = new AbortController().signal
const records = () => traffic({ count, fromMs: FROM, toMs: TO })

let shift = 0
/** A range that nobody has asked for. */
const question = (line: string) => ({
  query: parseQuery(line, TO),
  fromMs: FROM + ++shift * 61_000,
  toMs: TO,
  bucketMs: 1_800_000,
  size: 50,
  sort: '@timestamp',
  order: 'desc' as const,
  columns: ['request_uri', 'user_agent', 'tags'],
})

type Ask = (store: Store) => Promise<unknown>
const VIEWS: Readonly<Record<string, Ask>> = {
  Overview: (store) => store.overview({ ...question(''), fields: TOPS, size: 10 }, signal),
  'Overview of response_code:500': (store) =>
    store.overview({ ...question('response_code:500'), fields: TOPS, size: 10 }, signal),
  Requests: (store) => store.requests(question(''), signal),
  'Requests of a user': (store) => store.requests(question('tags:foo@bar.com'), signal),
  Errors: (store) => store.errors(question(''), signal),
  Map: (store) => store.countries(question(''), signal),
  'Values of a field': (store) => store.values(question(''), 'request_uri', '/s', signal),
}

async function measure(name: string, store: Store): Promise<void> {
  const startedAt = performance.now()
  await store.overview({ ...question(''), fields: TOPS, size: 10 }, signal)
  console.log(`${name}: the first question after the start took ${(performance.now() - startedAt).toFixed(0)} ms`)
  for (const [view, ask] of Object.entries(VIEWS)) {
    const times: number[] = []
    for (let run = 0; run < RUNS; run++) {
      const askedAt = performance.now()
      await ask(store)
      times.push(performance.now() - askedAt)
    }
    times.sort((a, b) => a - b)
    const [least = 0, median = 0, most = 0] = [times[0], times[RUNS >> 1], times.at(-1)]
    console.log(`  ${view.padEnd(32)} ${median.toFixed(0)} ms (${least.toFixed(0)} to ${most.toFixed(0)})`)
  }
}

const folder = mkdtempSync(join(tmpdir(), 'tek-views-bench-'))
try {
  const path = join(folder, 'traffic.sqlite')
  writeSqliteFile(path, records())
  console.log(`${count} requests, ${(statSync(path).size / count).toFixed(0)} bytes each in SQLite`)
  const store = createSqliteStore({ path })
  await measure('SQLite', store)
  await store.close()
} finally {
  rmSync(folder, { recursive: true })
}

if (values.elasticsearch !== undefined) {
  const url = values.elasticsearch
  const access = { username: '', password: '', apiKey: '', caFile: '' }
  for (const [name, create] of Object.entries({ Index: createIndex, 'Data stream': createDataStream })) {
    await using index = await create(url)
    await index.addRecords(records())
    const store = createElasticsearchStore({ url, index: index.name, ...access, timeoutMs: 60_000 })
    await measure(`${name} of Elasticsearch`, store)
    await store.close()
  }
}
