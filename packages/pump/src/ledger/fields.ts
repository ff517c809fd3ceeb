import { LEDGER_IN } from '@tek/analytics-record'

/** What can become of a record for a sink, in the words of the ledger. */
export const LEDGER_STATES = ['delivered', 'filtered', 'dead', 'dropped'] as const
export type LedgerState = (typeof LEDGER_STATES)[number]

/** Stands for elements that are no records and so have no API. */
export const NO_API = '-'

const SECONDS_PER_MINUTE = 60

export function minuteOf(seconds: number): number {
  return Math.floor(seconds / SECONDS_PER_MINUTE)
}

/** `<state>:<sink>:<API id>`. A colon in a sink's name would end it too early; an API id may hold any. */
export function ledgerField(state: LedgerState, sink: string, apiId: string): string {
  return `${state}:${sink.replaceAll('%', '%25').replaceAll(':', '%3A')}:${apiId}`
}

/** Counts those dropped records whose spill file was gone, beside `dropped`, which has them too. */
const FILE_GONE = 'file-gone'

export type LedgerField =
  | { readonly kind: 'in'; readonly apiId: string }
  | { readonly kind: 'booked'; readonly state: LedgerState; readonly sink: string; readonly apiId: string }
  /** Why some of the dropped ones are. */
  | { readonly kind: 'reason'; readonly reason: typeof FILE_GONE; readonly sink: string; readonly apiId: string }

/** What a field of a ledger hash counts; null for one that this version does not know. */
export function parseLedgerField(field: string): LedgerField | null {
  if (field.startsWith(LEDGER_IN)) return { kind: 'in', apiId: field.slice(LEDGER_IN.length) }
  const [word = '', sink, ...rest] = field.split(':')
  if (sink === undefined || rest.length === 0) return null
  const of = { sink: sink.replaceAll('%3A', ':').replaceAll('%25', '%'), apiId: rest.join(':') }
  if (word === FILE_GONE) return { kind: 'reason', reason: word, ...of }
  const state = LEDGER_STATES.find((known) => known === word)
  return state === undefined ? null : { kind: 'booked', state, ...of }
}
