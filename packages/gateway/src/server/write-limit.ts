// Hot path.
import type { ServerResponse } from 'node:http'
import { isLasting } from '../proxy/lasting.ts'

/** How often the oldest answer is looked at, as a part of the limit. */
const CHECKS = 10
const MIN_CHECK_MS = 50

interface Entry {
  readonly response: ServerResponse | null
  readonly beganMs: number
  older: Entry | null
  younger: Entry | null
}

/**
 * Limits the time from the end of a request's head to the last byte of its answer, unless that is meant to last. All
 * answers of a listener have the same limit, so the oldest is first and one timer is enough: a timer each was 3 % of the
 * processor time of a small exchange (scenario keyless of bench/).
 *
 * Open answers are a linked list and no Map: the tables a Map has outgrown point to the next one, so that once one of them
 * is old every answer that stood in a later one lives until the next major collection: an eighth of the processor time of a
 * small exchange, and pauses of 30 to 40 ms (scenario keyless-analytics of bench/). An entry that is taken out points nowhere.
 */
export class WriteLimit {
  readonly #limitMs: number
  /** Stands before the oldest and behind the youngest. */
  readonly #ends: Entry = { response: null, beganMs: 0, older: null, younger: null }
  readonly #timer: NodeJS.Timeout

  constructor(limitMs: number) {
    this.#limitMs = limitMs
    this.#ends.older = this.#ends
    this.#ends.younger = this.#ends
    this.#timer = setInterval(() => this.#check(), Math.max(MIN_CHECK_MS, limitMs / CHECKS)).unref()
  }

  begin(response: ServerResponse): void {
    const ends = this.#ends
    const youngest = ends.older as Entry
    const entry: Entry = { response, beganMs: performance.now(), older: youngest, younger: ends }
    youngest.younger = entry
    ends.older = entry
    response.on('close', () => takeOut(entry))
  }

  /** Answers that have begun and are not out. */
  *open(): Generator<ServerResponse> {
    for (let entry = this.#ends.younger as Entry; entry.response !== null; entry = entry.younger as Entry) {
      yield entry.response
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #check(): void {
    const before = performance.now() - this.#limitMs
    const late: Entry[] = []
    for (let entry = this.#ends.younger as Entry; entry.response !== null; entry = entry.younger as Entry) {
      if (entry.beganMs > before) break
      if (!isLasting(entry.response)) late.push(entry)
    }
    for (const entry of late) {
      takeOut(entry)
      entry.response?.destroy()
    }
  }
}

function takeOut(entry: Entry): void {
  if (entry.older === null || entry.younger === null) return
  entry.older.younger = entry.younger
  entry.younger.older = entry.older
  entry.older = null
  entry.younger = null
}
