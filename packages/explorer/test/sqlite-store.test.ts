import { type AnalyticsRecord, emptyRecord } from '@tek/analytics-record'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, vi } from 'vitest'
import { FIELDS } from '../src/fields.ts'
import { parseQuery } from '../src/query/parse.ts'
import { CORE_FIELDS, statements } from '../src/store/sqlite/sql.ts'
import { Engine, type Limits } from '../src/store/sqlite/engine.ts'
import type { ExportPage } from '../src/store/sqlite/export.ts'
import { createSqliteStore } from '../src/store/sqlite/index.ts'
import { StoreUnavailableError, TooWideError } from '../src/store/types.ts'
import { describeStore } from './store-suite.ts'
import { recordCount, type StoredRecord, traffic } from './support/records.ts'
import { type SqliteFileOptions, writeSqliteFile } from './support/sqlite-file.ts'

const FROM = Date.parse('2026-03-04T00:00:00Z')
const TO = Date.parse('2026-03-06T00:00:00Z')
const never = new AbortController().signal

async function startStore(records: readonly StoredRecord[] | null, options: SqliteFileOptions = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'tek-explorer-'))
  const path = join(dir, 'tek.db')
  if (records !== null) writeSqliteFile(path, records, options)
  const store = createSqliteStore({ path })
  const close = async (): Promise<void> => {
    await store.close()
    await rm(dir, { recursive: true })
  }
  const count = async (line = ''): Promise<number> => (await store.requests(page(line), never)).total.value
  const sql = (text: string): void => {
    const db = new DatabaseSync(path)
    db.exec(text)
    db.close()
  }
  return { store, path, dir, count, sql, close, [Symbol.asyncDispose]: close }
}

const page = (line = '', changes: object = {}) => ({
  query: parseQuery(line, TO),
  fromMs: FROM,
  toMs: TO,
  bucketMs: 3_600_000,
  size: 100,
  sort: '@timestamp',
  order: 'desc' as const,
  columns: ['request_uri', 'user_agent'],
  ...changes,
})

const records = (count: number, changes: object = {}): StoredRecord[] => [
  ...traffic({ count, fromMs: FROM, toMs: TO, ...changes }),
]

const at = (ms: number): AnalyticsRecord['timestamp'] => ({ seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 })

const timeOf = ({ record }: StoredRecord): number =>
  record.timestamp.seconds * 1000 + Math.floor(record.timestamp.nanos / 1e6)

function one(changes: Partial<AnalyticsRecord> = {}, id = 'one'): StoredRecord {
  return { id, record: { ...emptyRecord(), timestamp: at(FROM + 1000), responseCode: 200, ...changes } }
}

describeStore('SQLite', {
  start: startStore,
  count: recordCount(process.env['TEK_SLOW'] === '1' ? 100_000 : 3000),
})
describeStore('SQLite with a table per day', {
  start: (all) => startStore(all, { sharded: true }),
  count: 1000,
})

describe('the file', () => {
  it('is an empty store until it is there', async () => {
    await using it = await startStore(null)
    expect(await it.store.extent(never)).toEqual({ records: 0, oldestMs: null, newestMs: null })
    expect(await it.store.fields(never)).toEqual(new Set(FIELDS.map(({ name }) => name)))
    expect(await it.count()).toBe(0)
    writeSqliteFile(it.path, records(100))
    expect(await it.count()).toBe(100)
  })

  it('in a folder that is not there is an error with its path', async () => {
    const store = createSqliteStore({ path: '/nowhere/tek.db' })
    await expect(store.extent(never)).rejects.toThrow(StoreUnavailableError)
    await expect(store.extent(never)).rejects.toThrow(/\/nowhere\/tek\.db/)
    await store.close()
  })

  it('that is no database is an error in the words of SQLite, and is read once it is one', async () => {
    await using it = await startStore(null)
    await writeFile(it.path, 'this is a text file, and long enough to be seen as one that is no database at all')
    await expect(it.store.extent(never)).rejects.toThrow(StoreUnavailableError)
    await expect(it.count()).rejects.toThrow(/file is not a database/)
    await rm(it.path)
    writeSqliteFile(it.path, records(10))
    expect(await it.count()).toBe(10)
  })

  it('that is locked is an error that passes', async () => {
    await using it = await startStore(records(10), { journal: 'OFF' })
    it.sql('PRAGMA journal_mode = DELETE')
    const other = new DatabaseSync(it.path)
    other.exec('BEGIN EXCLUSIVE')
    await expect(it.count()).rejects.toThrow(/database is locked/)
    other.exec('ROLLBACK')
    other.close()
    expect(await it.count()).toBe(10)
  })

  it('may be replaced by another', async () => {
    await using it = await startStore(records(10))
    expect(await it.count()).toBe(10)
    writeSqliteFile(`${it.path}.new`, records(25))
    await rename(`${it.path}.new`, it.path)
    expect(await it.count()).toBe(25)
  })

  it('may be opened while the pump has it open', async () => {
    await using it = await startStore(records(10))
    const writer = new DatabaseSync(it.path)
    writer.exec('BEGIN IMMEDIATE; DELETE FROM tyk_analytics')
    expect(await it.count()).toBe(10)
    writer.exec('COMMIT')
    expect(await it.count()).toBe(0)
    writer.close()
  })
})

