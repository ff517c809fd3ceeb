import type { CheckCancelled } from './cancel.ts'
import type { Dictionary } from './columns.ts'
import type { Selection } from './select.ts'
import type { LoadedTable } from './table.ts'

export interface Codes {
  readonly dictionary: Dictionary
  readonly values: Uint32Array
}

/** The rows that a question is about, of all tables in one sequence. What is asked for is gathered once. */
export class Matches {
  readonly count: number
  readonly times: Float64Array
  readonly check: CheckCancelled
  readonly #selections: readonly Selection[]
  readonly #numbers = new Map<string, Float64Array | null>()
  readonly #codes = new Map<string, Codes | null>()

  constructor(selections: readonly Selection[], check: CheckCancelled) {
    this.#selections = selections
    this.check = check
    this.count = selections.reduce((sum, { positions }) => sum + positions.length, 0)
    this.times = new Float64Array(this.count)
    this.#gather(this.times, ({ times }) => times)
  }

  /** NaN where a row has none; null where no table has the field. */
  numbers(field: string): Float64Array | null {
    const known = this.#numbers.get(field)
    if (known !== undefined) return known
    const isThere = this.#selections.some(({ table }) => table.column(field, this.check)?.kind === 'numbers')
    const values = isThere ? new Float64Array(this.count).fill(NaN) : null
    if (values !== null) this.#gather(values, (table) => table.column(field, this.check)?.values ?? null)
    this.#numbers.set(field, values)
    return values
  }

  /** The empty text where a table lacks the field; null where all do. */
  codes(field: string): Codes | null {
    const known = this.#codes.get(field)
    if (known !== undefined) return known
    const dictionary = this.#dictionaryOf(field)
    const codes = dictionary && { dictionary, values: new Uint32Array(this.count).fill(dictionary.codeOf('')) }
    if (codes !== null) this.#gather(codes.values, (table) => table.column(field, this.check)?.values ?? null)
    this.#codes.set(field, codes)
    return codes
  }

  rowOf(index: number): { readonly table: LoadedTable; readonly row: number } {
    const { selection, position } = placeOf(this.#selections, index)
    return { table: selection.table, row: selection.rows[position] as number }
  }

  #dictionaryOf(field: string): Dictionary | null {
    for (const { table } of this.#selections) {
      const column = table.column(field, this.check)
      if (column?.kind === 'codes') return column.dictionary
    }
    return null
  }

  #gather(into: Float64Array | Uint32Array, valuesOf: (table: LoadedTable) => Float64Array | Uint32Array | null): void {
    this.check()
    let at = 0
    for (const { table, positions } of this.#selections) {
      const values = valuesOf(table)
      if (values instanceof Float64Array) gatherNumbers(into, at, values, positions, table.length)
      else if (values !== null) gatherCodes(into, at, values, positions, table.length)
      at += positions.length
    }
  }
}

/** Where the row is that has this index in the sequence of all. */
export function placeOf<S extends Selection>(
  selections: readonly S[],
  index: number,
): { readonly selection: S; readonly position: number } {
  let before = 0
  for (const selection of selections) {
    const { positions } = selection
    const position = positions[index - before]
    if (index < before + positions.length && position !== undefined) return { selection, position }
    before += positions.length
  }
  throw new RangeError(`no row ${index} of ${before}`)
}

/** Twice the same, each for one kind of array, because a loop over both kinds takes several times as long. */
function gatherNumbers(
  into: Float64Array | Uint32Array,
  start: number,
  values: Float64Array,
  positions: Uint32Array,
  length: number,
): void {
  // Positions ascend, so as many as there are rows are all rows.
  if (positions.length === length) into.set(values.subarray(0, length), start)
  else for (let at = 0; at < positions.length; at++) into[start + at] = values[positions[at] as number] as number
}

function gatherCodes(
  into: Float64Array | Uint32Array,
  start: number,
  values: Uint32Array,
  positions: Uint32Array,
  length: number,
): void {
  if (positions.length === length) into.set(values.subarray(0, length), start)
  else for (let at = 0; at < positions.length; at++) into[start + at] = values[positions[at] as number] as number
}
