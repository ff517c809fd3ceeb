// Hot path.
import { type LedgerState, NO_API, minuteOf } from './fields.ts'

type Counts = Record<LedgerState, number>

/** What the ledger asks of an element of a source list. */
export interface LedgerElement {
  /** Null: it is a record. Else the rest must not be asked for. */
  readonly error: string | null
  readonly seconds: number
  readonly apiId: string
}

/** What became of some records of one sink, per minute and API. */
export class Tally {
  readonly #minutes = new Map<number, Map<string, Counts>>()
  #minute = NaN
  #apiId = ''
  #counts: Counts = { delivered: 0, filtered: 0, dead: 0, dropped: 0 }
  #size = 0

  /** Pairs of minute and API. */
  get size(): number {
    return this.#size
  }

  add(state: LedgerState, minute: number, apiId: string, records = 1): void {
    // Mostly it is the API and the minute of the record before.
    if (minute !== this.#minute || apiId !== this.#apiId) this.#find(minute, apiId)
    this.#counts[state] += records
  }

  /** @param arrivedMs - Of what is no record, the minute is that of its arrival here. */
  addElement(state: LedgerState, element: LedgerElement, arrivedMs: number): void {
    if (element.error === null) this.add(state, minuteOf(element.seconds), element.apiId)
    else this.add(state, minuteOf(arrivedMs / 1000), NO_API)
  }

  forEach(visit: (state: LedgerState, minute: number, apiId: string, records: number) => void): void {
    for (const [minute, apis] of this.#minutes) {
      for (const [apiId, counts] of apis) {
        if (counts.delivered !== 0) visit('delivered', minute, apiId, counts.delivered)
        if (counts.filtered !== 0) visit('filtered', minute, apiId, counts.filtered)
        if (counts.dead !== 0) visit('dead', minute, apiId, counts.dead)
        if (counts.dropped !== 0) visit('dropped', minute, apiId, counts.dropped)
      }
    }
  }

  #find(minute: number, apiId: string): void {
    let apis = this.#minutes.get(minute)
    if (apis === undefined) {
      apis = new Map()
      this.#minutes.set(minute, apis)
    }
    let counts = apis.get(apiId)
    if (counts === undefined) {
      counts = { delivered: 0, filtered: 0, dead: 0, dropped: 0 }
      apis.set(apiId, counts)
      this.#size += 1
    }
    this.#minute = minute
    this.#apiId = apiId
    this.#counts = counts
  }
}
