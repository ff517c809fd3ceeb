import { SinkBatchTooLargeError, SinkUnavailableError } from '../../errors.ts'
import type { Rejection, Verdict } from '../types.ts'
import type { Encoded } from './repair.ts'
import { TOO_LARGE } from './verdicts.ts'

/** Documents from here on may be more than a server can digest without saying so: it runs out of memory, or of time. */
const LARGE_CHARS = 8 * 1024 * 1024

/** Failures of one document alone, while the server answers other requests, after which the document is to blame. */
const MOST_FAILURES = 2

/**
 * For one attempt with a large document: nothing else is sent meanwhile. 50 MB of text took Elasticsearch 8 ten seconds on
 * two busy cores.
 */
const LARGE_TIMEOUT_MS = 30_000

/** Enough for every request in flight; documents that got through are forgotten. */
const MOST_SUSPECTS = 100

const SILENT_REASON = 'the document fails although Elasticsearch answers'

/** Sends one document alone, in the form it is given. @throws what a sink's `write` throws. */
type WriteOne = (signal: AbortSignal) => Promise<Verdict>

/**
 * Remembers which documents are too large, by their ids: those that were refused for it, because a server that has said so
 * may close the connection on what is sent next, and those that fail again and again although the server is well. So none
 * of them stops the sink for good.
 */
export class LargeDocuments {
  readonly #answers: () => Promise<boolean>
  readonly #suspects = new Map<string, { failures: number; reason: string }>()

  /** @param answers - Whether the server answers other requests. */
  constructor(answers: () => Promise<boolean>) {
    this.#answers = answers
  }

  /** Sends one document alone; a rejection for its size in place of being told so, and of failing for ever. */
  async attempt({ entry: { id }, document, trimmed }: Encoded, signal: AbortSignal, write: WriteOne): Promise<Verdict> {
    // Without its raw texts it is another document, and the last form there is.
    const suspect = trimmed === true ? undefined : this.#suspects.get(id)
    if (suspect !== undefined && suspect.failures >= MOST_FAILURES) return tooLarge(suspect.reason)
    const isLarge = document.length >= LARGE_CHARS
    const within = isLarge ? AbortSignal.any([signal, AbortSignal.timeout(LARGE_TIMEOUT_MS)]) : signal
    try {
      const verdict = await write(within)
      // Version 9 says so of a document that is beyond its indexing pressure limit, today and always.
      if (verdict === 'retry' && isLarge) this.#note(id, 1, SILENT_REASON)
      else if (verdict !== 'retry') this.settled(id)
      return verdict
    } catch (error) {
      if (error instanceof SinkBatchTooLargeError) {
        if (trimmed !== true) this.#note(id, MOST_FAILURES, error.message)
        return tooLarge(error.message)
      }
      if (isLarge && error instanceof SinkUnavailableError && (await this.#answers())) this.#note(id, 1, SILENT_REASON)
      throw error
    }
  }

  /** The document is stored, or given up. */
  settled(id: string): void {
    this.#suspects.delete(id)
  }

  #note(id: string, failures: number, reason: string): void {
    const before = this.#suspects.get(id)?.failures ?? 0
    const [oldest] = this.#suspects.keys()
    if (this.#suspects.size >= MOST_SUSPECTS && oldest !== undefined) this.#suspects.delete(oldest)
    this.#suspects.set(id, { failures: before + failures, reason })
  }
}

const tooLarge = (reason: string): Rejection => ({ rejected: reason, errorType: TOO_LARGE })
