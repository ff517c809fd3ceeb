import { type Field, findField } from '../../fields.ts'
import type { CheckCancelled } from './cancel.ts'
import { type Column, type Dictionaries, growColumn, grown } from './columns.ts'
import type { Database, Row } from './database.ts'
import { keywordOf, textOf } from './decode.ts'
import { CORE_FIELDS, statements } from './sql.ts'
import { AFTER_ALL_TIMES, createTimeReader, secondOf, secondText } from './time-text.ts'

/** A row with a path of 1 MB is not alone: the memory is looked at more often than once per statement. */
const ROWS_PER_LOOK = 128

export const RAW_NONE = 1

/** What all tables share. */
export interface Memory {
  /** Rows per statement. */
  readonly pieceRows: number
  readonly dictionaries: Dictionaries
  /** Whether there is no room for more; `slack` 1.25: not even for a quarter more than there should be. */
  isFull(slack?: number): boolean
}

/** So much more than there is room for may be written until it is looked at what is needed. */
export const SLACK = 1.25

/**
 * The rows of one table from some time on, as columns in memory: times, row numbers, and one array for each field that
 * was needed. They are in no order. `sync` follows the file: rows are added and deleted there, never changed. An array only
 * ever gets new values behind those it has, or another takes its place: who holds one may go on reading it.
 */
export class LoadedTable {
  readonly name: string
  readonly fields: ReadonlySet<string>
  length = 0
  /** Rows that went since the dictionaries were made: their texts may be of no use. */
  dropped = 0
  times = new Float64Array(0)
  rows = new Float64Array(0)
  /** `RAW_NONE` where a row was found to have no raw messages; they are not in memory, and reading a row costs. */
  raw = new Uint8Array(0)
  readonly #db: Database
  readonly #memory: Memory
  readonly #columns = new Map<string, Column>()
  /** All rows from this time on are loaded, up to row `#lastRow`. */
  #from = AFTER_ALL_TIMES
  #lastRow = 0
  /** Time of that row: another one shows that row numbers were given anew, after all rows had been deleted. */
  #lastTime = ''
  /** Rows that the table had when it was looked at last. */
  #total = 0
  readonly #readTime = createTimeReader()

  constructor(db: Database, name: string, memory: Memory) {
    this.#db = db
    this.name = name
    this.#memory = memory
    this.fields = db.fieldsOf(name)
    this.#begin()
    for (const field of CORE_FIELDS) if (this.fields.has(field)) this.#columns.set(field, this.#emptyColumn(field))
  }

