import { LEDGER_TTL_SECONDS, ledgerKey } from '@tek/analytics-record'
import type { ScriptArgument } from '../redis/define-scripts.ts'
import type { Bookings } from './book.ts'
import { ledgerField } from './fields.ts'
import type { Tally } from './tally.ts'

export interface EncodedBookings {
  /** The hashes, in the slot of the source list. */
  readonly keys: readonly string[]
  readonly args: readonly ScriptArgument[]
}

/** For commit-offset.lua: the known offset, the life of hashes, then of each stretch its end and its entries. */
export function encodeBookings(source: string, sink: string, { known, stretches }: Bookings): EncodedBookings {
  const hashes = new Hashes(source)
  const args: ScriptArgument[] = [known, LEDGER_TTL_SECONDS]
  for (const { to, tally } of stretches) {
    const entries = entriesOf(hashes, sink, tally, 1)
    args.push(to, entries.length / 3, ...entries)
  }
  return { keys: hashes.keys, args }
}

/** For scripts that settle records outside of a commit: the life of hashes, then of each sink its name and its entries. */
export function encodeTallies(source: string, tallies: ReadonlyMap<string, Tally>): EncodedBookings {
  const hashes = new Hashes(source)
  const args: ScriptArgument[] = [LEDGER_TTL_SECONDS]
  for (const [sink, tally] of tallies) {
    const entries = entriesOf(hashes, sink, tally, 1)
    args.push(sink, entries.length / 3, ...entries)
  }
  return { keys: hashes.keys, args }
}

/** For scripts that know of one sink only: the life of hashes, the number of entries, the entries. */
export function encodeEntries(source: string, sink: string, tally: Tally, sign: 1 | -1): EncodedBookings {
  const hashes = new Hashes(source)
  const entries = entriesOf(hashes, sink, tally, sign)
  return { keys: hashes.keys, args: [LEDGER_TTL_SECONDS, entries.length / 3, ...entries] }
}

/** Three arguments each: the number of the hash from 1, the field, the records. */
function entriesOf(hashes: Hashes, sink: string, tally: Tally, sign: 1 | -1): ScriptArgument[] {
  const entries: ScriptArgument[] = []
  tally.forEach((state, minute, apiId, records) => {
    entries.push(hashes.numberOf(minute), ledgerField(state, sink, apiId), records * sign)
  })
  return entries
}

class Hashes {
  readonly keys: string[] = []
  readonly #source: string
  readonly #numbers = new Map<number, number>()

  constructor(source: string) {
    this.#source = source
  }

  numberOf(minute: number): number {
    const known = this.#numbers.get(minute)
    if (known !== undefined) return known
    const number = this.keys.push(ledgerKey(this.#source, minute))
    this.#numbers.set(minute, number)
    return number
  }
}