describe('what is written later', () => {
  it('is seen at once, also when it is older than what is loaded', async () => {
    await using it = await startStore(records(100))
    expect(await it.count()).toBe(100)
    writeSqliteFile(it.path, [one({ apiName: 'late' }), one({ apiName: 'late', timestamp: at(TO - 1) }, 'two')])
    expect(await it.count('api_name:late')).toBe(2)
    expect(await it.count()).toBe(102)
  })

  it('is seen in tables of new days', async () => {
    await using it = await startStore(records(10, { toMs: FROM + 1000 }), { sharded: true })
    expect(await it.count()).toBe(10)
    writeSqliteFile(it.path, [one({ timestamp: at(TO - 1) })], { sharded: true })
    expect(await it.count()).toBe(11)
  })

  it('is seen when it takes the row numbers of deleted ones', async () => {
    await using it = await startStore(records(10))
    expect(await it.count()).toBe(10)
    it.sql('DELETE FROM tyk_analytics')
    writeSqliteFile(it.path, [one({ apiName: 'new' })])
    expect(await it.count()).toBe(1)
    expect(await it.count('api_name:new')).toBe(1)
  })
})

describe('times in other forms', () => {
  it('are found when they sort by time, and not at all when they do not', async () => {
    const forms = [
      '2026-03-05 12:00:00',
      '2026-03-05 12:00:00.5',
      '2026-03-05 12:00:00.25+00:00',
      '2026-03-05 12:00:00Z',
      '2026-03-05T12:00:00Z',
      '2026-03-05 14:00:00+02:00',
    ]
    await using it = await startStore(forms.map((_, index) => one({}, `row-${index}`)))
    for (const [index, form] of forms.entries())
      it.sql(`UPDATE tyk_analytics SET timestamp = '${form}' WHERE record_id = 'row-${index}'`)
    const noon = Date.parse('2026-03-05T12:00:00Z')
    const count = async (fromMs: number, toMs: number): Promise<number> =>
      (await it.store.requests(page('', { fromMs, toMs }), never)).total.value
    // The first question loads no more than its range.
    expect(await count(noon, noon + 1000)).toBe(4)
    expect(await count(noon + 1, TO)).toBe(2)
    expect(await count(FROM, TO)).toBe(4)
    it.sql(`DELETE FROM tyk_analytics WHERE timestamp = '2026-03-05 12:00:00'`)
    expect(await count(FROM, TO)).toBe(3)
  })
})

describe('what is deleted', () => {
  it.each([
    [
      'the oldest',
      'DELETE FROM tyk_analytics WHERE rowid IN (SELECT rowid FROM tyk_analytics ORDER BY timestamp LIMIT 40)',
    ],
    ['every second', 'DELETE FROM tyk_analytics WHERE rowid % 5 IN (1, 2)'],
    ['the newest', 'DELETE FROM tyk_analytics WHERE rowid > 60'],
  ])('is gone: %s', async (_name, sql) => {
    await using it = await startStore(records(100))
    expect(await it.count()).toBe(100)
    it.sql(sql)
    expect(await it.count()).toBe(60)
    const { rows } = await it.store.requests(page(), never)
    expect(rows).toHaveLength(60)
    it.sql('DELETE FROM tyk_analytics; VACUUM')
    expect(await it.count()).toBe(0)
  })
})

