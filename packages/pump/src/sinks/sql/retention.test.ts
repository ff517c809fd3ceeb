import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { optionsOf } from '../../../test/support/sink-options.ts'
import { sinkDeps } from '../../../test/support/sink-records.ts'
import { recordAt, recordsFrom, sqlFile } from '../../../test/support/sql-file.ts'
import type { PumpRecord } from '../types.ts'
import { openDatabase } from './database.ts'
import { sqlSink } from './index.ts'
import { Retention, type RetentionLimits } from './retention.ts'
import { StoredRecords } from './stored-records.ts'

const never = new AbortController().signal
const MINUTE = 60_000
const DAY = 86_400_000
const MIB = 1024 * 1024
/** Noon of the last day. */
const NOW = Date.parse('2026-03-10T12:00:00Z')
const NO_LIMIT: RetentionLimits = { maxAgeMs: null, maxBytes: null }

/** A file that a sink writes to, and retention over it whose clock stands still until it is set. */
async function started(limits: Partial<RetentionLimits>, values: Readonly<Record<string, unknown>> = {}) {
  const file = await sqlFile()
  const options = optionsOf(sqlSink.options, { type: 'sqlite', connection_string: file.path, ...values })
  const sink = sqlSink.create(options, sinkDeps())
  const clock = { now: NOW }
  const notes: (object & { level: string; message: string })[] = []
  const newRetention = () =>
    new Retention(
      { ...NO_LIMIT, ...limits },
      () => clock.now,
      (level, fields, message) => notes.push({ level, message, ...fields }),
    )
  const store = async (records: readonly PumpRecord[]): Promise<void> => {
    const verdicts = await sink.write(records, never)
    expect(new Set(verdicts)).toEqual(new Set(['delivered']))
  }
  /** Steps until there is nothing to do. Returns how many steps did something. */
  const settle = (retention = newRetention()): number => {
    const database = openDatabase(file.path, { explorerIndex: false, onStatement: () => undefined })
    try {
      const stored = new StoredRecords(database)
      let steps = 0
      while (retention.step(stored).result !== 'rest') steps += 1
      return steps
    } finally {
      database.close()
    }
  }
  const times = (table = 'tyk_analytics'): string[] =>
    file.query(`SELECT timestamp FROM ${table} ORDER BY timestamp`).map(({ timestamp }) => String(timestamp))
  const dispose = async (): Promise<void> => {
    await sink.close()
    await file[Symbol.asyncDispose]()
  }
  return { file, sink, clock, notes, newRetention, store, settle, times, [Symbol.asyncDispose]: dispose }
}

/** Two pages a row. */
const large = { rawResponse: 'x'.repeat(5000) }

