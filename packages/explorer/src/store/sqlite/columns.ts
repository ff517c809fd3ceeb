import type { CheckCancelled } from './cancel.ts'
import { listOf } from './decode.ts'

/** What a text takes beside its characters: its header, its place in the list, and an entry of the map. */
const TEXT_BYTES = 80
/** Of a list that was parsed, for each of its values. */
const MEMBER_BYTES = 16
const LISTS_PER_CHECK = 1000

/** Texts by number: a column of a million rows has few different ones. */
export class Dictionary {
  readonly texts: string[] = []
  readonly #codes = new Map<string, number>()
  readonly #members: (readonly number[])[] = []
  #items: Dictionary | null = null
  #bytes = 0

  /** About so much memory. */
  get bytes(): number {
    return this.#bytes + (this.#items?.bytes ?? 0)
  }

  codeOf(text: string): number {
    const known = this.#codes.get(text)
    if (known !== undefined) return known
    const code = this.texts.length
    this.texts.push(text)
    this.#codes.set(text, code)
    this.#bytes += TEXT_BYTES + text.length
    return code
  }

  /** -1 when no row ever had it. */
  find(text: string): number {
    return this.#codes.get(text) ?? -1
  }

  textOf(code: number): string {
    return this.texts[code] ?? ''
  }

  /** The texts as lists: by code, the codes of the list's values in a dictionary of their own. Each is parsed once. */
  lists(check: CheckCancelled): { readonly items: Dictionary; readonly members: readonly (readonly number[])[] } {
    const items = (this.#items ??= new Dictionary())
    for (let code = this.#members.length; code < this.texts.length; code++) {
      if (code % LISTS_PER_CHECK === 0) check()
      const values = new Set(listOf(this.textOf(code)))
      const members = values.size === 0 ? [items.codeOf('')] : [...values].map((value) => items.codeOf(value))
      this.#members.push(members)
      this.#bytes += MEMBER_BYTES * (2 + members.length)
    }
    return { items, members: this.#members }
  }
}

/** The dictionary of each field: codes of a field are the same in all tables. */
export class Dictionaries {
  readonly #byField = new Map<string, Dictionary>()

  get bytes(): number {
    let bytes = 0
    for (const dictionary of this.#byField.values()) bytes += dictionary.bytes
    return bytes
  }

  of(field: string): Dictionary {
    const known = this.#byField.get(field)
    if (known !== undefined) return known
    const dictionary = new Dictionary()
    // Code 0 is no text, which fills what was not written yet.
    dictionary.codeOf('')
    this.#byField.set(field, dictionary)
    return dictionary
  }
}

/** One value per loaded row. Numbers hold NaN where the table holds none. */
export type Column =
  | { readonly kind: 'numbers'; values: Float64Array }
  | { readonly kind: 'codes'; readonly dictionary: Dictionary; values: Uint32Array }

/** What a computation per code gave, remembered, so that it is done once for equal texts. */
export function memoise(dictionary: Dictionary, compute: (text: string) => boolean): (code: number) => boolean {
  let known = new Uint8Array(dictionary.texts.length)
  return (code) => {
    if (code >= known.length) known = grown(known, new Uint8Array(dictionary.texts.length))
    const state = known[code]
    if (state !== 0) return state === 2
    const result = compute(dictionary.textOf(code))
    known[code] = result ? 2 : 1
    return result
  }
}

/** Makes room for so many rows. */
export function growColumn(column: Column, capacity: number): void {
  if (column.kind === 'numbers') column.values = grown(column.values, new Float64Array(capacity))
  else column.values = grown(column.values, new Uint32Array(capacity))
}

/** The larger array, with the values of the smaller one in front. */
export function grown<T extends Uint8Array | Uint32Array | Float64Array>(array: T, larger: T): T {
  larger.set(array)
  return larger
}
