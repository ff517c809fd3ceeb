import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { FIELDS, findField } from '../../fields.ts'
import type { Query } from '../../query/ast.ts'
import { compareTexts } from '../compare-texts.ts'
import { MOST_COUNTRIES, toCountries } from '../countries.ts'
import { type PageQuestion, type Question, TooWideError, type TopQuestion } from '../types.ts'
import { Buckets, trafficOf } from './buckets.ts'
import type { CheckCancelled } from './cancel.ts'
import { Dictionaries } from './columns.ts'
import { Database } from './database.ts'
import { textOf } from './decode.ts'
import { errorsOf } from './error-groups.ts'
import { Export, type ExportPage, type PageLimits } from './export.ts'
import { Matches } from './matches.ts'
import type { Ask, ExportQuestion } from './messages.ts'
import { overviewOf } from './overview.ts'
import { decodeCursor, pageOf } from './page.ts'
import { findRow, readDetail, readId, rowReader } from './rows.ts'
import { candidatesOf, decide, type Range } from './select.ts'
import { statements, TABLE } from './sql.ts'
import { LoadedTable, SLACK } from './table.ts'
import { createTimeReader } from './time-text.ts'
import { categoriesOf, countCategories, topOf } from './top.ts'

export interface Limits {
  /** A question over more is refused; what lies further back than the last one is forgotten. */
  readonly loadedRows: number
  /** Of the columns in memory, about 100 per row, and of the different texts in them. */
  readonly loadedBytes: number
  /** Loaded before anybody asks, as long as it takes no more than half of the bytes. */
  readonly warmRows: number
  /** Rows per statement: about 70 ms, so that a question that is given up ends soon. */
  readonly pieceRows: number
  /** How long a question may read raw messages, the newest first, before its answer is partial. */
  readonly rawMs: number
  readonly exportPage: PageLimits
}

const LIMITS: Limits = {
  loadedRows: 4_000_000,
  // Texts lie on the heap of the thread, and take twice as much when they are not Latin.
  loadedBytes: Math.min(2 ** 30, getHeapStatistics().heap_size_limit / 2),
  warmRows: 1_000_000,
  pieceRows: 20_000,
  rawMs: 3000,
  exportPage: { rows: 5000, characters: 4_000_000, ms: 500 },
}
const MAX_VALUES = 20

const RANGE = 'the range (and the one before it, which the overview compares)'

/** The rows and texts that are needed do not fit beside what is in memory. */
class NoRoomError extends TooWideError {}

/** What a question found; `partial` says why it may be too little. */
interface Found {
  readonly matches: Matches
  readonly partial: string | null
}

/**
 * Answers questions from one file. It holds the columns that questions are about in memory, because SQL alone takes
 * more than a second for each grouping of a million rows: here all of them together take some tenths. Everything runs on
 * one thread to its end, and asks between two pieces of work whether anybody still waits.
 */
export class Engine {
  readonly #path: string
  readonly #limits: Limits
  #db: Database | null = null
  #tables: LoadedTable[] = []
  readonly #memory: { dictionaries: Dictionaries; readonly pieceRows: number; isFull(slack?: number): boolean }
  /** What the question that is being answered cannot do without. */
  #needed: { readonly tables: readonly LoadedTable[]; readonly fromMs: number } = { tables: [], fromMs: Infinity }
  /** There is no room for more than was loaded ahead. */
  #isWarm = false
  readonly #exports = new Map<number, Export>()
  #dataVersion = NaN
  #schemaVersion = NaN
  readonly #readTime = createTimeReader()