describe('an older table', () => {
  const without = ['latency_gateway', 'latency_upstream', 'geo_country_iso_code', 'record_id', 'tags', 'rawrequest']

  it('answers with what it has', async () => {
    await using it = await startStore(records(200), { without })
    const fields = await it.store.fields(never)
    expect(
      ['latency_upstream_ms', 'country', 'tags', 'record_id', 'raw_request'].filter((name) => fields.has(name)),
    ).toEqual([])
    expect(await it.count('tags:*')).toBe(0)
    const overview = await it.store.overview({ ...page(), fields: ['tags', 'api_name'], size: 3 }, never)
    expect(overview.numbers.requests).toBe(200)
    expect(overview.latency[0]).toMatchObject({ gateway: null, upstream: null })
    expect(overview.top[0]).toEqual({ field: 'tags', values: [], others: 0 })
    const { groups } = await it.store.errors(page(), never)
    const timeless = groups.filter(({ code }) => ![409, 502].includes(code))
    expect(new Set(timeless.map(({ madeBy }) => madeBy))).toEqual(new Set(['unknown']))
    expect(await it.store.countries(page(), never)).toEqual({ available: false, countries: [], partial: null })
    const { rows } = await it.store.requests(page(), never)
    const detail = await it.store.request(rows[0]?.id ?? '', never)
    expect(detail?.row.fields['request_uri']).toBe(rows[0]?.fields['request_uri'])
    expect(detail?.rawRequest).toBeNull()
  })

  it('may stand beside a whole one', async () => {
    await using it = await startStore(records(50, { toMs: FROM + 86_400_000 }), { sharded: true, without })
    writeSqliteFile(it.path, records(70, { fromMs: FROM + 86_400_000 }), { sharded: true })
    expect(await it.count()).toBe(120)
    const { countries } = await it.store.countries(page(), never)
    expect(countries.reduce((sum, { count }) => sum + count, 0)).toBe(120)
  })
})

describe('a hostile record', () => {
  it('is shown as it is', async () => {
    const path = `/${'x'.repeat(1_000_000)}`
    await using it = await startStore([
      one({ path, userAgent: '<script>alert(1)</script>', requestTime: 9_223_372_036_854_775_807n, tags: ['"', ''] }),
    ])
    it.sql(`UPDATE tyk_analytics SET alias = CAST(x'ff41' AS TEXT), responsecode = 'abc', apiid = x'00ff'`)
    const { rows } = await it.store.requests(page('', { columns: FIELDS.map(({ name }) => name) }), never)
    expect(rows[0]?.fields).toMatchObject({
      request_uri: path,
      user_agent: '<script>alert(1)</script>',
      request_time_ms: 2 ** 63,
      tags: ['"', ''],
      alias: '\uFFFDA',
      response_code: 0,
    })
    expect(await it.count('request_uri:/xx*')).toBe(1)
    const overview = await it.store.overview({ ...page(), fields: ['request_uri', 'tags', 'alias'], size: 3 }, never)
    expect(overview.numbers).toMatchObject({ requests: 1, p95Ms: 2 ** 63 })
    expect(overview.traffic[0]?.counts.other).toBe(1)
  })

  it('with broken JSON or time breaks nothing', async () => {
    await using it = await startStore([one(), one({}, 'two'), one({}, 'three')])
    it.sql(`UPDATE tyk_analytics SET tags = '{"a"', geo_city_names = '[' WHERE record_id = 'one';
      UPDATE tyk_analytics SET timestamp = 'yesterday' WHERE record_id = 'two';
      UPDATE tyk_analytics SET timestamp = NULL WHERE record_id = 'three'`)
    expect(await it.count()).toBe(1)
    expect(await it.count('city:*')).toBe(0)
    expect((await it.store.request('two', never))?.row.fields['@timestamp']).toBeNull()
    expect((await it.store.extent(never)).records).toBe(3)
  })
})

