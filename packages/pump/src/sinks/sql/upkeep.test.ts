import { rename } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../../../test/support/eventually.ts'
import { startProgram } from '../../../../../test/support/process.ts'
import { optionsOf } from '../../../test/support/sink-options.ts'
import { sinkDeps } from '../../../test/support/sink-records.ts'
import { recordAt, recordsFrom, sqlFile } from '../../../test/support/sql-file.ts'
import { SinkUnavailableError } from '../../errors.ts'
import { sqlSink } from './index.ts'
import { createSqlSink } from './write.ts'

const never = new AbortController().signal
const HOUR = 3_600_000
const DAY = 24 * HOUR
const TIMINGS = { firstMs: 0, restMs: 20, logEveryMs: 0 }

async function started(values: Readonly<Record<string, unknown>> = {}, timings = TIMINGS) {
  const file = await sqlFile()
  const deps = sinkDeps()
  const options = optionsOf(sqlSink.options, { type: 'sqlite', connection_string: file.path, ...values })
  const sink = createSqlSink(options, deps, timings)
  const count = () => Number(file.query('SELECT count(*) AS n FROM tyk_analytics')[0]?.['n'])
  const dispose = async (): Promise<void> => {
    await sink.close()
    await file[Symbol.asyncDispose]()
  }
  return { file, deps, sink, count, [Symbol.asyncDispose]: dispose }
}

describe('a sink with retention', () => {
  it('deletes what is old beside its writing, and tells it at the end at the latest', async () => {
    await using it = await started({ retention_days: 1 })
    const now = Date.now()
    for (let i = 0; i < 20; i++) {
      const batch = [...recordsFrom(now - 2 * DAY - i * 1000, 1, 100), ...recordsFrom(now - i * 1000, 1, 5)]
      expect(new Set(await it.sink.write(batch, never))).toEqual(new Set(['delivered']))
    }
    await eventually(() => expect(it.count()).toBe(100))
    expect(await it.sink.write([recordAt(now, 'after')], never)).toEqual(['delivered'])
    await it.sink.close()
    const told = it.deps.lines.filter(({ msg }) => msg === 'old records deleted')
    expect(told.reduce((sum, { rows }) => sum + Number(rows), 0)).toBe(2000)
  })

  it('keeps everything without limits', async () => {
    const records = [recordAt(0), recordAt(Date.now())]
    await using it = await started()
    await it.sink.write(records, never)
    // One that has a limit, and begins later, tells when the first would have deleted.
    await using limited = await started({ retention_days: 1 })
    await limited.sink.write(records, never)
    await eventually(() => expect(limited.count()).toBe(1))
    expect(it.count()).toBe(2)
  })

  it('has the table of a late record made anew', async () => {
    await using it = await started({ retention_days: 1, table_sharding: true })
    const old = recordAt(Date.parse('2026-03-05T12:00:00Z'))
    await it.sink.write([recordAt(Date.now())], never)
    for (let i = 0; i < 3; i++) {
      expect(await it.sink.write([old], never)).toEqual(['delivered'])
      await eventually(() => expect(it.file.tables()).toHaveLength(1))
    }
  })

  it('deletes on while each write fails for want of room, until there is some', async () => {
    const now = Date.now()
    await using file = await sqlFile()
    const options = optionsOf(sqlSink.options, { type: 'sqlite', connection_string: file.path, retention_days: 1 })
    const filling = createSqlSink(options, sinkDeps(), { ...TIMINGS, firstMs: HOUR })
    await filling.write([...recordsFrom(now - 5 * DAY, 100, 50), recordAt(now)], never)
    await filling.close()
    // SQLite says of a table whose highest number is taken that the disk is full.
    file.exec(`
      CREATE TABLE room (n INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO room VALUES (9223372036854775807);
      CREATE TRIGGER fill BEFORE INSERT ON tyk_analytics WHEN (SELECT count(*) FROM tyk_analytics) > 1
      BEGIN INSERT INTO room VALUES (NULL); END`)
    const sink = createSqlSink(options, sinkDeps(), { ...TIMINGS, firstMs: 200 })
    await expect(sink.write([recordAt(now, 'new')], never)).rejects.toThrow(/database or disk is full/)
    await eventually(() => expect(file.query('SELECT count(*) AS n FROM tyk_analytics')).toEqual([{ n: 1 }]))
    expect(await sink.write([recordAt(now, 'new')], never)).toEqual(['delivered'])
    await sink.close()
  })

  it('keeps room on the disk for its deleting: until there is more, records wait', async () => {
    const now = Date.now()
    await using it = await started({ retention_days: 1 }, { ...TIMINGS, firstMs: HOUR })
    await it.sink.write([recordAt(now - 5 * DAY), recordAt(now)], never)
    await it.sink.close()
    const options = optionsOf(sqlSink.options, { type: 'sqlite', connection_string: it.file.path, retention_days: 1 })
    const sink = createSqlSink(options, sinkDeps(), TIMINGS, Number.MAX_SAFE_INTEGER)
    const write = sink.write([recordAt(now, 'new')], never)
    await expect(write).rejects.toThrow(SinkUnavailableError)
    await expect(write).rejects.toThrow(/the disk is full, but for what the deleting of old records needs/)
    await eventually(() => expect(it.count()).toBe(1))
    await sink.close()
  })

  it('deletes from the file that has taken the place of another', async () => {
    await using it = await started({ retention_days: 1 })
    const now = Date.now()
    const records = [recordAt(now - 2 * DAY), recordAt(now)]
    await it.sink.write(records, never)
    await eventually(() => expect(it.count()).toBe(1))
    it.file.exec('CREATE TRIGGER fail BEFORE INSERT ON tyk_analytics BEGIN SELECT not_there(); END')
    await expect(it.sink.write(records, never)).rejects.toThrow(/no such function/)
    for (const end of ['', '-wal', '-shm']) await rename(`${it.file.path}${end}`, `${it.file.path}-before${end}`)
    expect(await it.sink.write(records, never)).toEqual(['delivered', 'delivered'])
    await eventually(() => expect(it.count()).toBe(1))
    expect(it.file.check()).toEqual(['ok'])
  })

  it('goes on where another process has the file locked', async () => {
    await using it = await started({ retention_days: 1 })
    const now = Date.now()
    await it.sink.write([recordAt(now)], never)
    await using lock = startProgram(process.execPath, [
      '-e',
      `const { DatabaseSync } = require('node:sqlite'); const db = new DatabaseSync(process.argv[1]); db.exec('BEGIN IMMEDIATE'); console.log('locked'); setInterval(() => {}, 1000)`,
      it.file.path,
    ])
    await lock.waitForLine(/locked/)
    await expect(it.sink.write([recordAt(now - 2 * DAY)], never)).rejects.toThrow(/locked/)
    await lock.stop()
    await it.sink.write([recordAt(now - 2 * DAY)], never)
    await eventually(() => expect(it.count()).toBe(1))
    expect(it.deps.lines.filter(({ level }) => level === 40)).toEqual([])
  })

  it('tells trouble once per interval and delivers all the same', async () => {
    await using it = await started({ retention_days: 1 }, { ...TIMINGS, logEveryMs: HOUR })
    const now = Date.now()
    await it.sink.write([recordAt(now)], never)
    it.file.exec(
      "CREATE TRIGGER keep BEFORE DELETE ON tyk_analytics BEGIN SELECT raise(ABORT, 'nothing is deleted here'); END",
    )
    expect(await it.sink.write([recordAt(now - 2 * DAY)], never)).toEqual(['delivered'])
    const told = () =>
      it.deps.lines.filter(({ msg }) => msg === 'old records could not be deleted, this is tried again')
    await eventually(() => expect(told()).toHaveLength(1))
    expect(told()[0]?.['err']).toMatchObject({ message: 'nothing is deleted here' })
    it.file.exec('DROP TRIGGER keep')
    await eventually(() => expect(it.count()).toBe(1))
    expect(told()).toHaveLength(1)
  })

  it('logs its statements with log_level debug', async () => {
    await using it = await started({ retention_days: 1, log_level: 'debug' })
    await it.sink.write([recordAt(Date.now() - 2 * DAY), recordAt(Date.now())], never)
    await eventually(() => expect(it.count()).toBe(1))
    const deletion = 'DELETE FROM "tyk_analytics" WHERE "record_id" = ?'
    await eventually(() => expect(it.deps.lines.some(({ sql }) => sql === deletion)).toBe(true))
  })

  it('does nothing before its time, so that a command that checks deletes nothing', async () => {
    await using it = await started({ retention_days: 1 }, { ...TIMINGS, firstMs: HOUR })
    await it.sink.write([recordAt(0), recordAt(Date.now())], never)
    await it.sink.check(never)
    await it.sink.close()
    expect(it.count()).toBe(2)
  })
})

