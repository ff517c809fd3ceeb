import { LEDGER_IN } from '@tek/analytics-record'
import type { Pipeline } from '../api/schema.ts'

type SinkLine = NonNullable<Pipeline['ledger']>['sinks'][number]

const STATES = ['delivered', 'filtered', 'dead', 'dropped'] as const
type State = (typeof STATES)[number]
type States = Record<State, number>

/** Stands for elements that are no records, and that no gateway counted. */
const NO_API = '-'

/**
 * Adds hashes of the ledger up. What is pending is told for each list, minute and API on its own, where gateway and pump count
 * the same records, so that records nobody counted at one place cannot hide others that are missing elsewhere.
 */
export class LedgerAccount {
  readonly #expected: readonly string[]
  readonly #since: ReadonlyMap<string, number>
  readonly #first: number
  /** By place and API. */
  readonly #written = new Map<string, number>()
  readonly #sums = new Map<string, States & { pending: number; due: number }>()
  /** Records that gateways counted. */
  written = 0

  /** @param since - By sink: the minute since which it is in the ledger, as text. */
  constructor(expected: readonly string[], since: Readonly<Record<string, string>>) {
    this.#expected = expected
    this.#since = new Map(Object.entries(since).map(([sink, minute]) => [sink, Number(minute)]))
    this.#first = Math.min(...this.#since.values())
    for (const sink of expected) this.#sumOf(sink)
  }

  addWritten(place: string, fields: Readonly<Record<string, string>>): void {
    for (const [field, value] of Object.entries(fields)) {
      const records = countOf(value)
      if (!field.startsWith(LEDGER_IN) || records === 0) continue
      this.#written.set(`${place} ${field.slice(LEDGER_IN.length)}`, records)
      this.written += records
    }
  }

  /** After everything that was written of the range was added. */
  addBooked(place: string, fields: Readonly<Record<string, string>>): void {
    const minute = Number(place.slice(place.lastIndexOf(':') + 1))
    for (const [api, sinks] of bookedByApi(fields)) {
      if (api === NO_API) continue
      const written = this.#written.get(`${place} ${api}`) ?? 0
      for (const sink of new Set([...this.#expected, ...sinks.keys()])) {
        const states = sinks.get(sink) ?? { delivered: 0, filtered: 0, dead: 0, dropped: 0 }
        const sum = this.#sumOf(sink)
        const settled = STATES.reduce((all, state) => all + states[state], 0)
        const due = this.#isExpected(sink, minute) ? written : Math.min(written, settled)
        for (const state of STATES) sum[state] += states[state]
        sum.due += due
        sum.pending += Math.max(0, due - settled)
      }
    }
  }

  /** @param waiting - Records that wait for a sink, whatever their time; null: not known, and so none counts as missing. */
  sinks(waiting: (sink: string) => number | null): SinkLine[] {
    return [...this.#sums]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { due, pending, delivered, filtered, dead, dropped }]) => {
        const waits = waiting(name)
        const missing = waits === null ? 0 : Math.max(0, pending - waits)
        const completeness = due === 0 ? null : (due - pending) / due
        return { name, delivered, filtered, dead, dropped, pending, missing, completeness }
      })
  }

  /** Of a sink that came later than others nothing is expected up to the minute in which it came. */
  #isExpected(sink: string, minute: number): boolean {
    if (!this.#expected.includes(sink)) return false
    const since = this.#since.get(sink) ?? Infinity
    return since <= this.#first || minute > since
  }

  #sumOf(sink: string): States & { pending: number; due: number } {
    const known = this.#sums.get(sink)
    if (known !== undefined) return known
    const sum = { delivered: 0, filtered: 0, dead: 0, dropped: 0, pending: 0, due: 0 }
    this.#sums.set(sink, sum)
    return sum
  }
}

/** APIs that occur in a hash, also those of which nothing is booked, with what is booked by sink. */
function bookedByApi(fields: Readonly<Record<string, string>>): Map<string, Map<string, States>> {
  const apis = new Map<string, Map<string, States>>()
  const sinksOf = (api: string): Map<string, States> => {
    const sinks = apis.get(api) ?? new Map<string, States>()
    apis.set(api, sinks)
    return sinks
  }
  for (const [field, value] of Object.entries(fields)) {
    if (field.startsWith(LEDGER_IN)) {
      sinksOf(field.slice(LEDGER_IN.length))
      continue
    }
    // `<state>:<sink>:<API id>`; an API id may hold colons.
    const [word, sink, ...api] = field.split(':')
    const state = STATES.find((one) => one === word)
    if (state === undefined || sink === undefined || api.length === 0) continue
    const sinks = sinksOf(api.join(':'))
    const name = sink.replaceAll('%3A', ':').replaceAll('%25', '%')
    const states = sinks.get(name) ?? { delivered: 0, filtered: 0, dead: 0, dropped: 0 }
    states[state] += countOf(value)
    sinks.set(name, states)
  }
  return apis
}

function countOf(text: string): number {
  const number = Number(text)
  return Number.isSafeInteger(number) && number > 0 ? number : 0
}