describe('retention by age', () => {
  it('deletes what is older, by the time of the record and to the minute', async () => {
    await using it = await started({ maxAgeMs: DAY })
    const cut = NOW - DAY
    await it.store([cut - 2 * DAY, cut - MINUTE, cut - 1, cut, cut + 1, NOW].map((ms) => recordAt(ms)))
    it.settle()
    expect(it.times()).toEqual(['2026-03-09 12:00:00.000', '2026-03-09 12:00:00.001', '2026-03-10 12:00:00.000'])
    it.clock.now += MINUTE - 1
    expect(it.settle()).toBe(0)
    it.clock.now += 1
    it.settle()
    expect(it.times()).toEqual(['2026-03-10 12:00:00.000'])
  })

  it('does as many steps as it takes, and says once what became of them', async () => {
    await using it = await started({ maxAgeMs: DAY })
    await it.store(recordsFrom(NOW - 3 * DAY, 1000, 3000))
    await it.store(recordsFrom(NOW - MINUTE, 1, 10))
    const retention = it.newRetention()
    expect(it.settle(retention)).toBeGreaterThan(1)
    expect(it.times()).toHaveLength(10)
    expect(it.notes).toEqual([
      {
        level: 'info',
        message: 'old records deleted',
        rows: 3000,
        up_to: '2026-03-07 12:49:59.000',
        tables_dropped: 0,
      },
    ])
    // Nothing more within the interval, all of it after that.
    await it.store([recordAt(NOW - 2 * DAY, 'late')])
    it.settle(retention)
    expect(it.notes).toHaveLength(1)
    it.clock.now += 10 * MINUTE
    it.settle(retention)
    expect(it.notes[1]).toMatchObject({ rows: 1, up_to: '2026-03-08 12:00:00.000' })
    retention.report()
    expect(it.notes).toHaveLength(2)
  })

  it('stores a record again that is sent again, and deletes it again', async () => {
    await using it = await started({ maxAgeMs: DAY })
    const old = recordAt(NOW - 2 * DAY)
    const retention = it.newRetention()
    await it.store([old, recordAt(NOW)])
    it.settle(retention)
    await it.store([old])
    expect(it.times()).toHaveLength(2)
    it.settle(retention)
    expect(it.times()).toEqual(['2026-03-10 12:00:00.000'])
  })

  it('takes the newest record for the time when the clock is ahead, and has a day of patience with it', async () => {
    await using it = await started({ maxAgeMs: 2 * DAY })
    await it.store([recordAt(NOW - 9 * DAY), recordAt(NOW - DAY - 1), recordAt(NOW - DAY), recordAt(NOW)])
    it.clock.now = NOW + 4000 * DAY
    it.settle()
    expect(it.times()).toEqual(['2026-03-09 12:00:00.000', '2026-03-10 12:00:00.000'])
    await it.store([recordAt(NOW + 3000 * DAY)])
    it.settle()
    expect(it.times()).toHaveLength(1)
  })

  it('takes the newest record of all tables for the time', async () => {
    await using it = await started({ maxAgeMs: DAY }, { table_sharding: true })
    for (let days = 4; days >= 0; days--) await it.store([recordAt(NOW - days * DAY)])
    it.clock.now = NOW + 4000 * DAY
    it.settle()
    expect(it.file.tables()).toEqual(['tyk_analytics_20260310'])
  })

  it('keeps records without a time when there are no others', async () => {
    await using it = await started({ maxAgeMs: 36_500 * DAY })
    await it.store([recordAt(Date.parse('0001-01-01T00:00:00Z'))])
    it.settle()
    expect(it.times()).toHaveLength(1)
  })

  it('drops the table of a day when the whole day is old enough, and leaves the one it is still in', async () => {
    await using it = await started({ maxAgeMs: 2 * DAY }, { table_sharding: true })
    for (let days = 5; days >= 0; days--) await it.store(recordsFrom(NOW - days * DAY, 1000, 600))
    it.settle()
    expect(it.file.tables()).toEqual(['20260308', '20260309', '20260310'].map((day) => `tyk_analytics_${day}`))
    expect(it.times('tyk_analytics_20260308')).toHaveLength(600)
    expect(it.notes).toMatchObject([{ rows: 1800, tables_dropped: 3, up_to: '2026-03-07 12:09:59.000' }])
  })

  it('tends the tables of both forms when table_sharding was changed', async () => {
    await using it = await started({ maxAgeMs: DAY })
    await it.store([recordAt(NOW - 5 * DAY), recordAt(NOW)])
    const other = sqlSink.create(
      optionsOf(sqlSink.options, { type: 'sqlite', connection_string: it.file.path, table_sharding: true }),
      sinkDeps(),
    )
    await other.write([recordAt(NOW - 5 * DAY), recordAt(NOW - 4 * DAY)], never)
    await other.close()
    it.settle()
    expect(it.file.tables()).toEqual(['tyk_analytics'])
    expect(it.times()).toEqual(['2026-03-10 12:00:00.000'])
  })

  it('makes the table of a dropped day anew for a record that comes late', async () => {
    await using it = await started({ maxAgeMs: DAY }, { table_sharding: true })
    await it.store([recordAt(NOW - 5 * DAY), recordAt(NOW)])
    it.settle()
    expect(it.file.tables()).toEqual(['tyk_analytics_20260310'])
    const late = recordAt(NOW - 5 * DAY, 'late')
    // Another pump has dropped it: this one finds out, and goes on with the next attempt.
    await expect(it.sink.write([late], never)).rejects.toThrow(/no such table/)
    await it.store([late])
    expect(it.file.tables()).toEqual(['tyk_analytics_20260305', 'tyk_analytics_20260310'])
  })
})

