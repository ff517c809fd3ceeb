import type { Cluster, Redis } from 'ioredis'
import type { DeadLetterKeys } from '../lease/keys.ts'
import type { Log } from '../log/log.ts'
import { OncePerInterval } from '../log/once-per-interval.ts'
import { type RunScript, defineScript } from '../redis/define-scripts.ts'

export interface DeadLetter {
  readonly raw: Buffer
  /** The list it was found in. */
  readonly source: string
  /** The sink that could not take it; null: it is no record, so no sink could. */
  readonly sink: string | null
  readonly reason: string
}

export interface DeadLettersOptions {
  readonly client: Redis | Cluster
  readonly keys: DeadLetterKeys
  readonly maxEntries: number
  readonly maxBytes: number
  readonly log: Log
}

/**
 * Records that cannot be delivered, kept for a person to look at: a Redis list of JSON objects with `time`, `source`,
 * `sink`, `reason`, and `raw`, the bytes as they lay in the source list, in base64. The list is bounded; what it loses is
 * counted in the hash beside it.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions
  readonly #push: RunScript
  readonly #evictions = new OncePerInterval(60_000)
  /** Entries in the list when it was last written to; null before that. */
  size: number | null = null
  evicted = 0

  constructor(options: DeadLettersOptions) {
    this.#options = options
    this.#push = defineScript(
      options.client,
      'pushDeadLetters',
      new URL('./scripts/push-dead-letters.lua', import.meta.url),
    )
  }

  /** Resolves once all of them are in Redis. */
  async push(letters: readonly DeadLetter[]): Promise<void> {
    const { keys, maxEntries, maxBytes } = this.#options
    const answer = await this.#push([keys.list, keys.counts], [maxEntries, maxBytes, ...letters.map(formatLetter)])
    const [size, evicted] = (answer as unknown[]).map(Number)
    this.size = size ?? 0
    if (evicted === undefined || evicted === 0) return
    this.evicted += evicted
    this.#evictions.run(() => {
      this.#options.log.error(
        { list: keys.list, evicted: this.evicted },
        'too many dead letters, the oldest are dropped',
      )
    })
  }
}

function formatLetter({ raw, source, sink, reason }: DeadLetter): string {
  return JSON.stringify({ time: new Date().toISOString(), source, sink, reason, raw: raw.toString('base64') })
}
