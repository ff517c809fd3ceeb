// Hot path.
import type { Instant } from '@tek/analytics-record'

const RESYNC_MS = 1000

/** Local calendar of an instant: what the record's Day, Month, Year and Hour hold. */
export interface LocalHour {
  readonly day: number
  readonly month: number
  readonly year: number
  readonly hour: number
}

/**
 * Wall clock of records: nanoseconds, strictly increasing per process, so that no two records are equal byte for byte.
 * Of several processes each has instants of its own: those whose nanoseconds leave its index as the rest of a division
 * by their number.
 *
 * The finer digits come from the monotonic clock; the two are brought together each second, never backwards.
 */
export class RecordClock {
  readonly #index: number
  readonly #count: number
  #offsetMs = performance.timeOrigin
  #syncedAtMs = -Infinity
  #last: Instant = { seconds: 0, nanos: 0 }
  #hour: LocalHour = { day: 0, month: 0, year: 0, hour: 0 }
  /** End of validity of `#hour`, in seconds. Quarter hours: some zones are off by those. */
  #hourUntil = -1

  /** @param index - of this process, from 0 to `count` - 1. */
  constructor(index = 0, count = 1) {
    this.#index = index
    this.#count = count
  }

  /** @param monotonicMs - What `performance.now()` says now. */
  at(monotonicMs: number): Instant {
    if (monotonicMs - this.#syncedAtMs > RESYNC_MS) {
      this.#offsetMs = Date.now() - monotonicMs
      this.#syncedAtMs = monotonicMs
    }
    const ms = this.#offsetMs + monotonicMs
    let seconds = Math.floor(ms / 1000)
    let nanos = this.#own(Math.floor((ms - seconds * 1000) * 1e6))
    const last = this.#last
    if (seconds < last.seconds || (seconds === last.seconds && nanos <= last.nanos)) {
      seconds = last.seconds
      nanos = last.nanos + this.#count
    }
    if (nanos >= 1e9) {
      seconds++
      nanos = this.#index
    }
    this.#last = { seconds, nanos }
    return this.#last
  }

  #own(nanos: number): number {
    return nanos - (nanos % this.#count) + this.#index
  }

  localHour(instant: Instant): LocalHour {
    if (instant.seconds >= this.#hourUntil || instant.seconds < this.#hourUntil - 900) {
      const date = new Date(instant.seconds * 1000)
      this.#hour = {
        day: date.getDate(),
        month: date.getMonth() + 1,
        year: date.getFullYear(),
        hour: date.getHours(),
      }
      this.#hourUntil = (Math.floor(instant.seconds / 900) + 1) * 900
    }
    return this.#hour
  }
}