  /** Memory of the columns, without their texts. */
  get bytes(): number {
    let perRow = this.times.BYTES_PER_ELEMENT + this.rows.BYTES_PER_ELEMENT + this.raw.BYTES_PER_ELEMENT
    for (const { values } of this.#columns.values()) perRow += values.BYTES_PER_ELEMENT
    return this.length * perRow
  }

  /** Null where the table has no such column. Loads it when it is asked for first. */
  column(field: string, check: CheckCancelled): Column | null {
    const known = this.#columns.get(field)
    if (known) return known
    if (!this.fields.has(field) || field === '@timestamp') return null
    const column = this.#loadColumn(field, check)
    this.#columns.set(field, column)
    return column
  }

  /** Takes over what other processes wrote and deleted. False when the rows have got new numbers. */
  sync(check: CheckCancelled): boolean {
    const lastTime = this.#db.value(statements.timeOfRow(this.name), this.#lastRow)
    if (textOf(lastTime) !== this.#lastTime) {
      this.forgetAll()
      this.#begin()
      return false
    }
    const { sql, cells } = this.#cells((fields) => statements.added(this.name, fields))
    const { pieceRows } = this.#memory
    let added: number
    do {
      check()
      added = 0
      for (const row of this.#db.rows(sql, this.#lastRow, pieceRows)) {
        added++
        this.#lastRow = Number(row[0])
        this.#lastTime = textOf(row[1])
        this.#total++
        if (this.#lastTime < this.#from) continue
        this.#append(row, cells)
        if (this.length % ROWS_PER_LOOK === 0 && this.#memory.isFull(SLACK)) this.forgetAll()
      }
    } while (added === pieceRows)
    const total = Number(this.#db.value(statements.count(this.name)))
    if (total !== this.#total) this.#dropDeleted(check)
    this.#total = total
    return true
  }

  /** Whether all rows from a time on are in memory. */
  isLoaded(fromMs: number): boolean {
    return this.#from <= secondText(fromMs)
  }

  /** Rows in the file from a time on, not counted further than asked. */
  countSince(fromMs: number, most: number): number {
    return Number(this.#db.value(statements.countUpTo(this.name), secondText(fromMs), most))
  }

  /**
   * Loads all rows from a time on, in pieces from the newest, so that what was loaded stays of use when it is cut off.
   *
   * @param makeRoom - Called before each piece, with true when there was no room for it. Must throw then in the end.
   */
  load(fromMs: number, makeRoom: (isTooLittle: boolean) => void): void {
    const from = secondText(fromMs)
    let isTooLittle = false
    while (this.#from > from) {
      makeRoom(isTooLittle)
      isTooLittle = !this.#loadPiece(from)
    }
  }

  /** Loads one more piece. False when everything is loaded, or as much as there is room for. */
  loadMore(): boolean {
    return this.#from !== '' && this.#loadPiece('') && this.#from !== ''
  }

  /** Forgets the rows before a time, to make room. */
  forgetBefore(ms: number): void {
    const from = secondText(ms)
    if (from <= this.#from) return
    const fromMs = secondOf(ms)
    this.#keep((position) => (this.times[position] ?? NaN) >= fromMs)
    this.#from = from
  }

  /** Forgets everything but keeps following. */
  forgetAll(): void {
    this.#keep(() => false)
    this.#from = AFTER_ALL_TIMES
  }

  /** Forgets the columns that are not there from the start: they are loaded again when they are needed. */
  forgetExtraColumns(): void {
    for (const field of this.#columns.keys()) if (!CORE_FIELDS.includes(field)) this.#columns.delete(field)
  }

  /** Moves to new dictionaries of the same fields, which get the texts that rows have and no others. */
  recode(dictionaries: Dictionaries): void {
    for (const [field, column] of this.#columns) {
      if (column.kind !== 'codes') continue
      const dictionary = dictionaries.of(field)
      const codes = new Int32Array(column.dictionary.texts.length).fill(-1)
      const values = new Uint32Array(column.values.length)
      for (let position = 0; position < this.length; position++) {
        const old = column.values[position] as number
        if ((codes[old] as number) < 0) codes[old] = dictionary.codeOf(column.dictionary.textOf(old))
        values[position] = codes[old] as number
      }
      this.#columns.set(field, { kind: 'codes', dictionary, values })
    }
    this.dropped = 0
  }

  #begin(): void {
    this.#lastRow = Number(this.#db.value(statements.lastRow(this.name)) ?? 0)
    this.#lastTime = textOf(this.#db.value(statements.timeOfRow(this.name), this.#lastRow))
    this.#total = Number(this.#db.value(statements.count(this.name)))
  }

  /** False when there is no room for it, and nothing was loaded. */
  #loadPiece(from: string): boolean {
    const { pieceRows } = this.#memory
    const start = this.#db.value(statements.pieceStart(this.name), this.#from, from, pieceRows)
    const begin = start === undefined ? from : textOf(start)
    const { sql, cells } = this.#cells((fields) => statements.piece(this.name, fields))
    const before = this.length
    let isWhole = false
    try {
      for (const row of this.#db.rows(sql, begin, this.#from, this.#lastRow)) {
        this.#append(row, cells)
        if (this.length % ROWS_PER_LOOK === 0 && this.#memory.isFull()) return false
      }
      isWhole = true
    } finally {
      if (!isWhole) this.length = before
    }
    this.#from = begin
    return true
  }

  /** A statement with all columns, and these in the order of its values. */
  #cells(statement: (fields: readonly string[]) => string): { sql: string; cells: readonly Cell[] } {
    const cells = [...this.#columns].map(([name, column]): Cell => ({ field: findField(name) as Field, column }))
    return { sql: statement(cells.map(({ field }) => field.name)), cells }
  }

  #append(row: Row, cells: readonly Cell[]): void {
    const position = this.length
    if (position >= this.times.length) this.#grow()
    this.rows[position] = Number(row[0])
    this.raw[position] = 0
    this.times[position] = this.#readTime(textOf(row[1]))
    for (let index = 0; index < cells.length; index++) {
      const { column, field } = cells[index] as Cell
      setValue(column, position, field, row[index + 2])
    }
    this.length = position + 1
  }

  #grow(): void {
    const capacity = Math.max(1024, this.times.length * 2)
    this.times = grown(this.times, new Float64Array(capacity))
    this.rows = grown(this.rows, new Float64Array(capacity))
    this.raw = grown(this.raw, new Uint8Array(capacity))
    for (const column of this.#columns.values()) growColumn(column, capacity)
  }

  #emptyColumn(name: string): Column {
    const { kind } = findField(name) as Field
    const capacity = this.times.length
    if (kind === 'number' || kind === 'boolean')
      return { kind: 'numbers', values: new Float64Array(capacity).fill(NaN) }
    return { kind: 'codes', dictionary: this.#memory.dictionaries.of(name), values: new Uint32Array(capacity) }
  }

  #loadColumn(name: string, check: CheckCancelled): Column {
    const column = this.#emptyColumn(name)
    if (this.length === 0) return column
    const field = findField(name) as Field
    const positions = this.#positionsByRow()
    let count = 0
    for (const [row, raw] of this.#db.rows(statements.column(this.name, name), this.#from, this.#lastRow)) {
      if (++count % ROWS_PER_LOOK === 0) check()
      const position = positions.get(Number(row))
      if (position !== undefined) setValue(column, position, field, raw)
    }
    return column
  }

  #positionsByRow(): Map<number, number> {
    const positions = new Map<number, number>()
    for (let position = 0; position < this.length; position++) positions.set(this.rows[position] as number, position)
    return positions
  }

  /** Retention deletes the oldest rows: then their time tells. Whatever else was deleted is found by the row numbers. */
  #dropDeleted(check: CheckCancelled): void {
    const oldest = this.#db.value(statements.oldest(this.name))
    const oldestMs = oldest === null ? Infinity : secondOf(this.#readTime(textOf(oldest)))
    this.#keep((position) => !((this.times[position] as number) < oldestMs))
    check()
    if (Number(this.#db.value(statements.countSince(this.name), this.#from)) === this.length) return
    const present = new Set<number>()
    for (const [row] of this.#db.rows(statements.rowsSince(this.name), this.#from)) present.add(Number(row))
    check()
    this.#keep((position) => present.has(this.rows[position] as number))
  }

  /** Copies what stays, into arrays of its size. */
  #keep(isKept: (position: number) => boolean): void {
    const kept = new Uint32Array(this.length)
    let count = 0
    for (let position = 0; position < this.length; position++) if (isKept(position)) kept[count++] = position
    if (count === this.length) return
    const positions = kept.subarray(0, count)
    this.times = picked(this.times, positions, new Float64Array(count))
    this.rows = picked(this.rows, positions, new Float64Array(count))
    this.raw = picked(this.raw, positions, new Uint8Array(count))
    for (const column of this.#columns.values()) {
      if (column.kind === 'numbers') column.values = picked(column.values, positions, new Float64Array(count))
      else column.values = picked(column.values, positions, new Uint32Array(count))
    }
    this.dropped += this.length - count
    this.length = count
  }
}

/** The values at some positions, in another array. */
function picked<T extends Uint8Array | Uint32Array | Float64Array>(from: T, positions: Uint32Array, into: T): T {
  for (let at = 0; at < positions.length; at++) into[at] = from[positions[at] as number] as number
  return into
}

interface Cell {
  readonly field: Field
  readonly column: Column
}

function setValue(column: Column, position: number, field: Field, raw: unknown): void {
  if (column.kind === 'numbers') column.values[position] = raw === null ? NaN : Number(raw)
  else column.values[position] = column.dictionary.codeOf(keywordOf(field, raw))
}
