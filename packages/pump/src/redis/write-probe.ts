import type { RedisConnection } from './connection.ts'

/** How a Redis begins that refuses writes, whatever it may answer to reads. */
const REFUSAL = /^(?:READONLY|MISCONF|NOREPLICAS|OOM|CLUSTERDOWN)\b/

/** Asked at most this often, and waited for as long. */
const ASK_EVERY_MS = 1_000
const ANSWER_MS = 500

/**
 * Finds out whether Redis takes writes. A master that became a replica, one that cannot save to its disk and one that is out
 * of memory can still be asked, but not all that the pump has to write can be written there.
 */
export class WriteProbe {
  readonly #redis: RedisConnection
  readonly #lists: readonly string[]
  #asking: Promise<void> | null = null
  #askedAt = -Infinity
  #refusal: string | null = null

  /** @param lists - Names of the lists that are written, with what lies beside them in their slot of a cluster. */
  constructor(redis: RedisConnection, lists: readonly string[]) {
    this.#redis = redis
    this.#lists = lists
  }

  /** What is said when Redis is asked to write, in a cluster with the list; null: it writes, or was not connected. */
  get refusal(): string | null {
    return this.#refusal
  }

  /** Brings `refusal` up to date, unless Redis takes too long to answer. */
  async ask(): Promise<void> {
    if (!this.#redis.isUp()) {
      this.#refusal = null
      return
    }
    if (performance.now() - this.#askedAt < ASK_EVERY_MS) return
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null
    })
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, ANSWER_MS)
    await Promise.race([this.#asking, late.promise])
    clearTimeout(timer)
  }

  async #ask(): Promise<void> {
    const { client } = this.#redis
    const isCluster = 'nodes' in client
    // In a cluster each list is on a node of its own, perhaps, and the client finds it by the key.
    const lists = isCluster ? this.#lists : this.#lists.slice(0, 1)
    const answers = await Promise.all(lists.map((list) => this.#askFor(list)))
    const refused = lists.filter((_, index) => answers[index] !== null)
    const reason = answers.find((answer) => answer !== null) ?? null
    this.#refusal = reason === null || !isCluster ? reason : `${reason} (${namesOf(refused)})`
    this.#askedAt = performance.now()
  }

  /** null: it writes there, or says nothing of writes. */
  async #askFor(list: string): Promise<string | null> {
    try {
      // Writes nothing, as there is no such key, and is refused all the same wherever writes are.
      await this.#redis.client.setrange(keyBeside(list), 0, '')
      return null
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error))
      // Not an answer: a node that is away, or that hangs.
      if (name !== 'ReplyError') return this.#redis.isUp() ? message : null
      return REFUSAL.test(message) ? message : null
    }
  }
}

/** In the slot of the list: a key without braces hashes whole. */
function keyBeside(list: string): string {
  return `${/\{[^}]+\}/.test(list) ? list : `{${list}}`}:write-probe`
}

function namesOf([first, ...others]: readonly string[]): string {
  return others.length === 0 ? `list ${first}` : `list ${first} and ${others.length} more`
}
