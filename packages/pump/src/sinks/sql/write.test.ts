import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { describeSink } from '../../../test/support/describe-sink.ts'
import { optionsOf } from '../../../test/support/sink-options.ts'
import { jwtRecord, keylessRecord, numberedBatch, pumpRecord, sinkDeps } from '../../../test/support/sink-records.ts'
import { SinkOptionError, SinkRefusedError, SinkUnavailableError } from '../../errors.ts'
import { sqlSink } from './index.ts'

const never = new AbortController().signal

async function startFile(values: Readonly<Record<string, unknown>> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'tek-sql-'))
  const path = join(root, 'data', 'tek.db')
  const query = (sql: string): Record<string, unknown>[] => {
    const db = new DatabaseSync(path)
    try {
      return db.prepare(sql).all()
    } finally {
      db.close()
    }
  }
  const tables = () =>
    query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").map(({ name }) => String(name))
  let lock: DatabaseSync | null = null
  const away = async (isAway: boolean): Promise<void> => {
    if (isAway) {
      lock = new DatabaseSync(path)
      lock.exec('BEGIN EXCLUSIVE')
    } else {
      lock?.exec('ROLLBACK')
      lock?.close()
    }
  }
  return {
    path,
    options: optionsOf(sqlSink.options, { type: 'sqlite', connection_string: path, ...values }),
    query,
    tables,
    away,
    stored: async () => {
      try {
        return query('SELECT apiid FROM tyk_analytics ORDER BY rowid').map(({ apiid }) => String(apiid))
      } catch {
        return []
      }
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  }
}

async function started(values: Readonly<Record<string, unknown>> = {}) {
  const file = await startFile(values)
  const deps = sinkDeps()
  const sink = sqlSink.create(file.options, deps)
  const dispose = async (): Promise<void> => {
    await sink.close()
    await file[Symbol.asyncDispose]()
  }
  return { file, sink, deps, [Symbol.asyncDispose]: dispose }
}

describeSink(sqlSink, { abilities: ['idempotent'], start: startFile })

describe('rows', () => {
  it("hold a record in Tyk's columns", async () => {
    await using it = await started()
    const record = jwtRecord({ contentLength: -1, trackPath: true, requestTime: 9_223_372_036_854_775_807n })
    await it.sink.write([pumpRecord(record, 'first'), pumpRecord(keylessRecord({ tags: null }), 'second')], never)
    const rows = it.file.query(
      'SELECT method, rawpath, contentlength, responsecode, timestamp, alias, tags, trackpath, "expireAt", latency_upstream, ' +
        'geo_city_names, graphql_stats_errors, record_id, CAST(requesttime AS TEXT) AS ms FROM tyk_analytics ORDER BY rowid',
    )
    const common = {
      method: 'GET',
      rawpath: '/get',
      responsecode: 200,
      expireAt: '2020-01-17 20:18:53.000',
      geo_city_names: '{}',
      graphql_stats_errors: '[]',
    }
    expect(rows).toEqual([
      {
        ...common,
        contentlength: -1,
        timestamp: '2020-01-10 20:21:07.004',
        alias: 'foo@bar.com',
        tags: JSON.stringify(record.tags),
        trackpath: 1,
        latency_upstream: 6,
        record_id: 'first',
        ms: '9223372036854775807',
      },
      {
        ...common,
        contentlength: 0,
        timestamp: '2020-01-10 20:18:53.123',
        alias: '',
        tags: '[]',
        trackpath: 0,
        latency_upstream: 3,
        record_id: 'second',
        ms: '4',
      },
    ])
  })

  it("have times that SQLite's functions read and that sort as text", async () => {
    await using it = await started()
    await it.sink.write(numberedBatch(1), never)
    expect(
      it.file.query("SELECT unixepoch(timestamp) AS s, strftime('%f', timestamp) AS f FROM tyk_analytics"),
    ).toEqual([{ s: 1_578_687_533, f: '53.123' }])
  })

  it('go into the table of their own UTC day with table_sharding', async () => {
    await using it = await started({ table_sharding: true })
    const at = (seconds: number) => pumpRecord(keylessRecord({ timestamp: { seconds, nanos: 0 } }), `at-${seconds}`)
    expect(await it.sink.write([at(1_577_836_799), at(1_577_836_800), at(1_577_836_799 - 5)], never)).toHaveLength(3)
    expect(it.file.tables()).toEqual(['tyk_analytics_20191231', 'tyk_analytics_20200101'])
    expect(it.file.query('SELECT count(*) AS n FROM tyk_analytics_20191231')).toEqual([{ n: 2 }])
  })

  it('are rejected alone when they cannot be stored', async () => {
    await using it = await started({ table_sharding: true })
    const far = pumpRecord(keylessRecord({ timestamp: { seconds: 1e12, nanos: 0 } }), 'far')
    const huge = pumpRecord(keylessRecord({ requestTime: 2n ** 70n }), 'huge')
    const verdicts = await it.sink.write([far, ...numberedBatch(1), huge], never)
    const reason = expect.stringContaining('the row cannot be stored') as string
    const rejected = { rejected: reason, errorType: 'not_storable' }
    expect(verdicts).toEqual([rejected, 'delivered', rejected])
  })

  it('are written in transactions of batch_size', async () => {
    await using it = await started({ batch_size: 2, log_level: 'debug' })
    expect(await it.sink.write(numberedBatch(5), never)).toEqual(Array(5).fill('delivered'))
    expect(it.deps.lines.filter(({ sql }) => sql === 'COMMIT')).toHaveLength(3)
    expect(sqlSink.batching(it.file.options)).toMatchObject({ maxRecords: 1000, inFlight: 1 })
  })
})