describe('raw messages', () => {
  it('are searched, whatever their case', async () => {
    const base64 = (text: string): string => Buffer.from(text).toString('base64')
    await using it = await startStore([
      one({ rawRequest: base64('GET / HTTP/1.1\r\nX-Trace: AbC-123\r\n\r\n') }, 'a'),
      one({ rawResponse: 'HTTP/1.1 200 OK\r\n\r\nplain abc-123' }, 'b'),
      one({ path: '/abc-123' }, 'c'),
      one({ rawRequest: base64('GET / HTTP/1.1\r\n\r\n') }, 'd'),
    ])
    const found = async (line: string): Promise<string> =>
      (await it.store.requests(page(line, { sort: 'record_id', order: 'asc' }), never)).rows
        .map(({ id }) => id)
        .join('')
    expect(await found('abc-123')).toBe('abc')
    expect(await found('raw_request:ABC-1*3')).toBe('a')
    expect(await found('raw_response:"abc-123" or raw_request:"abc-123"')).toBe('ab')
    expect(await found('-raw_request:*')).toBe('bc')
    expect(await found('not abc-123')).toBe('d')
    expect(await found('abc-123 and response_code:500')).toBe('')
    const detail = await it.store.request('b', never)
    expect(detail?.rawRequest).toBeNull()
    expect(detail?.rawResponse).toMatchObject({ text: 'HTTP/1.1 200 OK\r\n\r\nplain abc-123', truncated: false })
  })
})

