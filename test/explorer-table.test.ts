/** The explorer reads what the pump writes, and its tests make such files themselves: both must mean the same table. */
import { describe, expect, it } from 'vitest'
import { FIELDS } from '../packages/explorer/src/fields.ts'
import { traffic } from '../packages/explorer/test/support/records.ts'
import { rowOf } from '../packages/explorer/test/support/sqlite-file.ts'
import { COLUMNS } from '../packages/pump/src/sinks/sql/encode.ts'

describe('the table of the SQL sink', () => {
  it('is the one that the tests of the explorer write', () => {
    const FROM = Date.parse('2026-03-04T00:00:00Z')
    for (const stored of traffic({ count: 200, fromMs: FROM, toMs: FROM + 86_400_000, detailed: true })) {
      const written = Object.fromEntries(COLUMNS.map(({ name, value }) => [name, value(stored.record, stored.id)]))
      expect(rowOf(stored)).toEqual(written)
    }
  })

  it('has the column of every field of the explorer', () => {
    const columns = new Set(COLUMNS.map(({ name }) => name))
    expect(FIELDS.map(({ column }) => column).filter((column) => !columns.has(column))).toEqual([])
  })
})
