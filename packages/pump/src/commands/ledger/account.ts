import type { LedgerGrouping } from '../../config/arguments.ts'
import { type LedgerField, type LedgerState, NO_API } from '../../ledger/index.ts'

/** Records of one line of the account. */
export interface Row {
  /** What gateways say they have written; of a sink that is new, only since it is there. */
  in: number
  delivered: number
  filtered: number
  dead: number
  dropped: number
  /** Written, and nothing is booked. */
  pending: number
  /** Booked, and no gateway has counted them. */
  uncounted: number
}

export interface SinkAccount {
  readonly total: Row
  /** By minute, hour or API. */
  readonly groups: ReadonlyMap<string, Row>
  /** Elements that were no records. They are in no API, so in the total of none. */
  readonly noRecords: number
  /** Of the dropped ones, those whose spill file was gone. */
  readonly fileGone: number
}

export interface AccountOptions {
  readonly by: LedgerGrouping
  /** Only this API; null: all. */
  readonly api: string | null
  /** Only these sinks are shown; null: all that occur. */
  readonly shown: readonly string[] | null
  /** Sinks that every record is for. Of others only what is booked is known. */
  readonly expected: readonly string[]
  /** By sink, the last minute of which nothing is expected. */
  readonly newUntil: ReadonlyMap<string, number>
}

interface Booked {
  readonly in: number
  readonly sinks: ReadonlyMap<string, Readonly<Record<LedgerState, number>>>
}

type Counts = readonly { readonly field: LedgerField; readonly records: number }[]

interface OpenAccount {
  readonly total: Row
  readonly groups: Map<string, Row>
  noRecords: number
  fileGone: number
}

/**
 * Adds hashes of the ledger up. What is pending is told for each list, minute and API on its own: there the two sides count
 * the same records, so that records nobody counted on one place cannot hide records that are missing on another.
 */
export class Account {
  readonly #options: AccountOptions
  readonly #sinks = new Map<string, OpenAccount>()
  /** Records that gateways counted, whatever sinks they are for. */
  written = 0

  constructor(options: AccountOptions) {
    this.#options = options
    for (const sink of options.expected) if (this.#isShown(sink)) this.#open(sink)
  }

  /** By name. */
  get sinks(): ReadonlyMap<string, SinkAccount> {
    return new Map([...this.#sinks].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  add(minute: number, counts: Counts): void {
    for (const { field, records } of counts) {
      const isAsked = this.#options.api === null || field.apiId === this.#options.api
      if (field.kind === 'reason' && isAsked && this.#isShown(field.sink)) this.#open(field.sink).fileGone += records
    }
    for (const [api, booked] of byApi(counts)) {
      if (this.#options.api !== null && api !== this.#options.api) continue
      this.written += booked.in
      for (const sink of new Set([...this.#options.expected, ...booked.sinks.keys()])) {
        if (this.#isShown(sink)) this.#addTo(this.#open(sink), sink, minute, api, booked)
      }
    }
  }

  #addTo(account: OpenAccount, sink: string, minute: number, api: string, booked: Booked): void {
    const states = booked.sinks.get(sink) ?? NOTHING
    if (api === NO_API) account.noRecords += sum(states)
    else addRow(account.total, this.#rowOf(sink, minute, booked.in, states))
    const name = this.#groupOf(minute, api)
    if (name === null || (api === NO_API && this.#options.by !== 'api')) return
    const group = account.groups.get(name) ?? emptyRow()
    account.groups.set(name, group)
    addRow(group, api === NO_API ? { ...emptyRow(), ...states } : this.#rowOf(sink, minute, booked.in, states))
  }

  #rowOf(sink: string, minute: number, written: number, states: Readonly<Record<LedgerState, number>>): Row {
    const accounted = sum(states)
    const { expected, newUntil } = this.#options
    const isExpected = expected.includes(sink) && minute > (newUntil.get(sink) ?? -Infinity)
    const due = isExpected ? written : Math.min(written, accounted)
    return { in: due, ...states, pending: Math.max(0, due - accounted), uncounted: Math.max(0, accounted - due) }
  }

  #groupOf(minute: number, api: string): string | null {
    switch (this.#options.by) {
      case 'api':
        return api
      case 'minute':
        return timeOf(minute)
      case 'hour':
        return timeOf(minute - (((minute % 60) + 60) % 60))
      case 'total':
        return null
    }
  }

  #isShown(sink: string): boolean {
    return this.#options.shown?.includes(sink) ?? true
  }

  #open(sink: string): OpenAccount {
    let account = this.#sinks.get(sink)
    if (account === undefined) {
      account = { total: emptyRow(), groups: new Map(), noRecords: 0, fileGone: 0 }
      this.#sinks.set(sink, account)
    }
    return account
  }
}

const NOTHING: Readonly<Record<LedgerState, number>> = { delivered: 0, filtered: 0, dead: 0, dropped: 0 }

function byApi(counts: Counts): Map<string, Booked> {
  const apis = new Map<string, { in: number; sinks: Map<string, Record<LedgerState, number>> }>()
  for (const { field, records } of counts) {
    if (field.kind === 'reason') continue
    const booked = apis.get(field.apiId) ?? { in: 0, sinks: new Map<string, Record<LedgerState, number>>() }
    apis.set(field.apiId, booked)
    if (field.kind === 'in') booked.in += records
    else {
      const states = booked.sinks.get(field.sink) ?? { ...NOTHING }
      booked.sinks.set(field.sink, states)
      states[field.state] += records
    }
  }
  return apis
}

function sum({ delivered, filtered, dead, dropped }: Readonly<Record<LedgerState, number>>): number {
  return delivered + filtered + dead + dropped
}

function emptyRow(): Row {
  return { in: 0, ...NOTHING, pending: 0, uncounted: 0 }
}

function addRow(to: Row, more: Row): void {
  for (const name of ['in', 'delivered', 'filtered', 'dead', 'dropped', 'pending', 'uncounted'] as const) {
    to[name] += more[name]
  }
}

/** A minute as it is printed, e.g. `2026-11-28T15:04Z`; its number when no calendar has it. */
export function timeOf(minute: number): string {
  const time = new Date(minute * 60_000)
  return Number.isNaN(time.getTime()) ? `minute ${minute}` : `${time.toISOString().slice(0, -8)}Z`
}
