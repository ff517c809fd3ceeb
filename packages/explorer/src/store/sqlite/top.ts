import type { TopTable, TopValue } from '../../api/schema.ts'
import { compareTexts } from '../compare-texts.ts'
import { findField } from '../../fields.ts'
import { statusClass } from './buckets.ts'
import { Dictionary } from './columns.ts'
import type { Matches } from './matches.ts'
import { Ranks } from './percentiles.ts'
import { Smallest } from './smallest.ts'

/**
 * The values of a field as small numbers. Rows have a code each, of a value or of a whole list, and there are far fewer
 * codes than rows: what can be added up by code is.
 */
interface Categories {
  /** Of the values. */
  readonly dictionary: Dictionary
  /** Of the rows. */
  readonly codes: Uint32Array
  readonly codeCount: number
  /** The values that a row's code stands for; null where it is the value's own. */
  readonly members: readonly (readonly number[])[] | null
}

/** Most frequent first, equal counts by value. A list counts once for each of its values, an empty one for the empty text. */
export function topOf(matches: Matches, field: string, size: number): TopTable {
  const categories = categoriesOf(matches, field)
  if (categories === null) return { field, values: [], others: 0 }
  const counts = countCategories(categories)
  const top = largest(counts, categories.dictionary, size)
  const values = describe(matches, categories, top)
  const total = counts.reduce((sum, count) => sum + count, 0)
  return { field, values, others: total - values.reduce((sum, { count }) => sum + count, 0) }
}

/** How many rows have each value. */
export function countCategories({ dictionary, codes, codeCount, members }: Categories): Uint32Array {
  const rows = new Uint32Array(codeCount)
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] as number
    rows[code] = (rows[code] as number) + 1
  }
  if (members === null) return rows
  const counts = new Uint32Array(dictionary.texts.length)
  for (const [code, values] of members.entries()) {
    for (const value of values) counts[value] = (counts[value] as number) + (rows[code] as number)
  }
  return counts
}

interface Tally {
  count: number
  clientErrors: number
  serverErrors: number
  readonly times: Ranks
}

function describe(matches: Matches, categories: Categories, top: readonly number[]): TopValue[] {
  const tallies = top.map((): Tally => ({ count: 0, clientErrors: 0, serverErrors: 0, times: new Ranks() }))
  const talliesOf = tallyLists(categories, top, tallies)
  const statuses = matches.numbers('response_code')
  const times = matches.numbers('request_time_ms')
  const { codes } = categories
  for (let index = 0; index < codes.length; index++) {
    const list = talliesOf[codes[index] as number]
    if (list === undefined) continue
    const family = statuses === null ? 0 : statusClass(statuses[index] as number)
    const time = times === null ? NaN : (times[index] as number)
    for (let at = 0; at < list.length; at++) {
      const tally = list[at] as Tally
      tally.count++
      if (family === 4) tally.clientErrors++
      else if (family === 5) tally.serverErrors++
      tally.times.add(time)
    }
  }
  return tallies.map(({ count, clientErrors, serverErrors, times: ranks }, slot) => ({
    value: categories.dictionary.textOf(top[slot] as number),
    count,
    clientErrors,
    serverErrors,
    p95Ms: ranks.percentile(95),
  }))
}

/** By the code of a row: the tallies that it counts for; undefined where there is none. */
function tallyLists({ codeCount, members }: Categories, top: readonly number[], tallies: readonly Tally[]) {
  const lists = Array.from({ length: codeCount }, (): Tally[] | undefined => undefined)
  const slots = new Map(top.map((value, slot) => [value, tallies[slot] as Tally]))
  if (members === null) for (const [value, tally] of slots) lists[value] = [tally]
  for (const [code, values] of members?.entries() ?? []) {
    const list = values.flatMap((value) => slots.get(value) ?? [])
    if (list.length > 0) lists[code] = list
  }
  return lists
}

function largest(counts: Uint32Array, dictionary: Dictionary, size: number): number[] {
  const top = new Smallest(
    size,
    (a, b) => (counts[b] as number) - (counts[a] as number) || compareTexts(dictionary.textOf(a), dictionary.textOf(b)),
  )
  for (let value = 0; value < counts.length; value++) if ((counts[value] as number) > 0) top.add(value)
  return top.sorted()
}

/** Null where no table has the field. */
export function categoriesOf(matches: Matches, field: string): Categories | null {
  const kind = findField(field)?.kind
  if (kind === 'number' || kind === 'boolean') return numberCategories(matches.numbers(field), kind === 'boolean')
  const codes = matches.codes(field)
  if (codes === null) return null
  const { dictionary, values } = codes
  if (kind === 'list') {
    const { items, members } = dictionary.lists(matches.check)
    return { dictionary: items, codes: values, codeCount: members.length, members }
  }
  return { dictionary, codes: values, codeCount: dictionary.texts.length, members: null }
}

function numberCategories(values: Float64Array | null, isBoolean: boolean): Categories | null {
  if (values === null) return null
  const dictionary = new Dictionary()
  const known = new Map<number, number>()
  const codes = new Uint32Array(values.length)
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number
    let code = known.get(value)
    if (code === undefined) {
      code = dictionary.codeOf(Number.isNaN(value) ? '' : isBoolean ? String(value !== 0) : String(value))
      known.set(value, code)
    }
    codes[index] = code
  }
  return { dictionary, codes, codeCount: dictionary.texts.length, members: null }
}
