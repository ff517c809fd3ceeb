import { ledgerKey } from '@tek/analytics-record'
import type { Redis } from 'ioredis'

/** As long as hashes of the ledger live. */
export const MOST_MINUTES = 7 * 1440

const HASHES_PER_CALL = 500

/** Where a hash is: a list and a minute. */
export type VisitHash = (place: string, fields: Readonly<Record<string, string>>) => void

/** Reads every hash of the ledger that there is in a range of minutes since 1970, both included. */
export async function readLedger(
  client: Redis,
  sources: readonly string[],
  { first, last }: { readonly first: number; readonly last: number },
  signal: AbortSignal,
  visit: VisitHash,
): Promise<void> {
  for (const source of sources) {
    for (let from = first; from <= last; from += HASHES_PER_CALL) {
      signal.throwIfAborted()
      const count = Math.min(HASHES_PER_CALL, last - from + 1)
      const keys = Array.from({ length: count }, (_, at) => ledgerKey(source, from + at))
      // Of 22 lists most installations use one.
      if ((await client.exists(...keys)) === 0) continue
      const pipeline = client.pipeline()
      for (const key of keys) pipeline.hgetall(key)
      for (const [at, [error, fields]] of ((await pipeline.exec()) ?? []).entries()) {
        // A key of another kind under such a name says nothing.
        if (error !== null && !error.message.startsWith('WRONGTYPE')) throw error
        if (error === null) visit(keys[at] ?? '', fields as Record<string, string>)
      }
    }
  }
}
