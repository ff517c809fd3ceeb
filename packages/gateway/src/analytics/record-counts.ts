// Hot path.
import type { AnalyticsRecord } from '@tek/analytics-record'

const SECONDS_PER_MINUTE = 60

/** How many records a batch has, by minute of their timestamps and by API. Nothing is made per record. */
export class RecordCounts {
  readonly #minutes = new Map<number, Map<string, number>>()
  #minute = NaN
  /** Those of `#minute`: records come in the order of their time. */
  #apis = new Map<string, number>()

  add(record: AnalyticsRecord): void {
    const minute = Math.floor(record.timestamp.seconds / SECONDS_PER_MINUTE)
    if (minute !== this.#minute) this.#turnTo(minute)
    this.#apis.set(record.apiId, (this.#apis.get(record.apiId) ?? 0) + 1)
  }

  /** By whole minutes since the epoch, then by API id, a text of bytes as everything in a record. */
  get minutes(): ReadonlyMap<number, ReadonlyMap<string, number>> {
    return this.#minutes
  }

  clear(): void {
    this.#minutes.clear()
    this.#minute = NaN
  }

  #turnTo(minute: number): void {
    this.#minute = minute
    this.#apis = this.#minutes.get(minute) ?? new Map()
    this.#minutes.set(minute, this.#apis)
  }
}
