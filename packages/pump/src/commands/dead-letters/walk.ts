import type { DeadLetterStore, Found, LetterHead } from '../../dead-letters/index.ts'
import type { Progress } from '../progress.ts'
import type { CommandDeps } from '../session.ts'

/** What every action on dead letters works with. */
export interface LetterWork {
  readonly stores: readonly DeadLetterStore[]
  readonly isMeant: (head: LetterHead) => boolean
  readonly progress: Progress
  /** Why a store failed: the connection's own trouble rather than the client library's words for it. */
  readonly explain: (store: DeadLetterStore, error: unknown) => string
  readonly deps: CommandDeps
}

/**
 * Visits the letters that are meant, store by store, some at a time. A store that cannot be asked is told about, and the
 * others are visited all the same.
 *
 * @returns false when a store could not be asked, or not to its end.
 */
export async function walk(
  { stores, isMeant, progress, explain, deps }: LetterWork,
  visit: (store: DeadLetterStore, found: readonly Found[]) => Promise<void> | void,
): Promise<boolean> {
  let complete = true
  for (const store of stores) {
    try {
      await walkStore(store, isMeant, progress, visit)
    } catch (error) {
      complete = false
      progress.clear()
      deps.log.error(`${store.place} cannot be asked: ${explain(store, error)}`)
    }
  }
  return complete
}

async function walkStore(
  store: DeadLetterStore,
  isMeant: LetterWork['isMeant'],
  progress: Progress,
  visit: (store: DeadLetterStore, found: readonly Found[]) => Promise<void> | void,
): Promise<void> {
  const total = await store.count()
  const seen = new Set<string>()
  let done = 0
  for await (const page of store.list()) {
    // A letter may be listed twice while others leave the store.
    const meant = page.filter(({ head }) => {
      const key = `${head.id} ${head.time}`
      const isNew = !seen.has(key)
      seen.add(key)
      return isNew && isMeant(head)
    })
    done += page.length
    if (meant.length > 0) await visit(store, meant)
    progress.report('dead letters looked through', done, total)
  }
}

/** Cuts letters into parts whose bytes can be in memory at the same time. */
export function* inParts(found: readonly Found[], mostLetters: number, mostBytes: number): Generator<readonly Found[]> {
  let part: Found[] = []
  let bytes = 0
  for (const one of found) {
    const size = one.head.rawBytes
    if (part.length > 0 && (part.length >= mostLetters || bytes + size > mostBytes)) {
      yield part
      ;[part, bytes] = [[], 0]
    }
    part.push(one)
    bytes += size
  }
  if (part.length > 0) yield part
}
