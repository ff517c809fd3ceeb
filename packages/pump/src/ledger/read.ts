import { type SourceList, ledgerKey } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { type LedgerField, parseLedgerField } from './fields.ts'

/** Whole minutes since the epoch, both included. */
export interface MinuteRange {
  readonly first: number
  readonly last: number
}

/** What one hash says, at one instant. */
export type VisitHash = (
  source: string,
  minute: number,
  counts: readonly { readonly field: LedgerField; readonly records: number }[],
) => void

const HASHES_PER_CALL = 500

/** Reads every hash of the range that there is. Each is read whole, so what it says of a record fits together. */
export async function readLedger(
  client: Redis | Cluster,
  sources: readonly SourceList[],
  { first, last }: MinuteRange,
  visit: VisitHash,
  report: (done: number, total: number) => void = () => undefined,
): Promise<void> {
  const total = sources.length * (last - first + 1)
  let done = 0
  for (const { key: source } of sources) {
    for (let from = first; from <= last; from += HASHES_PER_CALL) {
      const minutes = Array.from({ length: Math.min(HASHES_PER_CALL, last - from + 1) }, (_, at) => from + at)
      // One list's hashes are in one slot, so that a cluster takes them together.
      const pipeline = client.pipeline()
      for (const minute of minutes) pipeline.hgetall(ledgerKey(source, minute))
      const answers = (await pipeline.exec()) ?? []
      for (const [at, [error, answer]] of answers.entries()) {
        // A key of another kind under such a name says nothing.
        if (error !== null && !error.message.startsWith('WRONGTYPE')) throw error
        const counts = error === null ? countsIn(answer as Record<string, string>) : []
        if (counts.length > 0) visit(source, minutes[at] ?? 0, counts)
      }
      done += minutes.length
      report(done, total)
    }
  }
}

function countsIn(hash: Readonly<Record<string, string>>): { field: LedgerField; records: number }[] {
  return Object.entries(hash).flatMap(([name, value]) => {
    const field = parseLedgerField(name)
    const records = Number(value)
    return field === null || !Number.isSafeInteger(records) ? [] : [{ field, records }]
  })
}