  constructor(path: string, limits: Partial<Limits> = {}) {
    this.#path = path
    this.#limits = { ...LIMITS, ...limits }
    const { pieceRows, loadedRows, loadedBytes } = this.#limits
    this.#memory = {
      dictionaries: new Dictionaries(),
      pieceRows,
      isFull: (slack = 1) => this.loadedRows > loadedRows * slack || this.loadedBytes > loadedBytes * slack,
    }
  }

  /** @throws TooWideError, whatever `check` throws, and errors of the database. */
  answer(ask: Ask, check: CheckCancelled): unknown {
    try {
      return this.#answer(ask, check)
    } catch (error) {
      if (!(error instanceof NoRoomError)) throw error
      const before = this.loadedRows
      this.#forgetOthers()
      if (this.loadedRows === before) throw error
      // What others had asked for took the room.
      return this.#answer(ask, check)
    } finally {
      // A column that did not fit has left its texts behind.
      if (this.#memory.isFull(SLACK)) this.#forgetTexts()
    }
  }

  #answer(ask: Ask, check: CheckCancelled): unknown {
    switch (ask.kind) {
      case 'fields':
        return this.#fields(check)
      case 'extent':
        return this.#extent(check)
      case 'overview':
        return this.#overview(ask.question, check)
      case 'requests':
        return this.#requests(ask.question, check)
      case 'export':
        return this.#exportPage(ask, check)
      case 'end-export':
        return this.#exports.delete(ask.number)
      case 'errors':
        return this.#errors(ask.question, check)
      case 'countries':
        return this.#countries(ask.question, check)
      case 'values':
        return this.#values(ask.question, ask.field, ask.prefix, check)
      case 'request':
        return this.#request(ask.id, check)
    }
  }

  get loadedRows(): number {
    return this.#tables.reduce((sum, { length }) => sum + length, 0)
  }

  /** Of the rows that are loaded, and of their texts. */
  get loadedBytes(): number {
    return this.#tables.reduce((sum, { bytes }) => sum + bytes, this.#memory.dictionaries.bytes)
  }

  /** One piece of loading ahead. False when there is nothing to do. */
  warm(): boolean {
    const db = this.#open(() => undefined)
    const { warmRows, loadedBytes } = this.#limits
    if (db === null || this.#isWarm || this.loadedRows >= warmRows) return false
    if (this.loadedBytes < loadedBytes / 2 && this.#tables.some((table) => table.loadMore())) return true
    this.#isWarm = this.loadedBytes >= loadedBytes / 2
    if (this.#memory.isFull()) this.#forgetTexts()
    return false
  }

  close(): void {
    this.#db?.close()
    this.#db = null
    this.#tables = []
    this.#memory.dictionaries = new Dictionaries()
    this.#exports.clear()
    this.#isWarm = false
    this.#dataVersion = NaN
  }

  #fields(check: CheckCancelled): string[] {
    this.#open(check)
    // An empty store will have all of them: the pump's table has.
    if (this.#tables.length === 0) return FIELDS.map(({ name }) => name)
    return FIELDS.map(({ name }) => name).filter((name) => this.#tables.some(({ fields }) => fields.has(name)))
  }

  #extent(check: CheckCancelled): { records: number; oldestMs: number | null; newestMs: number | null } {
    const db = this.#open(check)
    if (db === null) return { records: 0, oldestMs: null, newestMs: null }
    const each = (sql: (table: string) => string): unknown[] => this.#tables.map(({ name }) => db.value(sql(name)))
    const times = [...each(statements.oldest), ...each(statements.newest)].map((raw) => this.#readTime(textOf(raw)))
    const known = times.filter((ms) => !Number.isNaN(ms))
    return {
      records: each(statements.count).reduce((sum: number, count) => sum + Number(count), 0),
      oldestMs: known.length === 0 ? null : Math.min(...known),
      newestMs: known.length === 0 ? null : Math.max(...known),
    }
  }

  #overview(question: TopQuestion, check: CheckCancelled) {
    const { fromMs, toMs, query } = question
    const rangeBefore = { fromMs: fromMs - (toMs - fromMs), toMs: fromMs }
    const find = this.#load({ fromMs: rangeBefore.fromMs, toMs }, check)
    const { matches, partial } = find(query, question)
    const before = find(query, rangeBefore)
    return { ...overviewOf(matches, before.matches, question, check), partial: partial ?? before.partial }
  }

  #requests(question: PageQuestion, check: CheckCancelled) {
    const { matches, partial } = this.#load(question, check)(question.query)
    return {
      total: { value: matches.count, exact: partial === null },
      traffic: trafficOf(matches, new Buckets(question)),
      ...this.#rowsOf(matches, question),
      partial,
    }
  }

  #exportPage({ number, page, question }: Extract<Ask, { kind: 'export' }>, check: CheckCancelled): ExportPage {
    if (this.#open(check) === null && page === 0) return { rows: [], isLast: true }
    const current = page === 0 ? this.#beginExport(question, check) : this.#exports.get(number)
    if (current === undefined) throw new Error('the export cannot go on: the rows of the file may have got new numbers')
    this.#exports.set(number, current)
    return current.page(this.#opened(), this.#limits.exportPage, check)
  }

  #beginExport(question: ExportQuestion, check: CheckCancelled): Export {
    const others = [...this.#exports.values()].reduce((sum, { length }) => sum + length, 0)
    if (others > this.#limits.loadedRows) throw new TooWideError('other large exports are under way')
    this.#prepare(question, check)
    const guarded = this.#guarded(check)
    return new Export(
      this.#tablesOf(question).map((table) => candidatesOf(table, question.query, question, guarded)),
      question,
      guarded,
    )
  }

  #rowsOf(matches: Matches, question: PageQuestion) {
    const cursor = question.after === undefined ? null : decodeCursor(question.after)
    const { indexes, next } = pageOf(matches, question, cursor)
    const readers = new Map(
      this.#tables.map((table) => [table, rowReader(this.#opened(), table, question.columns, false)]),
    )
    const rows = indexes.map((index) => {
      const { table, row } = matches.rowOf(index)
      return readers.get(table)?.(row) ?? null
    })
    return { rows: rows.filter((row) => row !== null), next }
  }

  #errors(question: Question, check: CheckCancelled) {
    const find = this.#load(question, check)
    const { matches, partial } = find(question.query)
    const all = question.query.kind === 'all' ? matches : find({ kind: 'all' }).matches
    const idOf = (index: number): string => {
      const { table, row } = matches.rowOf(index)
      return readId(this.#opened(), table, row)
    }
    return { ...errorsOf(matches, all, question, idOf), partial }
  }

  #countries(question: Question, check: CheckCancelled) {
    const { matches, partial } = this.#load(question, check)(question.query)
    const available = this.#tables.some(({ fields }) => fields.has('country'))
    const { values } = available ? topOf(matches, 'country', MOST_COUNTRIES) : { values: [] }
    return {
      available,
      countries: toCountries(values),
      partial,
    }
  }

  #values(question: Question, field: string, prefix: string, check: CheckCancelled) {
    const { matches, partial } = this.#load(question, check)(question.query)
    const kind = findField(field)?.kind
    const categories = kind === 'date' || kind === 'text' ? null : categoriesOf(matches, field)
    if (categories === null) return { values: [], partial }
    const wanted = prefix.toLowerCase()
    const values = [...countCategories(categories).entries()]
      .filter(([, count]) => count > 0)
      .map(([code, count]) => ({ value: categories.dictionary.textOf(code), count }))
      .filter(({ value }) => value !== '' && value.toLowerCase().startsWith(wanted))
      .sort((a, b) => b.count - a.count || compareTexts(a.value, b.value))
    return { values: values.slice(0, MAX_VALUES), partial }
  }

  #request(id: string, check: CheckCancelled) {
    const db = this.#open(check)
    const found = db === null ? null : findRow(db, this.#tables, id)
    return found === null ? null : readDetail(this.#opened(), found.table, found.row)
  }

  /** Makes sure that all rows of a range are in memory, and gives what finds some of them. */
  #load(range: Range, check: CheckCancelled): (query: Query, within?: Range) => Found {
    this.#open(check)
    this.#prepare(range, check)
    // One question has the time once, however many tables and ranges it is about. Loading does not count.
    const isTimeUp = timer(this.#limits.rawMs)
    const guarded = this.#guarded(check)
    return (query, within = range) => {
      const all = this.#tablesOf(within).map((table) => candidatesOf(table, query, within, guarded))
      const isDecided = all.every(({ undecided }) => undecided.length === 0)
      const { selections, unread } = isDecided
        ? { selections: all, unread: 0 }
        : decide(all, { db: this.#opened(), isTimeUp, check })
      const partial =
        unread === 0 ? null : `the raw messages of ${unread} older requests were not searched: narrow the time range`
      return { matches: new Matches(selections, guarded), partial }
    }
  }

  /** @throws TooWideError, before anything is loaded if there are too many rows. */
  #prepare(range: Range, check: CheckCancelled): void {
    const tables = this.#tablesOf(range)
    this.#needed = { tables, fromMs: range.fromMs }
    if (!tables.every((table) => table.isLoaded(range.fromMs))) this.#count(tables, range)
    let hasMadeRoom = false
    const makeRoom = (isTooLittle: boolean): void => {
      check()
      if (!isTooLittle && !this.#memory.isFull()) return
      if (!hasMadeRoom) {
        this.#forgetOthers()
        hasMadeRoom = true
        if (!this.#memory.isFull()) return
      }
      this.#count(tables, range)
      throw this.#noRoom()
    }
    for (const table of tables) table.load(range.fromMs, makeRoom)
    makeRoom(false)
  }

  #count(tables: readonly LoadedTable[], { fromMs }: Range): void {
    let left = this.#limits.loadedRows
    for (const table of tables) {
      left -= table.countSince(fromMs, left + 1)
      if (left < 0)
        throw new TooWideError(`${RANGE} has more than ${this.#limits.loadedRows.toLocaleString('en')} requests`)
    }
  }

  #noRoom(): NoRoomError {
    const most = Math.round(this.#limits.loadedBytes / 1e6).toLocaleString('en')
    return new NoRoomError(`${RANGE} takes more than ${most} MB of memory`)
  }

  /** Forgets what the question does not need. */
  #forgetOthers(): void {
    const { tables, fromMs } = this.#needed
    for (const table of this.#tables) {
      table.forgetExtraColumns()
      if (tables.includes(table)) table.forgetBefore(fromMs)
      else table.forgetAll()
    }
    this.#forgetTexts()
  }

  /** Forgets the texts that no row has. */
  #forgetTexts(): void {
    const dictionaries = new Dictionaries()
    for (const table of this.#tables) table.recode(dictionaries)
    this.#memory.dictionaries = dictionaries
  }

  /** For work that may load another column. */
  #guarded(check: CheckCancelled): CheckCancelled {
    return () => {
      check()
      if (this.#memory.isFull(SLACK)) throw this.#noRoom()
    }
  }

  #tablesOf(range: Range): LoadedTable[] {
    return this.#tables.filter(({ name }) => mayHold(name, range))
  }

  #opened(): Database {
    if (this.#db === null) throw new Error('the file is not open')
    return this.#db
  }

  /** Opens the file, or follows what was written to it since. Null as long as there is none. */
  #open(check: CheckCancelled): Database | null {
    if (this.#db !== null && (!existsSync(this.#path) || !this.#db.isCurrent())) this.close()
    // The pump makes the file with its first record; a folder that is missing is a mistake in the path.
    if (!existsSync(this.#path) && existsSync(dirname(this.#path))) return null
    const db = (this.#db ??= new Database(this.#path))
    const dataVersion = db.dataVersion()
    if (dataVersion === this.#dataVersion) return db
    const schemaVersion = db.schemaVersion()
    if (schemaVersion !== this.#schemaVersion || this.#tables.length === 0) this.#readTables(db)
    else this.#sync(check)
    this.#schemaVersion = schemaVersion
    // Only now: a question that is given up on the way leaves the rest to the next one.
    this.#dataVersion = dataVersion
    return db
  }

  #readTables(db: Database): void {
    this.#memory.dictionaries = new Dictionaries()
    this.#tables = db.tables().map((name) => new LoadedTable(db, name, this.#memory))
    this.#exports.clear()
    this.#isWarm = false
  }

  #sync(check: CheckCancelled): void {
    for (const table of this.#tables) if (!table.sync(check)) this.#exports.clear()
    // Texts of the rows that went are looked for when they may be half of all.
    if (this.#tables.reduce((sum, { dropped }) => sum + dropped, 0) > this.loadedRows) this.#forgetTexts()
  }
}

/** Whether so many milliseconds have gone since it was asked first. */
function timer(ms: number): () => boolean {
  let untilMs = NaN
  return () => {
    const now = performance.now()
    if (Number.isNaN(untilMs)) untilMs = now + ms
    return now > untilMs
  }
}

/** A table of one day holds that UTC day and no other. */
function mayHold(table: string, { fromMs, toMs }: Range): boolean {
  if (table === TABLE) return true
  const day = table.slice(TABLE.length + 1)
  const startMs = Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00:00Z`)
  return startMs < toMs && startMs + 86_400_000 > fromMs
}