describe('a table that another program made', () => {
  /** With its own rules in front of the columns that are added. */
  async function withTable(sql: string) {
    const it = await started()
    await it.sink.check(never)
    await it.sink.close()
    const other = new DatabaseSync(it.file.path)
    other.exec(sql)
    other.close()
    return it
  }

  const record = (method: string, id: string) => pumpRecord(keylessRecord({ method }), id)
  const rejected = (reason: string) => ({
    rejected: expect.stringContaining(reason) as string,
    errorType: 'not_storable',
  })

  it.each<[string, string]>([
    ["method TEXT CHECK (method <> 'PUT')", 'CHECK constraint failed'],
    ['method TEXT UNIQUE', 'UNIQUE constraint failed'],
    ['method TEXT UNIQUE ON CONFLICT IGNORE', 'UNIQUE constraint failed'],
    ['method TEXT UNIQUE ON CONFLICT REPLACE', 'UNIQUE constraint failed'],
    ['method TEXT UNIQUE ON CONFLICT ROLLBACK', 'UNIQUE constraint failed'],
    ["method TEXT, extra TEXT GENERATED ALWAYS AS (nullif(method, 'PUT')) NOT NULL", 'NOT NULL constraint failed'],
    ['method TEXT REFERENCES verbs (name) DEFERRABLE INITIALLY DEFERRED', 'FOREIGN KEY constraint failed'],
  ])('rejects only the record that breaks its rule: %s', async (column, reason) => {
    await using it = await withTable(`
      CREATE TABLE verbs (name TEXT PRIMARY KEY); INSERT INTO verbs VALUES ('GET'), ('POST'), ('PATCH');
      CREATE TABLE tyk_analytics (${column}, alone INTEGER); INSERT INTO tyk_analytics (method) VALUES ('PATCH');
      ${column.includes('UNIQUE') ? "INSERT INTO tyk_analytics (method) VALUES ('PUT')" : ''}`)
    const batch = [record('GET', 'a'), record('PUT', 'b'), record('POST', 'c')]
    expect(await it.sink.write(batch, never)).toEqual(['delivered', rejected(reason), 'delivered'])
    const ids = it.file.query('SELECT record_id FROM tyk_analytics WHERE record_id IS NOT NULL ORDER BY record_id')
    expect(ids.map(({ record_id }) => record_id)).toEqual(['a', 'c'])
  })

  it('still takes a repeated record for delivered', async () => {
    await using it = await withTable('CREATE TABLE tyk_analytics (method TEXT UNIQUE)')
    expect(await it.sink.write([record('GET', 'a')], never)).toEqual(['delivered'])
    // Its method would break the other rule as well, but that row is the same one.
    expect(await it.sink.write([record('GET', 'a')], never)).toEqual(['delivered'])
    expect(it.file.query('SELECT count(*) AS n FROM tyk_analytics')).toEqual([{ n: 1 }])
  })

  it('holds everything when the table cannot be completed', async () => {
    await using it = await withTable(`
      CREATE TABLE tyk_analytics (record_id TEXT); INSERT INTO tyk_analytics VALUES ('twice'), ('twice')`)
    const writing = it.sink.write(numberedBatch(2), never)
    await expect(writing).rejects.toThrow(SinkRefusedError)
    await expect(writing).rejects.toThrow(/table tyk_analytics cannot be used: UNIQUE constraint failed/)
  })
})

