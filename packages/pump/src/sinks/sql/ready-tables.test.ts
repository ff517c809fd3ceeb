import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../../../test/support/eventually.ts'
import { optionsOf } from '../../../test/support/sink-options.ts'
import { sinkDeps } from '../../../test/support/sink-records.ts'
import { recordAt, recordsFrom, sqlFile } from '../../../test/support/sql-file.ts'
import { SinkRefusedError, SinkUnavailableError } from '../../errors.ts'
import { openDatabase } from './database.ts'
import { sqlSink } from './index.ts'
import { ReadyTables } from './ready-tables.ts'

const never = new AbortController().signal
const NOW = Date.parse('2026-03-10T12:00:00Z')

/** A file with records in a table that has lost all its indexes. */
async function withoutIndexes(records: number, values: Readonly<Record<string, unknown>> = {}) {
  const file = await sqlFile()
  const options = (more: Readonly<Record<string, unknown>> = {}) =>
    optionsOf(sqlSink.options, { type: 'sqlite', connection_string: file.path, ...values, ...more })
  const filling = sqlSink.create(options(), sinkDeps())
  await filling.write(recordsFrom(NOW, 1, records), never)
  await filling.close()
  const indexes = () => file.query("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name")
  for (const { name } of indexes()) file.exec(`DROP INDEX "${String(name)}"`)
  return { file, options, indexes, [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() }
}

const names = (table: string, ...more: string[]) =>
  ['apiid', 'apikey', 'oauthid', 'orgid', 'record_id', 'responsecode', 'timestamp', ...more]
    .toSorted()
    .map((column) => ({ name: `${table}_idx_${column}` }))

describe('indexes of a table with many rows', () => {
  it('are built apart: the thread stays free, readers read, and the records wait', async () => {
    await using it = await withoutIndexes(20_000)
    const deps = sinkDeps()
    const sink = sqlSink.create(it.options({ explorer_index: true }), deps)
    const reader = new DatabaseSync(it.file.path, { readOnly: true })
    let reads = 0
    const timer = setInterval(() => {
      reads += Number(reader.prepare('SELECT count(*) > 0 AS n FROM tyk_analytics').get()?.['n'])
    }, 5)
    expect(await sink.write([recordAt(NOW, 'new')], never)).toEqual(['delivered'])
    clearInterval(timer)
    reader.close()
    await sink.close()
    expect(reads).toBeGreaterThan(3)
    expect(it.indexes()).toEqual(names('tyk_analytics', 'explorer'))
    expect(deps.lines.map(({ msg }) => msg)).toEqual([
      'SQL Initialized',
      'building indexes of a table with many rows, its records wait',
      'indexes built',
    ])
    expect(it.file.check()).toEqual(['ok'])
  })

  it('are not begun again for a write that was given up and is repeated', async () => {
    await using it = await withoutIndexes(20_000)
    const deps = sinkDeps()
    const sink = sqlSink.create(it.options(), deps)
    const givenUp = new AbortController()
    const first = sink.write([recordAt(NOW, 'new')], givenUp.signal)
    givenUp.abort()
    await expect(first).rejects.toThrow(SinkUnavailableError)
    expect(await sink.write([recordAt(NOW, 'new')], never)).toEqual(['delivered'])
    await sink.close()
    expect(deps.lines.filter(({ msg }) => String(msg).startsWith('building'))).toHaveLength(1)
  })

  it('are left half done when the sink is closed, and built by the next one', async () => {
    await using it = await withoutIndexes(20_000)
    const deps = sinkDeps()
    const sink = sqlSink.create(it.options(), deps)
    const write = sink.write([recordAt(NOW, 'new')], never).catch((error: unknown) => error)
    await eventually(() => expect(deps.lines.some(({ msg }) => String(msg).startsWith('building'))).toBe(true))
    await sink.close()
    expect(await write).toBeInstanceOf(SinkUnavailableError)
    const next = sqlSink.create(it.options(), sinkDeps())
    await eventually(async () => expect(await next.write([recordAt(NOW, 'new')], never)).toEqual(['delivered']))
    await next.close()
    expect(it.indexes()).toEqual(names('tyk_analytics'))
    expect(it.file.check()).toEqual(['ok'])
  })

  it('hold everything when two rows have one record_id', async () => {
    await using it = await withoutIndexes(3000)
    it.file.exec("UPDATE tyk_analytics SET record_id = 'twice' WHERE rowid < 3")
    const sink = sqlSink.create(it.options(), sinkDeps())
    const write = sink.write([recordAt(NOW, 'new')], never)
    await expect(write).rejects.toThrow(SinkRefusedError)
    await expect(write).rejects.toThrow(/table tyk_analytics cannot be used: UNIQUE constraint failed/)
    await sink.close()
  })
})

/** A file with the tables of so many days, none of which has an index. */
async function withDays(days: number, values: Readonly<Record<string, unknown>> = {}) {
  const it = await withoutIndexes(1, { table_sharding: true, ...values })
  for (let day = 1; day < days; day++) {
    const table = `tyk_analytics_${20_260_310 + day}`
    it.file.exec(`CREATE TABLE ${table} AS SELECT * FROM tyk_analytics_20260310`)
  }
  return it
}

describe('the tables of many days', () => {
  it('are completed one at a time, and everything else has its turn between them', async () => {
    await using it = await withDays(20, { explorer_index: true })
    const sink = sqlSink.create(it.options(), sinkDeps())
    const checking = sink.check(never)
    const seen = new Set<number>()
    let isDone = false
    const look = (): void => {
      if (isDone) return
      seen.add(it.indexes().length)
      setImmediate(look)
    }
    look()
    await checking.finally(() => (isDone = true))
    await sink.close()
    seen.add(it.indexes().length)
    expect([...seen]).toEqual(Array.from({ length: 21 }, (_, tables) => tables * 8))
  })

  it('wait for the turn of retention, each of them', async () => {
    await using it = await withDays(3)
    const database = openDatabase(it.file.path, { explorerIndex: false, onStatement: () => undefined })
    const turns: (() => void)[] = []
    const turn = () => new Promise<void>((resolve) => turns.push(resolve))
    const tables = new ReadyTables({ database, log: sinkDeps().log, turn, others: () => database.tables() })
    const ready = tables.wait([], never)
    for (let table = 0; table < 3; table++) {
      await eventually(() => expect(turns).toHaveLength(table + 1))
      expect(it.indexes()).toHaveLength(7 * table)
      turns[table]?.()
    }
    await ready
    database.close()
    expect(it.indexes()).toHaveLength(21)
  })
})

describe('the index of the explorer', () => {
  it('is not there unless asked for', async () => {
    await using it = await withoutIndexes(1)
    const sink = sqlSink.create(it.options(), sinkDeps())
    await sink.write([recordAt(NOW, 'new')], never)
    await sink.close()
    expect(it.indexes()).toEqual(names('tyk_analytics'))
  })

  it('is made for the tables of all days, old and new', async () => {
    await using it = await withoutIndexes(1, { table_sharding: true, explorer_index: true })
    const sink = sqlSink.create(it.options(), sinkDeps())
    await sink.write([recordAt(NOW + 86_400_000)], never)
    await sink.close()
    const made = names('tyk_analytics_20260310', 'explorer').concat(names('tyk_analytics_20260311', 'explorer'))
    expect(it.indexes()).toEqual(made)
  })

  it('is not made for a table of another program, which stays as it is', async () => {
    await using it = await withoutIndexes(1, { table_sharding: true, explorer_index: true })
    it.file.exec('CREATE TABLE tyk_analytics_20260101 (method TEXT)')
    const sink = sqlSink.create(it.options(), sinkDeps())
    expect(await sink.write([recordAt(NOW, 'new')], never)).toEqual(['delivered'])
    await sink.close()
    expect(it.indexes()).toEqual(names('tyk_analytics_20260310', 'explorer'))
    expect(it.file.query("SELECT name FROM pragma_table_info('tyk_analytics_20260101')")).toEqual([{ name: 'method' }])
  })

  it('holds up the records of a table that cannot have it, and no others', async () => {
    await using it = await withDays(3, { explorer_index: true })
    it.file.exec('INSERT INTO tyk_analytics_20260311 SELECT * FROM tyk_analytics_20260311')
    const deps = sinkDeps()
    const sink = sqlSink.create(it.options(), deps)
    for (const name of ['a', 'b']) expect(await sink.write([recordAt(NOW, name)], never)).toEqual(['delivered'])
    const warnings = deps.lines.filter(({ level }) => level === 40)
    expect(warnings).toMatchObject([
      {
        table: 'tyk_analytics_20260311',
        msg: 'a table that no record goes to cannot be completed and is left as it is',
        err: { message: expect.stringContaining('UNIQUE constraint failed') as string },
      },
    ])
    const complete = names('tyk_analytics_20260310', 'explorer').concat(names('tyk_analytics_20260312', 'explorer'))
    expect(it.indexes()).toEqual(complete)
    const write = sink.write([recordAt(NOW + 86_400_000)], never)
    await expect(write).rejects.toThrow(/table tyk_analytics_20260311 cannot be used: UNIQUE constraint failed/)
    await sink.close()
  })

  it('holds all that it needs, so that counting reads no row', async () => {
    await using it = await withoutIndexes(1, { explorer_index: true })
    const sink = sqlSink.create(it.options(), sinkDeps())
    await sink.check(never)
    await sink.close()
    const plan = it.file.query(
      "EXPLAIN QUERY PLAN SELECT responsecode, api_name, latency_upstream, tags FROM tyk_analytics WHERE timestamp > '2026' ORDER BY timestamp DESC",
    )
    expect(plan.map(({ detail }) => String(detail)).join()).toContain('USING COVERING INDEX tyk_analytics_idx_explorer')
  })
})