describe('limits', () => {
  const QUARTER = { fromMs: TO - (TO - FROM) / 4 }

  async function started(limits: Partial<Limits>, all = records(1000), options: SqliteFileOptions = {}) {
    const it = await startStore(all, options)
    const engine = new Engine(it.path, limits)
    let checks = 0
    const total = (line: string, changes: object = {}, check: () => void = () => undefined) => {
      checks = 0
      const counted = (): void => {
        checks++
        check()
      }
      const answer = engine.answer({ kind: 'requests', question: page(line, changes) }, counted)
      return answer as Awaited<ReturnType<typeof it.store.requests>>
    }
    const dispose = async (): Promise<void> => {
      engine.close()
      await it.close()
    }
    return { engine, total, checks: () => checks, sql: it.sql, path: it.path, [Symbol.asyncDispose]: dispose }
  }

  /** Of 8 kB, each another. */
  const longPaths = (count: number): StoredRecord[] =>
    records(count).map(({ id, record }, index) => {
      const path = `/${index}/${'x'.repeat(8000)}`
      return { id, record: { ...record, path, rawPath: path } }
    })

  it('refuse a question over more requests than fit in memory, and then take a narrower one', async () => {
    await using it = await started({ loadedRows: 600 })
    expect(() => it.total('')).toThrow(TooWideError)
    expect(() => it.total('')).toThrow(/more than 600 requests/)
    const narrow = it.total('', QUARTER)
    expect(narrow.total.value).toBeGreaterThan(200)
    expect(narrow.total.value).toBeLessThan(300)
  })

  it('refuse before anything is loaded, and keep what was', async () => {
    await using it = await started({ loadedRows: 600, pieceRows: 20 })
    const { value } = it.total('', QUARTER).total
    it.total('', QUARTER)
    const checks = it.checks()
    const { loadedRows } = it.engine
    expect(loadedRows).toBeGreaterThan(200)
    expect(() => it.total('')).toThrow(TooWideError)
    expect(it.checks()).toBeLessThan(3)
    expect(it.engine.loadedRows).toBe(loadedRows)
    expect(it.total('', QUARTER).total.value).toBe(value)
    expect(it.checks()).toBe(checks)
  })

  it('make room by forgetting what a question does not need, also when that is newer', async () => {
    await using it = await started({ loadedRows: 600 }, records(1000), { sharded: true })
    const middle = (FROM + TO) / 2
    expect(it.total('', { fromMs: middle }).total.value).toBeGreaterThan(450)
    expect(it.total('', { toMs: middle }).total.value).toBeGreaterThan(450)
    expect(it.engine.loadedRows).toBeLessThanOrEqual(600)
  })

  it('count the bytes of texts, and refuse a question that takes too many', async () => {
    await using it = await started({ loadedBytes: 4_000_000, pieceRows: 100 }, longPaths(1000))
    for (let time = 0; time < 3; time++) {
      expect(() => it.total('')).toThrow(/takes more than 4 MB of memory/)
      expect(it.engine.loadedBytes).toBeLessThan(5_000_000)
      expect(it.total('', QUARTER).total.value).toBeGreaterThan(200)
      expect(it.engine.loadedBytes).toBeGreaterThan(1_500_000)
    }
  })

  it('hold for a column that a question asks for beside the others', async () => {
    await using it = await started({ loadedBytes: 9_000_000 }, longPaths(1000))
    for (let time = 0; time < 2; time++) {
      expect(it.total('').total.value).toBe(1000)
      expect(() => it.total('request_uri_full:*')).toThrow(/takes more than 9 MB of memory/)
      expect(it.total('request_uri_full:*', QUARTER).total.value).toBeGreaterThan(200)
      expect(it.engine.loadedBytes).toBeLessThan(12_000_000)
    }
  })

  it('give back the texts of what was deleted', async () => {
    await using it = await started({}, longPaths(1000))
    expect(it.total('').total.value).toBe(1000)
    expect(it.engine.loadedBytes).toBeGreaterThan(8_000_000)
    it.sql('DELETE FROM tyk_analytics WHERE rowid <= 900')
    expect(it.total('').total.value).toBe(100)
    expect(it.engine.loadedBytes).toBeLessThan(1_000_000)
    expect(it.total('request_uri:*x').total.value).toBe(100)
    expect(it.total('request_uri:/1*').total.value).toBe(0)
  })

  it('hold while more is written than there is room for', async () => {
    await using it = await started({ loadedBytes: 1_000_000 }, longPaths(100))
    expect(it.total('').total.value).toBe(100)
    const more = longPaths(1000).slice(100)
    writeSqliteFile(it.path, more)
    expect(() => it.total('')).toThrow(TooWideError)
    expect(it.engine.loadedBytes).toBeLessThan(2_000_000)
    writeSqliteFile(it.path, [one({ timestamp: at(TO - 1), apiName: 'late' })])
    expect(it.total('api_name:late', { fromMs: TO - 3_600_000 }).total.value).toBe(1)
  })

  it('make an answer partial that has read raw messages for too long', async () => {
    await using it = await started({ rawMs: -1 })
    const { total, partial } = it.total('nowhere')
    expect(total).toEqual({ value: 0, exact: false })
    expect(partial).toMatch(/^the raw messages of 1000 older requests were not searched/)
    // What is decided without them is not read.
    expect(it.total('response_code:999 and nowhere').partial).toBeNull()
  })

  it.each([false, true])('give a question one time to read, the newest first; a table per day: %s', async (sharded) => {
    const all = records(1000, { detailed: true })
    await using it = await started({ rawMs: 95 }, all, { sharded })
    let ms = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => ms)
    try {
      const { total, partial, rows } = it.total('raw_request:HTTP', {}, () => void (ms += 10))
      expect(partial).toMatch(/^the raw messages of 990 older requests/)
      expect(total.value).toBe(10)
      const newest = all.toSorted((a, b) => timeOf(b) - timeOf(a)).slice(0, 10)
      expect(rows.map(({ id }) => id).toSorted()).toEqual(newest.map(({ id }) => id).toSorted())
    } finally {
      clock.mockRestore()
    }
  })

  const pieces = (engine: Engine): number => {
    let count = 0
    while (engine.warm()) count++
    return count
  }

  it('load ahead only so many requests', async () => {
    await using it = await started({ warmRows: 250, pieceRows: 100 })
    expect(pieces(it.engine)).toBe(3)
    expect(it.engine.loadedRows).toBeGreaterThanOrEqual(250)
    expect(it.engine.loadedRows).toBeLessThan(350)
    expect(pieces(it.engine)).toBe(0)
    expect(it.total('').total.value).toBe(1000)
  })

  it('load ahead only so many bytes', async () => {
    await using it = await started({ loadedBytes: 4_000_000, pieceRows: 20 }, longPaths(1000))
    expect(pieces(it.engine)).toBeGreaterThan(5)
    expect(it.engine.loadedBytes).toBeGreaterThanOrEqual(2_000_000)
    expect(it.engine.loadedBytes).toBeLessThan(2_500_000)
    it.total('', { fromMs: TO - 1 })
    expect(pieces(it.engine)).toBe(0)
  })
})

