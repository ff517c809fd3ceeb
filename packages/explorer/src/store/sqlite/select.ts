import { type Field, findField, FREE_TEXT_FIELDS, RAW_TEXT_FIELDS } from '../../fields.ts'
import type { Bound, Query } from '../../query/ast.ts'
import { rawText } from '../raw-message.ts'
import type { CheckCancelled } from './cancel.ts'
import { memoise } from './columns.ts'
import type { Database } from './database.ts'
import { listOf, textOf } from './decode.ts'
import { statements } from './sql.ts'
import { type LoadedTable, RAW_NONE } from './table.ts'
import { finder, matcher } from './wildcards.ts'

/** The rows of one table that a question is about, by their positions in the columns, which ascend. */
export interface Selection {
  readonly table: LoadedTable
  /** The table's row numbers as they were then. */
  readonly rows: Float64Array
  readonly positions: Uint32Array
}

/** The rows that a question is or may be about. */
export interface Candidates extends Selection {
  /** Those of them of which only the raw messages can tell. */
  readonly undecided: Uint32Array
  /** Whether one of them is asked for: its raw messages are read if it takes them to tell. */
  readonly passes: (db: Database, position: number) => boolean
}

const NO = 0
const YES = 1
/** Only the raw messages can tell, which are not in memory. */
const UNKNOWN = 2
type Verdict = typeof NO | typeof YES | typeof UNKNOWN

/** Says of a row whether it is asked for; `raw` are its raw messages once they have been read. */
type Test = (position: number, raw: RawTexts | null) => Verdict
type RawTexts = ReadonlyMap<string, string>

export interface Range {
  readonly fromMs: number
  readonly toMs: number
}

export function candidatesOf(table: LoadedTable, query: Query, range: Range, check: CheckCancelled): Candidates {
  check()
  const test = compile(query, table, check)
  const { times, rows, length } = table
  const positions = new Uint32Array(length)
  const undecided: number[] = []
  let count = 0
  for (let position = 0; position < length; position++) {
    const time = times[position] as number
    if (!(time >= range.fromMs && time < range.toMs)) continue
    const verdict = test(position, null)
    if (verdict === NO) continue
    positions[count++] = position
    if (verdict === UNKNOWN) undecided.push(position)
  }
  return {
    table,
    rows,
    positions: positions.slice(0, count),
    undecided: Uint32Array.from(undecided),
    passes: tester(table, test),
  }
}

/** How raw messages are read. */
export interface Reading {
  readonly db: Database
  /** Whether so much time has gone that the rest is left. */
  readonly isTimeUp: () => boolean
  readonly check: CheckCancelled
}

export interface Decided {
  readonly selections: readonly Selection[]
  /** Rows whose raw messages were not looked into because the time was up. */
  readonly unread: number
}

/** Reads what has to be read to tell, the newest requests first. */
export function decide(all: readonly Candidates[], { db, isTimeUp, check }: Reading): Decided {
  const newestFirst = all
    .map((candidates) => {
      const { times } = candidates.table
      const undecided = candidates.undecided.toSorted((a, b) => (times[b] as number) - (times[a] as number))
      return { candidates, undecided, newestMs: times[undecided[0] ?? -1] ?? -Infinity }
    })
    .sort((a, b) => b.newestMs - a.newestMs)
  const refusedOf = new Map<Candidates, Uint8Array>()
  let unread = 0
  for (const { candidates, undecided } of newestFirst) {
    const refused = new Uint8Array(candidates.table.length)
    for (const position of undecided) {
      check()
      if (unread > 0 || isTimeUp()) unread++
      if (unread > 0 || !candidates.passes(db, position)) refused[position] = 1
    }
    refusedOf.set(candidates, refused)
  }
  const selections = all.map((candidates): Selection => {
    const refused = refusedOf.get(candidates)
    return { ...candidates, positions: candidates.positions.filter((position) => refused?.[position] !== 1) }
  })
  return { selections, unread }
}

function tester(table: LoadedTable, test: Test): Candidates['passes'] {
  const fields = RAW_TEXT_FIELDS.filter((name) => table.fields.has(name))
  const sql = statements.row(table.name, fields)
  const { rows, raw: known } = table
  return (db, position) => {
    const verdict = test(position, null)
    if (verdict !== UNKNOWN) return verdict === YES
    const row = known[position] === RAW_NONE ? [] : db.all(sql, rows[position] as number)[0]
    if (row === undefined) return false
    const raw = new Map(fields.map((name, at) => [name, rawText(textOf(row[at + 1]))]))
    if ([...raw.values()].every((text) => text === '')) known[position] = RAW_NONE
    return test(position, raw) === YES
  }
}