describe('tables', () => {
  it('get the columns and indexes that an older one lacks', async () => {
    await using it = await started()
    await it.sink.write(numberedBatch(1), never)
    const old = new DatabaseSync(it.file.path)
    old.exec('DROP TABLE tyk_analytics; CREATE TABLE tyk_analytics (method TEXT, RESPONSECODE INTEGER)')
    old.exec("INSERT INTO tyk_analytics VALUES ('PUT', 204), ('PUT', 204)")
    old.close()
    await it.sink.close()
    const sink = sqlSink.create(it.file.options, sinkDeps())
    expect(await sink.write(numberedBatch(2), never)).toEqual(['delivered', 'delivered'])
    await sink.close()
    expect(
      it.file.query('SELECT responsecode AS code FROM tyk_analytics ORDER BY rowid').map(({ code }) => code),
    ).toEqual([204, 204, 200, 200])
    const indexes = it.file
      .query("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name")
      .map(({ name }) => name)
    expect(indexes).toEqual(
      ['apiid', 'apikey', 'oauthid', 'orgid', 'record_id', 'responsecode', 'timestamp'].map(
        (c) => `tyk_analytics_idx_${c}`,
      ),
    )
  })

  it('of other days are completed at once with migrate_sharded_tables', async () => {
    await using it = await started({ table_sharding: true, migrate_sharded_tables: true })
    await it.sink.check(never)
    await it.sink.close()
    const old = new DatabaseSync(it.file.path)
    old.exec('CREATE TABLE tyk_analytics_20190101 (method TEXT); CREATE TABLE tyk_analytics_notes (method TEXT)')
    old.close()
    await it.sink.check(never)
    const columns = (table: string) =>
      it.file.query(`SELECT count(*) AS n FROM pragma_table_info('${table}')`)[0]?.['n']
    expect([columns('tyk_analytics_20190101'), columns('tyk_analytics_notes')]).toEqual([53, 1])
  })
})

describe('trouble', () => {
  it('keeps the batch while another process holds the file, and writes it afterwards', async () => {
    await using it = await started()
    await it.sink.write(numberedBatch(1), never)
    await it.file.away(true)
    await expect(it.sink.write(numberedBatch(2), never)).rejects.toBeInstanceOf(SinkUnavailableError)
    await expect(it.sink.check(never)).rejects.toBeInstanceOf(SinkUnavailableError)
    await it.file.away(false)
    expect(await it.sink.write(numberedBatch(2), never)).toEqual(['delivered', 'delivered'])
    expect(await it.file.stored()).toEqual(['api0', 'api1'])
  })

  it('holds everything when the file is no database', async () => {
    await using it = await started()
    await it.sink.check(never)
    await it.sink.close()
    await writeFile(it.file.path, 'this is a text file, and long enough to be seen as one that is no database at all')
    await expect(it.sink.write(numberedBatch(1), never)).rejects.toBeInstanceOf(SinkRefusedError)
  })

  it('reads while it writes', async () => {
    await using it = await started()
    await it.sink.write(numberedBatch(1), never)
    const reader = new DatabaseSync(it.file.path, { readOnly: true })
    reader.exec('BEGIN')
    const count = () => reader.prepare('SELECT count(*) AS n FROM tyk_analytics').get()
    expect(count()).toEqual({ n: 1 })
    expect(await it.sink.write(numberedBatch(3), never)).toEqual(Array(3).fill('delivered'))
    expect(count()).toEqual({ n: 1 })
    reader.exec('COMMIT')
    expect(count()).toEqual({ n: 3 })
    reader.close()
  })
})

describe('options', () => {
  it.each([
    [{ type: 'postgres' }, 'Unsupported `meta.type` value: "postgres" (this version writes to "sqlite" only)'],
    [{ type: 'mysql' }, 'Unsupported `meta.type` value: "mysql"'],
    [{ type: '' }, 'Unsupported `meta.type` value: "" (set type to "sqlite")'],
    [{ type: 'sqlite' }, 'connection_string is empty'],
    [{ type: 'sqlite', connection_string: ':memory:' }, 'must name a file'],
    [{ type: 'sqlite', connection_string: 'file::memory:?cache=shared' }, 'must name a file'],
    [{ type: 'sqlite', connection_string: 'file:a.db?mode=ro' }, 'parameters after a file: URL are not supported'],
    [{ type: 'sqlite', connection_string: 'file://host/a.db' }, 'no usable file: URL'],
    [
      { type: 'sqlite', connection_string: 'a.db', max_size_bytes: 33_554_431 },
      'max_size_bytes (…_META_MAXSIZEBYTES): expected 0 for no bound or at least 33554432, got 33554431 (2147483648 is 2 GiB)',
    ],
  ])('refuses %o', (values, message) => {
    const create = () => sqlSink.create(optionsOf(sqlSink.options, values), sinkDeps())
    expect(create).toThrow(SinkOptionError)
    expect(create).toThrow(message)
  })

  it.each([
    (path: string) => path,
    (path: string) => pathToFileURL(path).href,
    () => 'data/tek.db',
    () => 'file:data/tek.db',
  ])('finds the file in every form of connection_string (%#)', async (form) => {
    await using file = await startFile()
    const options = optionsOf(sqlSink.options, { type: 'sqlite', connection_string: form(file.path) })
    const sink = sqlSink.create(options, sinkDeps(join(file.path, '..', '..')))
    await sink.write(numberedBatch(1), never)
    await sink.close()
    expect(await file.stored()).toEqual(['api0'])
  })
})
