import type { RequestDetail, RequestRow } from '../../api/schema.ts'
import { type Field, FIELDS, findField } from '../../fields.ts'
import { rawMessage, rawText } from '../raw-message.ts'
import type { Database } from './database.ts'
import { keywordOf, listOf, textOf } from './decode.ts'
import { statements } from './sql.ts'
import type { LoadedTable } from './table.ts'
import { createTimeReader } from './time-text.ts'

type Value = RequestRow['fields'][string]

const RECORD_ID = 'record_id'
/** Of a raw message as a column of a page; an export has it whole. */
const MAX_RAW_CHARACTERS = 2000

const readTime = createTimeReader()

type Source = Pick<LoadedTable, 'name' | 'fields'>

/**
 * Reads rows of one table with the fields that are asked for and that it has; null for a row that is gone.
 *
 * @param wholeRaw - Raw messages as they are, not their beginning.
 */
export function rowReader(
  db: Database,
  table: Source,
  columns: readonly string[],
  wholeRaw: boolean,
): (row: number) => RequestRow | null {
  const fields = [...new Set([RECORD_ID, ...columns])].flatMap((name) => {
    const field = table.fields.has(name) ? findField(name) : undefined
    return field ?? []
  })
  const sql = statements.row(
    table.name,
    fields.map(({ name }) => name),
  )
  const places = columns.map((name) => ({ name, at: fields.findIndex((field) => field.name === name) }))
  const idAt = fields.findIndex(({ name }) => name === RECORD_ID)
  return (row) => {
    const [found] = db.all(sql, row)
    if (found === undefined) return null
    const values = fields.map((field, at) => valueOf(field, found[at + 1], wholeRaw))
    return {
      id: idOf(table.name, row, values[idAt]),
      fields: Object.fromEntries(places.map(({ name, at }) => [name, values[at] ?? null])),
    }
  }
}

/** Id of a row: the record's or, in a table without, its place. */
export function readId(db: Database, table: Source, row: number): string {
  return rowReader(db, table, [], false)(row)?.id ?? idOf(table.name, row, null)
}

export function findRow(db: Database, tables: readonly LoadedTable[], id: string) {
  for (const table of tables) {
    const row = PLACE.exec(id)?.groups
    if (row !== undefined && row['table'] === table.name) return { table, row: Number(row['row']) }
    if (!table.fields.has(RECORD_ID)) continue
    const found = db.value(statements.rowOfRecord(table.name), id)
    if (found !== undefined) return { table, row: Number(found) }
  }
  return null
}

export function readDetail(db: Database, table: LoadedTable, row: number): RequestDetail | null {
  const plain = FIELDS.filter(({ name, kind }) => kind !== 'text' && table.fields.has(name)).map(({ name }) => name)
  const shown = rowReader(db, table, plain, false)(row)
  if (shown === null) return null
  const raw = (name: string) =>
    table.fields.has(name) ? rawMessage(textOf(db.all(statements.row(table.name, [name]), row)[0]?.[1])) : null
  return { row: shown, rawRequest: raw('raw_request'), rawResponse: raw('raw_response') }
}

const PLACE = /^row:(?<table>[a-z0-9_]+):(?<row>-?\d{1,16})$/

function idOf(table: string, row: number, recordId: Value | undefined): string {
  return typeof recordId === 'string' && recordId !== '' ? recordId : `row:${table}:${row}`
}

function valueOf(field: Field, raw: unknown, wholeRaw: boolean): Value {
  if (raw === null || raw === undefined) return null
  switch (field.kind) {
    case 'keyword':
      return keywordOf(field, raw)
    case 'text':
      return wholeRaw ? rawText(textOf(raw)) : rawText(textOf(raw)).slice(0, MAX_RAW_CHARACTERS)
    case 'number':
      return Number(raw)
    case 'boolean':
      return Number(raw) !== 0
    case 'list':
      return listOf(textOf(raw))
    case 'date': {
      const ms = readTime(textOf(raw))
      return Number.isNaN(ms) ? null : new Date(ms).toISOString()
    }
  }
}