describe('a pump that is killed while it deletes', () => {
  it('leaves the file whole, and what is left is deleted later, nothing else', async () => {
    await using file = await sqlFile()
    const script = new URL('../../../test/support/deleting-sink.ts', import.meta.url).pathname
    const counts: number[] = []
    const deps = sinkDeps()
    const options = optionsOf(sqlSink.options, { type: 'sqlite', connection_string: file.path, retention_days: 1 })
    const now = Date.now()
    const filling = createSqlSink(options, deps, { ...TIMINGS, firstMs: HOUR })
    await filling.write([...recordsFrom(now - 5 * DAY, 100, 8000), ...recordsFrom(now, 1, 50)], never)
    await filling.close()
    const count = () => Number(file.query('SELECT count(*) AS n FROM tyk_analytics')[0]?.['n'])
    for (let kill = 0; kill < 2; kill++) {
      const before = count()
      await using program = startProgram(process.execPath, ['--conditions=source', script, file.path])
      await eventually(() => expect(count()).toBeLessThan(before))
      program.kill('SIGKILL')
      await program.exited()
      counts.push(count())
      expect(file.check()).toEqual(['ok'])
      // What is left is the newest, without a gap: a step happened as a whole or not at all.
      const [left] = file.query('SELECT max(rowid) - min(rowid) + 1 AS n, max(rowid) AS last FROM tyk_analytics')
      expect(left).toEqual({ n: counts.at(-1), last: 8050 })
    }
    expect(counts.at(-1)).toBeGreaterThan(50)
    const again = createSqlSink(options, deps, TIMINGS)
    await again.check(never)
    await eventually(() => expect(count()).toBe(50), 40_000)
    await again.close()
    expect(file.check()).toEqual(['ok'])
    expect(count()).toBe(50)
  }, 90_000)
})