function compile(query: Query, table: LoadedTable, check: CheckCancelled): Test {
  switch (query.kind) {
    case 'all':
      return () => YES
    case 'and':
      return every(query.parts.map((part) => compile(part, table, check)))
    case 'or':
      return some(query.parts.map((part) => compile(part, table, check)))
    case 'not': {
      const test = compile(query.part, table, check)
      return (position, raw) => {
        const verdict = test(position, raw)
        return verdict === UNKNOWN ? UNKNOWN : verdict === YES ? NO : YES
      }
    }
    case 'text': {
      const find = finder(query.pieces)
      const inFields = FREE_TEXT_FIELDS.map((name) => inColumn(name, find, table, check))
      return some([...inFields, ...RAW_TEXT_FIELDS.map((name) => inRaw(name, find, table))])
    }
    default:
      return compileTerm(query, findField(query.field), table, check)
  }
}

type Term = Extract<Query, { field: string }>

function compileTerm(query: Term, field: Field | undefined, table: LoadedTable, check: CheckCancelled): Test {
  if (field === undefined) return () => NO
  if (field.kind === 'text') return inRaw(field.name, rawTest(query), table)
  if (query.kind === 'range') return inRange(query, table, check)
  if (query.kind === 'exists' && field.kind === 'date') return () => YES
  const column = table.column(field.name, check)
  if (column === null) return () => NO
  const { values } = column
  if (column.kind === 'codes') return inColumn(field.name, textTest(query, field), table, check)
  if (query.kind === 'exists') return (position) => verdictOf(!Number.isNaN(values[position]))
  const wanted = query.kind === 'equals' ? Number(query.value) : NaN
  return (position) => verdictOf(values[position] === wanted)
}

function textTest(query: Exclude<Term, { kind: 'range' }>, { kind }: Field): (text: string) => boolean {
  switch (query.kind) {
    case 'exists':
      return (text) => text !== ''
    case 'equals': {
      const ending = `-${query.value}`
      return kind === 'list' ? (text) => text === query.value || text.endsWith(ending) : (text) => text === query.value
    }
    case 'matches':
      return matcher(query.pieces)
  }
}

function rawTest(query: Term): (text: string) => boolean {
  switch (query.kind) {
    case 'exists':
      return (text) => text !== ''
    case 'equals':
      return finder([String(query.value)])
    case 'matches':
      return finder(query.pieces)
    case 'range':
      return () => false
  }
}

/** Tests each different text once; of a list, whether one of its values passes. */
function inColumn(name: string, passes: (text: string) => boolean, table: LoadedTable, check: CheckCancelled): Test {
  const column = table.column(name, check)
  if (column?.kind !== 'codes') return () => NO
  const isList = findField(name)?.kind === 'list'
  const known = memoise(column.dictionary, isList ? (text) => listOf(text).some(passes) : passes)
  const { values } = column
  return (position) => verdictOf(known(values[position] as number))
}

function inRaw(name: string, passes: (text: string) => boolean, table: LoadedTable): Test {
  if (!table.fields.has(name)) return () => NO
  return (_position, raw) => (raw === null ? UNKNOWN : verdictOf(passes(raw.get(name) ?? '')))
}

function inRange(query: Extract<Query, { kind: 'range' }>, table: LoadedTable, check: CheckCancelled): Test {
  const column = query.field === '@timestamp' ? null : table.column(query.field, check)
  if (query.field !== '@timestamp' && column?.kind !== 'numbers') return () => NO
  const values = column === null ? table.times : column.values
  const isAbove = lower(query.from)
  const isBelow = upper(query.to)
  return (position) => {
    const value = values[position] as number
    return verdictOf(isAbove(value) && isBelow(value))
  }
}

/** NaN, no value, is in no range, not even in one that is open on both sides. */
function lower(bound: Bound | undefined): (value: number) => boolean {
  if (bound === undefined) return (value) => !Number.isNaN(value)
  return bound.inclusive ? (value) => value >= bound.value : (value) => value > bound.value
}

function upper(bound: Bound | undefined): (value: number) => boolean {
  if (bound === undefined) return () => true
  return bound.inclusive ? (value) => value <= bound.value : (value) => value < bound.value
}

function verdictOf(passes: boolean): Verdict {
  return passes ? YES : NO
}

function every(tests: readonly Test[]): Test {
  return (position, raw) => {
    let verdict: Verdict = YES
    for (const test of tests) {
      const one = test(position, raw)
      if (one === NO) return NO
      if (one === UNKNOWN) verdict = UNKNOWN
    }
    return verdict
  }
}

function some(tests: readonly Test[]): Test {
  return (position, raw) => {
    let verdict: Verdict = NO
    for (const test of tests) {
      const one = test(position, raw)
      if (one === YES) return YES
      if (one === UNKNOWN) verdict = UNKNOWN
    }
    return verdict
  }
}