describe('retention by size', () => {
  it('deletes the oldest until the file and its log are below the limit, and the file shrinks', async () => {
    const maxBytes = 24 * MIB
    await using it = await started({ maxBytes })
    await it.store(recordsFrom(NOW - DAY, 1000, 6000, large))
    expect(statSync(it.file.path).size).toBeGreaterThan(maxBytes)
    it.settle()
    it.file.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    const left = it.times()
    const size = statSync(it.file.path).size
    expect(size).toBeLessThan(maxBytes - 4 * MIB)
    expect(size).toBeGreaterThan(maxBytes / 4)
    // The newest ones, without a gap.
    expect(left.length).toBeGreaterThan(1000)
    expect(left.at(-1)).toBe('2026-03-09 13:39:59.000')
    expect(Date.parse(`${left.at(-1)}Z`) - Date.parse(`${left[0]}Z`)).toBe((left.length - 1) * 1000)
    expect(it.file.check()).toEqual(['ok'])
    expect(it.settle()).toBe(0)
  })

  it('empties the table of the oldest day first', async () => {
    await using it = await started({ maxBytes: 32 * MIB }, { table_sharding: true })
    for (let days = 3; days >= 0; days--) await it.store(recordsFrom(NOW - days * DAY, 1000, 1500, large))
    it.settle()
    const tables = it.file.tables()
    expect(tables.length).toBeLessThan(4)
    expect(tables).toContain('tyk_analytics_20260310')
    expect(it.times('tyk_analytics_20260310')).toHaveLength(1500)
  })

  it('takes the table of all days in its turn when there are tables of single days too', async () => {
    await using it = await started({ maxBytes: 32 * MIB }, { table_sharding: true })
    await it.store(recordsFrom(NOW - 9 * DAY, 1000, 50))
    await it.store(recordsFrom(NOW, 1, 5000, large))
    const options = optionsOf(sqlSink.options, { type: 'sqlite', connection_string: it.file.path })
    const unsharded = sqlSink.create(options, sinkDeps())
    await unsharded.write(recordsFrom(NOW - 5 * DAY, 1000, 200, large), never)
    await unsharded.close()
    it.settle()
    expect(it.file.tables()).toEqual(['tyk_analytics', 'tyk_analytics_20260310'])
    expect(it.times()).toEqual([])
  })

  it('keeps the newest records however small the limit, and says so', async () => {
    await using it = await started({ maxBytes: 13 * MIB })
    await it.store(recordsFrom(NOW - DAY, 1000, 1100, large))
    it.settle()
    expect(it.times()).toHaveLength(1000)
    expect(it.times()[0]).toBe('2026-03-09 12:01:40.000')
    expect(it.notes).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message: 'max_size_bytes cannot be kept: what is left are the newest records and what this pump did not write',
      }),
    )
  })

  it('keeps as many when they lie in the tables of several days', async () => {
    await using it = await started({ maxBytes: 13 * MIB }, { table_sharding: true })
    for (let days = 3; days >= 0; days--) await it.store(recordsFrom(NOW - days * DAY, 1000, 350, large))
    it.settle()
    const kept = it.file.tables().map((table) => [table, it.times(table).length])
    expect(kept).toEqual([
      ['tyk_analytics_20260308', 300],
      ['tyk_analytics_20260309', 350],
      ['tyk_analytics_20260310', 350],
    ])
  })

  it('uses the pages again in a file that was made without auto_vacuum, and tells the cure', async () => {
    await using it = await started({ maxBytes: 24 * MIB })
    await it.sink.check(never)
    await it.sink.close()
    it.file.exec('PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM; PRAGMA journal_mode = WAL')
    await it.store(recordsFrom(NOW - DAY, 1000, 6000, large))
    const retention = it.newRetention()
    it.settle(retention)
    it.file.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    const size = statSync(it.file.path).size
    expect(size).toBeGreaterThan(24 * MIB)
    await it.store(recordsFrom(NOW, 1000, 500, large))
    it.settle(retention)
    it.file.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    expect(statSync(it.file.path).size).toBe(size)
    const told = it.notes.filter(({ message }) => message.includes('keeps its size'))
    expect(told).toHaveLength(1)

    await it.sink.close()
    it.file.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM')
    expect(it.file.query('PRAGMA auto_vacuum')).toEqual([{ auto_vacuum: 2 }])
  })
})