describe('an export', () => {
  type Pages = Partial<Limits['exportPage']>

  /** One row of work for each page, unless told otherwise; an answer about raw messages would always be partial. */
  async function started(all: readonly StoredRecord[], pages: Pages = {}, options: SqliteFileOptions = {}) {
    const it = await startStore(all, options)
    const engine = new Engine(it.path, { rawMs: -1, exportPage: { rows: 5000, characters: 1e6, ms: -1, ...pages } })
    const next = (page_: number, line = '', changes: object = {}, number = 1): ExportPage =>
      engine.answer(
        { kind: 'export', number, page: page_, question: page(line, { columns: ['record_id'], ...changes }) },
        () => undefined,
      ) as ExportPage
    const rest = (from: number, line = '', changes: object = {}): { ids: string[]; pages: number } => {
      const ids: string[] = []
      for (let count = from; ; count++) {
        const { rows, isLast } = next(count, line, changes)
        ids.push(...rows.map(({ id }) => id))
        if (isLast) return { ids, pages: count + 1 }
      }
    }
    const dispose = async (): Promise<void> => {
      engine.close()
      await it.close()
    }
    return { engine, next, rest, sql: it.sql, path: it.path, [Symbol.asyncDispose]: dispose }
  }

  it.each([false, true])('looks into all raw messages, each once; a table per day: %s', async (sharded) => {
    const all = records(300, { detailed: true })
    await using it = await started(all, {}, { sharded })
    const posts = all.filter(({ record }) => record.method === 'POST').toSorted((a, b) => timeOf(b) - timeOf(a))
    const { ids, pages } = it.rest(0, 'raw_request:"POST /"')
    expect(ids).toEqual(posts.map(({ id }) => id))
    expect(pages).toBe(300)
  })

  it('is what there was when it began, without what was deleted', async () => {
    const all = records(100)
    await using it = await started(all, { rows: 10, ms: 10_000 })
    const seen = it.next(0).rows.map(({ id }) => id)
    writeSqliteFile(it.path, [one({ timestamp: at(TO - 1) }, 'new'), one({ timestamp: at(FROM) }, 'late')])
    const oldest = all.toSorted((a, b) => timeOf(a) - timeOf(b)).slice(0, 5)
    it.sql(`DELETE FROM tyk_analytics WHERE record_id IN (${oldest.map(({ id }) => `'${id}'`).join(', ')})`)
    seen.push(...it.rest(1).ids)
    expect(seen.toSorted()).toEqual(
      all
        .filter((stored) => !oldest.includes(stored))
        .map(({ id }) => id)
        .toSorted(),
    )
  })

  it.each([
    ['another file takes the place', (path: string) => writeSqliteFile(`${path}.new`, records(100))],
    ['the rows get new numbers', null],
  ])('breaks off rather than ends when %s', async (_name, replace) => {
    await using it = await started(records(100))
    expect(it.next(0).isLast).toBe(false)
    if (replace === null) it.sql('DELETE FROM tyk_analytics WHERE rowid < 50; VACUUM')
    else {
      replace(it.path)
      await rename(`${it.path}.new`, it.path)
    }
    expect(() => it.next(1)).toThrow(/the export cannot go on/)
  })

  it('is forgotten at its end', async () => {
    await using it = await started(records(10))
    it.next(0)
    it.engine.answer({ kind: 'end-export', number: 1 }, () => undefined)
    expect(() => it.next(1)).toThrow(/the export cannot go on/)
  })

  it('has pages of a few megabytes, however long messages are', async () => {
    const message = `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(200_000)}`
    const all = records(200).map(({ id, record }) => ({ id, record: { ...record, rawResponse: message } }))
    await using it = await startStore(all)
    let rows = 0
    let pages = 0
    for await (const found of it.store.rows(page('', { columns: ['raw_response'] }), never)) {
      expect(found.length).toBeLessThan(30)
      expect(found.every(({ fields }) => fields['raw_response'] === message)).toBe(true)
      rows += found.length
      pages++
    }
    expect(rows).toBe(200)
    expect(pages).toBeLessThan(30)
  })

  it('of a file that is not there is empty', async () => {
    await using it = await startStore(null)
    for await (const rows of it.store.rows(page(), never)) expect(rows).toEqual([])
  })
})

