import { compareTexts } from '../compare-texts.ts'
import type { PageQuestion } from '../types.ts'
import type { Matches } from './matches.ts'
import { Smallest } from './smallest.ts'

/** Where a page ended: the value that was sorted by, the time, table and row number that decide between equal ones. */
export interface Cursor {
  readonly value: string | number | null
  readonly timeMs: number
  readonly table: string
  readonly row: number
}

export function encodeCursor({ value, timeMs, table, row }: Cursor): string {
  return Buffer.from(JSON.stringify([value, timeMs, table, row])).toString('base64url')
}

/** Null when the text is no cursor of this store. */
export function decodeCursor(text: string): Cursor | null {
  try {
    const parts = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown
    if (!Array.isArray(parts) || parts.length !== 4) return null
    const [value, timeMs, table, row] = parts as unknown[]
    if (value !== null && typeof value !== 'string' && typeof value !== 'number') return null
    if (typeof timeMs !== 'number' || typeof table !== 'string' || typeof row !== 'number') return null
    return { value, timeMs, table, row }
  } catch {
    return null
  }
}

export interface Page {
  /** Of the rows of the page, in their order. */
  readonly indexes: readonly number[]
  readonly next: string | null
}

/**
 * The next rows in the order that is asked for. Rows without a value come last either way; equal ones newest first. Only
 * as many rows as the page has are kept sorted.
 */
export function pageOf(matches: Matches, { sort, order, size }: PageQuestion, cursor: Cursor | null): Page {
  const { compare, compareTo, cursorOf } = orderOf(matches, sort, order)
  const isAfter = cursor === null ? () => true : (index: number): boolean => compareTo(index, cursor) > 0
  const smallest = new Smallest(size + 1, compare)
  for (let index = 0; index < matches.count; index++) if (isAfter(index)) smallest.add(index)
  const found = smallest.sorted()
  const indexes = found.slice(0, size)
  const last = indexes.at(-1)
  return { indexes, next: found.length > size && last !== undefined ? encodeCursor(cursorOf(last)) : null }
}

/** All rows in the order that is asked for, by their indexes. */
export function sortedIndexes(matches: Matches, { sort, order }: Pick<PageQuestion, 'sort' | 'order'>): Uint32Array {
  const { compare } = orderOf(matches, sort, order)
  const indexes = new Uint32Array(matches.count)
  for (let index = 0; index < indexes.length; index++) indexes[index] = index
  let compared = 0
  return indexes.sort((a, b) => {
    if (++compared % COMPARED_PER_CHECK === 0) matches.check()
    return compare(a, b)
  })
}

const COMPARED_PER_CHECK = 100_000

interface Order {
  compare(a: number, b: number): number
  compareTo(index: number, cursor: Cursor): number
  cursorOf(index: number): Cursor
}

function orderOf(matches: Matches, sort: string, order: 'asc' | 'desc'): Order {
  const keys = sortKeys(matches, sort)
  const { times } = matches
  const direction = order === 'asc' ? 1 : -1
  const cursorOf = (index: number): Cursor => {
    const { table, row } = matches.rowOf(index)
    return { value: keys.valueOf(index), timeMs: times[index] as number, table: table.name, row }
  }
  return {
    cursorOf,
    compare: (a, b) =>
      keys.compare(a, b, direction) ||
      (times[b] as number) - (times[a] as number) ||
      compareRows(cursorOf(b), cursorOf(a)),
    compareTo: (index, cursor) =>
      keys.compareTo(index, cursor.value, direction) ||
      cursor.timeMs - (times[index] as number) ||
      compareRows(cursor, cursorOf(index)),
  }
}

function compareRows(a: Cursor, b: Cursor): number {
  return compareTexts(a.table, b.table) || a.row - b.row
}

interface SortKeys {
  valueOf(index: number): string | number | null
  compare(a: number, b: number, direction: number): number
  /** Compares a row with a cursor's value. */
  compareTo(index: number, value: string | number | null, direction: number): number
}

function sortKeys(matches: Matches, field: string): SortKeys {
  const numbers = field === '@timestamp' ? matches.times : matches.numbers(field)
  const codes = numbers === null ? matches.codes(field) : null
  const valueOf = (index: number): string | number | null => {
    if (codes !== null) return codes.dictionary.textOf(codes.values[index] as number)
    const value = numbers?.[index] ?? NaN
    return Number.isNaN(value) ? null : value
  }
  const compareTo = (index: number, value: string | number | null, direction: number): number =>
    compareValues(valueOf(index), value, direction)
  if (numbers !== null) {
    const compare = (a: number, b: number, direction: number): number => {
      const difference = (numbers[a] as number) - (numbers[b] as number)
      return Number.isNaN(difference) ? compareTo(a, valueOf(b), direction) : difference * direction
    }
    return { valueOf, compareTo, compare }
  }
  return {
    valueOf,
    compareTo,
    compare: (a, b, direction) =>
      codes === null || codes.values[a] === codes.values[b] ? 0 : compareTo(a, valueOf(b), direction),
  }
}

function compareValues(a: string | number | null, b: string | number | null, direction: number): number {
  if (a === null || b === null) return (a === null ? 1 : 0) - (b === null ? 1 : 0)
  if (typeof a === 'number' && typeof b === 'number') return (a - b) * direction
  return compareTexts(String(a), String(b)) * direction
}
