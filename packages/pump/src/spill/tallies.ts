/** What the ledger has to know of records in a file. */
import { RecordBlock, type SourceList } from '@tek/analytics-record'
import { readElements } from '../lease/index.ts'
import { NO_API, Tally, minuteOf } from '../ledger/index.ts'
import type { SpilledEntry } from './entry.ts'
import type { DecodedSpill, OffsetTallies, SpillHeader, SpillTally, SpilledRecord } from './format.ts'

/** Adds records that are given up. */
function addDropped(tally: Tally, { serialisation }: SourceList, block: RecordBlock): void {
  const now = Date.now()
  for (const element of readElements(block, serialisation)) tally.addElement('dropped', element, now)
}

/** In all tallies of a segment: what Redis keeps of it must be small beside its records. */
const MOST_ROWS = 1000

/** How many records of which APIs a file has while it is written, as a whole and from each offset at which a sink stands. */
export class FileTally {
  readonly #source: SourceList
  /** In rising order; the first is that of the file. */
  readonly #starts: readonly number[]
  /** Of the records from one start up to the next. */
  readonly #stretches: readonly Tally[]

  constructor(source: SourceList, { first, offsets }: Pick<SpillHeader, 'first' | 'offsets'>) {
    this.#source = source
    this.#starts = [...new Set([first, ...Object.values(offsets)])].toSorted((a, b) => a - b)
    this.#stretches = this.#starts.map(() => new Tally())
  }

  /** @param at - The offset of the block's first record. */
  add(block: RecordBlock, at: number): void {
    const now = Date.now()
    for (const [index, element] of readElements(block, this.#source.serialisation).entries()) {
      const stretch = this.#starts.findLastIndex((start) => start <= at + index)
      this.#stretches[Math.max(0, stretch)]?.addElement('dropped', element, now)
    }
  }

  /** Of the whole file. */
  rows(): SpillTally {
    return rowsOf(this.#stretches)
  }

  /** null: there would be too many rows. */
  byOffset(): OffsetTallies | null {
    const all = this.#starts.map((start, at) => [`${start}`, rowsOf(this.#stretches.slice(at))] as const)
    return all.reduce((sum, [, rows]) => sum + rows.length, 0) > MOST_ROWS ? null : Object.fromEntries(all)
  }
}

/** As it stands in a file. */
function rowsOf(tallies: readonly Tally[]): SpillTally {
  const sum = new Tally()
  for (const tally of tallies) tally.forEach((state, minute, apiId, records) => sum.add(state, minute, apiId, records))
  const rows: (readonly [number, string, number])[] = []
  sum.forEach((_, minute, apiId, records) => rows.push([minute, apiId, records]))
  return rows
}

/** By sink: what is given up of a file that is gone. Without a tally it is of no API. */
export function talliesOfMissing(
  total: number,
  offsets: SpilledEntry['offsets'],
  known: OffsetTallies | null,
): ReadonlyMap<string, Tally> {
  return new Map(
    Object.entries(offsets).map(([sink, offset]) => {
      const tally = new Tally()
      const rows = known?.[`${offset}`] ?? [[minuteOf(Date.now() / 1000), NO_API, total - offset]]
      for (const [minute, apiId, records] of rows) tally.add('dropped', minute, apiId, records)
      return [sink, tally] as const
    }),
  )
}

/** By sink: what a command has given up, as far as the file can be read, and as lost what cannot. */
export function talliesOfGiven(
  source: SourceList,
  { total, given = {} }: SpilledEntry,
  decoded: DecodedSpill,
): ReadonlyMap<string, Tally> {
  return new Map(
    Object.entries(given).map(([sink, offset]) => {
      const tally = talliesOfLost(source, { total, offsets: { [sink]: offset } }, decoded).get(sink) ?? new Tally()
      addDropped(tally, source, blockOf(decoded.records, offset))
      return [sink, tally] as const
    }),
  )
}

/**
 * By sink: the records of a file that cannot be read any more and that it waits for. Of which APIs they are is known when
 * the end of the file can be read and all of them are the sink's. Else they belong to none, as what is no record does.
 *
 * @param entry - The offsets of the sinks, and the total for a file without any readable header.
 */
export function talliesOfLost(
  source: SourceList,
  entry: Pick<SpilledEntry, 'total' | 'offsets'>,
  { records, tally: written, header }: DecodedSpill,
): ReadonlyMap<string, Tally> {
  const indexes = new Set(records.map(({ index }) => index))
  const tallies = new Map<string, Tally>()
  const first = header?.first ?? 0
  const total = header?.total ?? entry.total
  const lost: number[] = []
  for (let index = first; index < total; index++) if (!indexes.has(index)) lost.push(index)
  for (const [sink, offset] of Object.entries(entry.offsets)) {
    const own = lost.filter((index) => index >= offset).length
    if (own === 0) continue
    const tally = new Tally()
    const known = own === lost.length && written !== null ? difference(source, written, records) : null
    if (known === null) tally.add('dropped', minuteOf(Date.now() / 1000), NO_API, own)
    else for (const [minute, apiId, count] of known) tally.add('dropped', minute, apiId, count)
    tallies.set(sink, tally)
  }
  return tallies
}

/** What was written less what was read; null when that does not fit together. */
function difference(source: SourceList, written: SpillTally, records: readonly SpilledRecord[]): SpillTally | null {
  const read = new Tally()
  addDropped(read, source, blockOf(records, 0))
  const left = new Map(written.map(([minute, apiId, count]) => [JSON.stringify([minute, apiId]), count]))
  for (const [minute, apiId, count] of rowsOf([read])) {
    const key = JSON.stringify([minute, apiId])
    // What is no record was counted under the minute in which it was written.
    if (apiId !== NO_API) left.set(key, (left.get(key) ?? 0) - count)
  }
  const rows = [...left].map(([key, count]) => {
    const [minute, apiId] = JSON.parse(key) as [number, string]
    return [minute, apiId, count] as const
  })
  if (rows.some(([, apiId, count]) => count < 0 || apiId === NO_API)) return null
  return rows.filter(([, , count]) => count > 0)
}

function blockOf(records: readonly SpilledRecord[], from: number): RecordBlock {
  return new RecordBlock(records.filter(({ index }) => index >= from).map(({ raw }) => raw))
}