describe('a page', () => {
  it('goes on behind the row where the last one ended, with rows of equal time and value', async () => {
    const same = Array.from({ length: 25 }, (_, index) => one({ alias: 'x' }, `id-${index}`))
    await using it = await startStore(same)
    for (const sort of ['@timestamp', 'alias', 'request_time_ms', 'country']) {
      const seen: string[] = []
      let after: string | null = null
      do {
        const { rows, next } = await it.store.requests(
          page('', { sort, size: 4, ...(after !== null && { after }) }),
          never,
        )
        seen.push(...rows.map(({ id }) => id))
        after = next
      } while (after !== null)
      expect(seen.toSorted()).toEqual(same.map(({ id }) => id).toSorted())
    }
  })

  it.each(['', 'nonsense', 'W10', Buffer.from('[{},1,"t",2]').toString('base64url')])(
    'refuses %j as its beginning',
    async (after) => {
      await using it = await startStore(records(5))
      await expect(it.store.requests(page('', { after }), never)).rejects.toMatchObject({ code: 'bad_request' })
    },
  )
})

describe('every statement', () => {
  it.each([false, true])('is answered from an index or by row number, after ANALYZE: %s', async (isAnalysed) => {
    await using it = await startStore(records(2000))
    if (isAnalysed) it.sql('ANALYZE')
    const db = new DatabaseSync(it.path, { readOnly: true })
    const plan = (sql: string): string =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...Array.from({ length: sql.split('?').length - 1 }, () => '2026'))
        .map(({ detail }) => String(detail))
        .join('; ')
    const table = 'tyk_analytics'
    const plans: [string, RegExp][] = [
      [
        statements.piece(table, CORE_FIELDS),
        /^SEARCH tyk_analytics USING COVERING INDEX tyk_analytics_idx_explorer \(timestamp>\? AND timestamp<\?\)$/,
      ],
      [
        statements.pieceStart(table),
        /^SEARCH tyk_analytics USING COVERING INDEX \S+ \(timestamp>\? AND timestamp<\?\)$/,
      ],
      [statements.added(table, CORE_FIELDS), /^SEARCH tyk_analytics USING INTEGER PRIMARY KEY \(rowid>\?\)$/],
      [statements.column(table, 'host'), /^SEARCH tyk_analytics USING INDEX \S+ \(timestamp>\?\)$/],
      [statements.count(table), /^SCAN tyk_analytics USING COVERING INDEX/],
      [statements.countSince(table), /^SEARCH tyk_analytics USING COVERING INDEX \S+ \(timestamp>\?\)$/],
      [
        statements.countUpTo(table),
        /^CO-ROUTINE \S+; SEARCH tyk_analytics USING COVERING INDEX \S+ \(timestamp>\?\); SCAN/,
      ],
      [statements.rowsSince(table), /^SEARCH tyk_analytics USING COVERING INDEX \S+ \(timestamp>\?\)$/],
      [statements.oldest(table), /^SEARCH tyk_analytics USING COVERING INDEX/],
      [statements.newest(table), /^SEARCH tyk_analytics USING COVERING INDEX/],
      [statements.lastRow(table), /^SEARCH tyk_analytics/],
      [statements.timeOfRow(table), /^SEARCH tyk_analytics USING INTEGER PRIMARY KEY \(rowid=\?\)$/],
      [statements.row(table, ['raw_request']), /^SEARCH tyk_analytics USING INTEGER PRIMARY KEY \(rowid=\?\)$/],
      [
        statements.rowOfRecord(table),
        /^SEARCH tyk_analytics USING COVERING INDEX tyk_analytics_idx_record_id \(record_id=\?\)$/,
      ],
    ]
    for (const [sql, expected] of plans) expect(plan(sql), sql).toMatch(expected)
    expect(plans.length + 2).toBe(Object.keys(statements).length)
    db.close()
  })
})