describe('rows of other programs', () => {
  const foreign = (count: number, timestamp: string) =>
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
     INSERT INTO tyk_analytics (method, timestamp) SELECT 'PUT', ${timestamp} FROM n`

  it('stay, whatever their age, and do not hide the ones between them', async () => {
    await using it = await started({ maxAgeMs: DAY })
    await it.store([recordAt(NOW - 9 * DAY), recordAt(NOW - 2 * DAY), recordAt(NOW)])
    it.file.exec(foreign(500, `'2026-03-05 00:00:00.000'`))
    it.file.exec(foreign(10, 'NULL'))
    const retention = it.newRetention()
    it.settle(retention)
    expect(it.file.query('SELECT count(*) AS n, count(record_id) AS ours FROM tyk_analytics')).toEqual([
      { n: 511, ours: 1 },
    ])
    // A record that comes late, before rows that were looked at: within the hour.
    await it.store([recordAt(NOW - 9 * DAY, 'late')])
    it.clock.now += 60 * MINUTE
    it.settle(retention)
    expect(it.file.query('SELECT count(record_id) AS ours FROM tyk_analytics')).toEqual([{ ours: 1 }])
  })

  it('do not hide a record that comes late into their table, behind them', async () => {
    await using it = await started({ maxAgeMs: DAY }, { table_sharding: true })
    await it.store([recordAt(NOW - 5 * DAY), recordAt(NOW)])
    it.file.exec("INSERT INTO tyk_analytics_20260305 (method, timestamp) VALUES ('PUT', '2026-03-05 13:00:00.000')")
    const retention = it.newRetention()
    it.settle(retention)
    await it.store([recordAt(NOW - 5 * DAY + 2 * 60 * MINUTE, 'late')])
    it.settle(retention)
    expect(it.file.query('SELECT method FROM tyk_analytics_20260305')).toEqual([{ method: 'PUT' }])
  })

  it('keep the table of their day', async () => {
    await using it = await started({ maxAgeMs: DAY }, { table_sharding: true })
    await it.store([recordAt(NOW - 5 * DAY), recordAt(NOW - 4 * DAY), recordAt(NOW)])
    it.file.exec("INSERT INTO tyk_analytics_20260305 (method, timestamp) VALUES ('PUT', '2026-03-05 01:00:00')")
    it.file.exec('CREATE TABLE tyk_analytics_20260101 (method TEXT)')
    it.settle()
    expect(it.file.tables()).toEqual(['20260101', '20260305', '20260310'].map((day) => `tyk_analytics_${day}`))
    expect(it.file.query('SELECT method FROM tyk_analytics_20260305')).toEqual([{ method: 'PUT' }])
  })

  it('stay when the file is too large because of them', async () => {
    await using it = await started({ maxBytes: 13 * MIB })
    await it.store(recordsFrom(NOW - DAY, 1000, 5))
    it.file.exec(
      `${foreign(2000, `'2026-03-05 00:00:00.000'`)}; UPDATE tyk_analytics SET rawrequest = hex(zeroblob(5000))`,
    )
    it.settle()
    expect(it.file.query('SELECT count(*) AS n, count(record_id) AS ours FROM tyk_analytics')).toEqual([
      { n: 2005, ours: 5 },
    ])
  })
})

describe('readers', () => {
  it('keep what they see while it is deleted', async () => {
    await using it = await started({ maxAgeMs: DAY })
    await it.store([...recordsFrom(NOW - 2 * DAY, 1000, 1000), recordAt(NOW)])
    const reader = new DatabaseSync(it.file.path, { readOnly: true })
    const count = () => reader.prepare('SELECT count(*) AS n, sum(length(path)) AS l FROM tyk_analytics').get()
    reader.exec('BEGIN')
    expect(count()).toEqual({ n: 1001, l: 4004 })
    it.settle()
    expect(count()).toEqual({ n: 1001, l: 4004 })
    reader.exec('COMMIT')
    expect(count()).toEqual({ n: 1, l: 4 })
    reader.close()
  })

  it('that read for very long stop the deleting, not the writing', async () => {
    await using it = await started({ maxAgeMs: DAY })
    await it.store([...recordsFrom(NOW - 2 * DAY, 1000, 10), recordAt(NOW)])
    const reader = new DatabaseSync(it.file.path, { readOnly: true })
    reader.exec('BEGIN; SELECT count(*) FROM tyk_analytics')
    await it.store(recordsFrom(NOW - 2 * DAY + 1, 1000, 1000, { rawResponse: 'x'.repeat(70_000) }))
    expect(it.settle()).toBe(0)
    expect(it.times()).toHaveLength(1011)
    expect(it.notes).toMatchObject([
      { level: 'warn', message: 'old records are not deleted while another program reads for so long' },
    ])
    reader.exec('COMMIT')
    reader.close()
    it.settle()
    expect(it.times()).toEqual(['2026-03-10 12:00:00.000'])
  })
})
