import { ANALYTICS_KEY_PREFIX, type SourceList, sourceLists } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import type { DeadLetterStore, Found } from '../../dead-letters/index.ts'
import { RecordReturn } from '../../lease/index.ts'
import { keyPrefixOf } from '../../redis/options.ts'
import { counted } from '../table.ts'
import { NO_SINK } from './select.ts'
import { type LetterWork, inParts, walk } from './walk.ts'

/** One lease takes this much. */
const LETTERS_PER_LEASE = 100
const BYTES_PER_LEASE = 4 * 1024 * 1024

/**
 * Sends letters again, each to the sink that has refused it: the record goes into a lease for that sink alone, and only
 * then the letter goes. Killed in between, the record is in both places; sent twice, it has the same id.
 */
export async function replayLetters(work: LetterWork, confirmed: boolean, client: Redis | Cluster): Promise<number> {
  const plan = new Plan(work)
  const records = new RecordReturn(client)
  const complete = await walk(work, async (store, found) => {
    for (const [route, letters] of plan.routes(found)) {
      if (!confirmed) plan.sent(route.sinks, letters.length)
      else await send(store, letters, route, records, plan)
    }
  })
  work.progress.clear()
  return plan.report(confirmed, complete)
}

interface Route {
  readonly source: SourceList
  readonly sinks: readonly string[]
}

async function send(
  store: DeadLetterStore,
  letters: readonly Found[],
  { source, sinks }: Route,
  records: RecordReturn,
  plan: Plan,
): Promise<void> {
  for (const part of inParts(letters, LETTERS_PER_LEASE, BYTES_PER_LEASE)) {
    const raws = await store.read(part)
    const whole = part.flatMap((letter, at) => {
      const raw = raws[at] ?? null
      return raw === null ? [] : [{ letter, raw }]
    })
    const gone = part.filter((letter, at) => raws[at] == null && letter.head.rawBytes > 0).length
    plan.leave(gone, 'their bytes were too many to be kept, or somebody else took them out meanwhile')
    if (whole.length === 0) continue
    const isBack = await records.putBack(
      source,
      sinks,
      whole.map(({ raw }) => raw),
      plan.bookedAs(part),
    )
    if (!isBack) {
      plan.leave(whole.length, 'they are on their way from an earlier replay: repeat once that has ended')
      continue
    }
    await store.remove(
      whole.map(({ letter }) => letter),
      'replayed',
    )
    plan.sent(sinks, whole.length)
  }
}

/** Where each letter goes, and the account of it. */
class Plan {
  readonly #work: LetterWork
  readonly #sources: ReadonlyMap<string, SourceList>
  readonly #configured: readonly string[]
  readonly #sent = new Map<string, number>()
  readonly #left = new Map<string, number>()

  constructor(work: LetterWork) {
    const { core, sinks } = work.deps.config
    const lists = sourceLists(keyPrefixOf(core.analytics_storage_config, ANALYTICS_KEY_PREFIX))
    this.#work = work
    this.#sources = new Map(lists.map((source) => [source.key, source]))
    this.#configured = sinks.map(({ name }) => name)
  }

  /** Letters that go the same way, together. */
  routes(found: readonly Found[]): Map<Route, Found[]> {
    const routes = new Map<string, Route>()
    const letters = new Map<Route, Found[]>()
    for (const one of found) {
      const { sink, source: key } = one.head
      const source = this.#sources.get(key)
      // What was no record may be one for this version: then it is for every sink.
      const sinks = sink === null ? this.#configured : [sink]
      if (source === undefined) this.leave(1, `${key} is no list of this configuration (key_prefix)`)
      else if (sinks.some((name) => !this.#configured.includes(name)) || sinks.length === 0) {
        this.leave(1, `sink ${sink ?? ''} is not configured: configure it again, or drop them`)
      } else {
        const name = `${key} ${sink ?? NO_SINK} ${sinks.join(' ')}`
        const route = routes.get(name) ?? { source, sinks }
        routes.set(name, route)
        letters.set(route, [...(letters.get(route) ?? []), one])
      }
    }
    return letters
  }

  sent(sinks: readonly string[], count: number): void {
    add(this.#sent, sinks.join(', '), count)
  }

  /** The sink for which the ledger has these letters as dead; null: there is no ledger, or they were no records. */
  bookedAs([first]: readonly Found[]): string | null {
    return this.#work.deps.config.core.ledger ? (first?.head.sink ?? null) : null
  }

  leave(count: number, why: string): void {
    if (count > 0) add(this.#left, why, count)
  }

  report(confirmed: boolean, complete: boolean): number {
    const { print } = this.#work.deps
    for (const [sinks, count] of this.#sent) {
      const letters = counted(count, 'dead letter')
      if (confirmed) {
        print(
          `put ${letters} back for ${sinks}: a running pump delivers them within seconds, leases list shows what waits\n`,
        )
      } else print(`would send ${letters} to ${sinks} again; repeat with --yes to do it\n`)
    }
    for (const [why, count] of this.#left) print(`left alone ${counted(count, 'dead letter')}: ${why}\n`)
    if (this.#sent.size + this.#left.size === 0 && complete) print('no such dead letter: dead-letters list shows all\n')
    return complete && this.#left.size === 0 ? 0 : 1
  }
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count)
}
