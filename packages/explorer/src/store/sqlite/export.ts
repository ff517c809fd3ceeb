import type { RequestRow } from '../../api/schema.ts'
import type { CheckCancelled } from './cancel.ts'
import type { Database } from './database.ts'
import { Matches, placeOf } from './matches.ts'
import type { ExportQuestion } from './messages.ts'
import { sortedIndexes } from './page.ts'
import { rowReader } from './rows.ts'
import type { Candidates } from './select.ts'

/** A page ends with the row that reaches one of these. Other questions wait as long as a page takes. */
export interface PageLimits {
  readonly rows: number
  /** UTF-16 units of all texts. */
  readonly characters: number
  readonly ms: number
}

/** One piece of an export; it may have no rows and yet not be the last. */
export interface ExportPage {
  readonly rows: readonly RequestRow[]
  readonly isLast: boolean
}

/**
 * The rows of an export as they were when it began, in their order. They are sorted once; what only the raw messages can
 * tell is found out on the way, so that the first rows come at once and nothing is left out for want of time.
 */
export class Export {
  readonly #parts: readonly Candidates[]
  readonly #order: Uint32Array
  readonly #columns: readonly string[]
  #next = 0

  constructor(parts: readonly Candidates[], question: ExportQuestion, check: CheckCancelled) {
    this.#parts = parts
    this.#order = sortedIndexes(new Matches(parts, check), question)
    this.#columns = question.columns
  }

  /** Rows that are held, the ones whose raw messages will be looked into too. */
  get length(): number {
    return this.#order.length
  }

  /** Rows that were deleted since are left out. */
  page(db: Database, limits: PageLimits, check: CheckCancelled): ExportPage {
    const readers = new Map(this.#parts.map((part) => [part, rowReader(db, part.table, this.#columns, true)]))
    const until = performance.now() + limits.ms
    const rows: RequestRow[] = []
    let characters = 0
    while (this.#next < this.#order.length) {
      check()
      const { selection, position } = placeOf(this.#parts, this.#order[this.#next] as number)
      const isWanted = selection.passes(db, position)
      const row = isWanted ? readers.get(selection)?.(selection.rows[position] as number) : null
      this.#next++
      if (row) {
        rows.push(row)
        characters += charactersOf(row)
      }
      if (rows.length >= limits.rows || characters >= limits.characters || performance.now() > until) break
    }
    return { rows, isLast: this.#next >= this.#order.length }
  }
}

function charactersOf({ fields }: RequestRow): number {
  let characters = 0
  for (const value of Object.values(fields)) {
    if (typeof value === 'string') characters += value.length
    else if (Array.isArray(value)) for (const item of value) characters += item.length
  }
  return characters
}
