import type { Cluster, Redis } from 'ioredis'
import type { DeadLetterKeys } from '../lease/keys.ts'
import { type RunScript, defineScript } from '../redis/define-scripts.ts'
import { type DeadLetter, formatLetter, parseHead, rawOf } from './letter.ts'
import type { DeadLetterStore, Found, Pushed } from './store.ts'

export interface RedisStoreOptions {
  readonly client: Redis | Cluster
  readonly keys: DeadLetterKeys
  readonly maxEntries: number
  readonly maxBytes: number
}

/** Letters per call: their heads are a page of text, and Redis does nothing else meanwhile. */
const LETTERS_PER_PAGE = 100

/** Where a letter was when it was listed. Letters only ever move towards the head of the list. */
interface Place {
  readonly index: number
  readonly head: string
}

/**
 * The list in Redis: bounded by entries and bytes, the oldest give way. A hash beside it counts what was pushed, evicted,
 * replayed and dropped, and a set holds the ids.
 */
export function createRedisStore({ client, keys, maxEntries, maxBytes }: RedisStoreOptions): DeadLetterStore {
  const define = (command: string, name: string): RunScript =>
    defineScript(client, command, new URL(`./scripts/${name}.lua`, import.meta.url))
  const runPush = define('pushDeadLetters', 'push-dead-letters')
  const runList = define('listDeadLetters', 'list-dead-letters')
  const runRead = define('readDeadLetters', 'read-dead-letters')
  const runRemove = define('removeDeadLetters', 'remove-dead-letters')
  const count = (): Promise<number> => client.llen(keys.list)

  const readPage = async (first: number, last: number): Promise<Found[]> => {
    const heads = (await runList([keys.list], [first, last])) as Buffer[]
    return heads.flatMap((bytes, at) => {
      const head = bytes.toString()
      const parsed = parseHead(head)
      const ref: Place = { index: first + at, head }
      return parsed === null ? [] : [{ head: parsed, ref }]
    })
  }

  return {
    place: `the Redis list ${keys.list}`,
    async push(letters): Promise<Pushed> {
      const answer = await runPush([keys.list, keys.counts, keys.ids], [maxEntries, maxBytes, ...formatAll(letters)])
      const [size = 0, evicted = 0] = (answer as unknown[]).map(Number)
      return { size, evicted }
    },
    count,
    evicted: async () => Number((await client.hget(keys.counts, 'evicted')) ?? 0),
    async *list() {
      // From the newest to the oldest: what is evicted or removed meanwhile makes a letter come twice, never not at all.
      for (let last = (await count()) - 1; last >= 0; last -= LETTERS_PER_PAGE) {
        const page = await readPage(Math.max(0, last - LETTERS_PER_PAGE + 1), last)
        yield page.toReversed()
      }
    },
    async read(found) {
      const letters = (await runRead([keys.list], found.flatMap(placeOf))) as Buffer[]
      return letters.map((letter) => rawOf(letter.toString('latin1')))
    },
    async remove(found, why) {
      if (found.length === 0) return 0
      // From the back to the front: then no removal moves one that is still to come.
      const ordered = found.toSorted((a, b) => (b.ref as Place).index - (a.ref as Place).index)
      return Number(await runRemove([keys.list, keys.counts, keys.ids], [why, ...ordered.flatMap(placeOf)]))
    },
    close: () => Promise.resolve(),
  }
}

function placeOf({ ref }: Found): [number, string] {
  const { index, head } = ref as Place
  return [index, head]
}

function formatAll(letters: readonly DeadLetter[]): string[] {
  const now = new Date()
  return letters.map((letter) => formatLetter(letter, now))
}
