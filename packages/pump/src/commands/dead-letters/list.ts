import type { DeadLettersCommand } from '../../config/arguments.ts'
import type { DeadLetterStore, LetterHead } from '../../dead-letters/index.ts'
import { counted, formatTable } from '../table.ts'
import { NO_SINK } from './select.ts'
import { type LetterWork, walk } from './walk.ts'

/** A reason as it stands in a table; `show` has the whole of it. */
const REASON_CHARS = 160

/** Prints the newest letters, how many there are in all, and what can be done about them. */
export async function listLetters(work: LetterWork, { limit, json }: DeadLettersCommand): Promise<number> {
  let newest: LetterHead[] = []
  const counts = new Map<DeadLetterStore, number>()
  const cut = (): void => {
    newest = newest.toSorted((a, b) => (a.time < b.time ? 1 : -1)).slice(0, limit)
  }
  const complete = await walk(work, (store, found) => {
    counts.set(store, (counts.get(store) ?? 0) + found.length)
    newest.push(...found.map(({ head }) => head))
    if (newest.length > 2 * limit) cut()
  })
  cut()
  work.progress.clear()
  const { print } = work.deps
  if (json) print(newest.map((head) => `${JSON.stringify(printed(head))}\n`).join(''))
  else print(await formatList(work, newest, counts, complete))
  return complete ? 0 : 1
}

/** A head as it is kept, in its own names. */
export function printed(head: LetterHead): object {
  const { id, time, source, sink, errorType, reason, index, recordTime, rawBytes } = head
  return {
    id,
    time,
    source,
    sink,
    error_type: errorType,
    reason,
    index,
    record_time: recordTime,
    raw_bytes: rawBytes,
  }
}

async function formatList(
  { stores }: LetterWork,
  newest: readonly LetterHead[],
  counts: ReadonlyMap<DeadLetterStore, number>,
  complete: boolean,
): Promise<string> {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  if (total === 0) return complete ? `no dead letters${await evictions(stores)}\n` : ''
  const rows = newest.map(({ id, time, sink, errorType, rawBytes, reason }) => {
    return [id || '?', time, sink ?? NO_SINK, errorType, `${rawBytes}`, oneLine(reason)]
  })
  const places = [...counts].map(([{ place }, count]) => `${counted(count, 'dead letter')} in ${place}`)
  const more = total > newest.length ? `, ${newest.length} shown: --limit=0 shows all` : ''
  return (
    formatTable(['ID', 'TIME', 'SINK', 'TYPE', 'BYTES', 'REASON'], rows) +
    `${places.join(', ')}${more}${await evictions(stores)}\n` +
    'dead-letters show ID shows one; remove the cause, then dead-letters replay sends them again; dead-letters drop gives them up\n'
  )
}

async function evictions(stores: readonly DeadLetterStore[]): Promise<string> {
  const counts = await Promise.all(stores.map((store) => store.evicted().catch(() => null)))
  const evicted = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  return evicted === 0 ? '' : `; ${evicted} older ones were dropped because there was no room for them`
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > REASON_CHARS ? `${line.slice(0, REASON_CHARS - 1)}…` : line
}
