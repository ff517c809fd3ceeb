import {
  analyticsKey,
  encodeRecord,
  NUMBERED_LISTS,
  encodeRecordProtobuf,
  type AnalyticsRecord,
  type Serialisation,
} from '@tek/analytics-record'
import type { Log } from '../log/log.ts'
import { fromByteStrings } from './protobuf-text.ts'

/** The one command the writer needs: several elements to the end of a list, and how long the list may live. */
export interface ListStore {
  /** @param ttlSeconds - null: the list's life is left alone. */
  append(key: string, elements: readonly Uint8Array[], ttlSeconds: number | null): Promise<void>
}

export interface WriterOptions {
  readonly store: ListStore
  readonly log: Log
  readonly serialisation: Serialisation
  readonly numberedLists: boolean
  /** Life of a list after its last record, in seconds; null: for ever. */
  readonly ttlSeconds: number | null
  /** Bytes of encoded records kept while Redis is away; beyond it the oldest are dropped and counted. */
  readonly maxBufferedBytes: number
}

export interface WriterCounters {
  readonly pushed: number
  readonly written: number
  readonly dropped: number
  readonly buffered: number
}

const FLUSH_MS = 100
/** Records that make a flush due before the timer. */
const FLUSH_RECORDS = 500
/** Characters of recorded messages that do: a record has up to 45 million of them. */
const FLUSH_MESSAGE_CHARS = 8 * 1024 * 1024
const MAX_ELEMENTS = 1000
const MAX_RETRY_MS = 5000
const DROP_LOG_MS = 10_000

interface Batch {
  readonly key: string
  readonly elements: Uint8Array[]
  readonly bytes: number
}

/**
 * Carries records from requests to the Redis list, in batches and off the request's time.
 *
 * While Redis is away batches are kept in order up to a bound and sent again; a request never waits.
 */
export class AnalyticsWriter {
  readonly #options: WriterOptions
  #fresh: AnalyticsRecord[] = []
  #freshMessageChars = 0
  readonly #batches: Batch[] = []
  #bufferedBytes = 0
  #timer: NodeJS.Timeout | null = null
  #soon: NodeJS.Immediate | null = null
  #sending: Promise<void> | null = null
  #retryMs = FLUSH_MS
  #retryTimer: NodeJS.Timeout | null = null
  #down = false
  #pushed = 0
  #written = 0
  #dropped = 0
  #dropLoggedAtMs = -Infinity

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Hot path: one array push; the rest happens in a timer. */
  push(record: AnalyticsRecord): void {
    this.#pushed++
    const length = this.#fresh.push(record)
    this.#freshMessageChars += record.rawRequest.length + record.rawResponse.length
    if (length >= FLUSH_RECORDS || this.#freshMessageChars >= FLUSH_MESSAGE_CHARS) {
      // Not here: this is still the time of the request that happened to be the last of a batch.
      this.#soon ??= setImmediate(() => this.#encodeFresh())
    } else {
      this.#timer ??= setTimeout(() => this.#encodeFresh(), FLUSH_MS)
    }
  }

  counters(): WriterCounters {
    return {
      pushed: this.#pushed,
      written: this.#written,
      dropped: this.#dropped,
      buffered: this.#pushed - this.#written - this.#dropped,
    }
  }

  /** Sends what is held, within the deadline; what is left then is counted as dropped and logged. */
  async close(deadlineMs: number): Promise<void> {
    this.#encodeFresh()
    const deadline = performance.now() + deadlineMs
    while (this.#batches.length > 0 && performance.now() < deadline) {
      const before = this.#batches.length
      await this.#send()
      if (this.#batches.length >= before) await delay(Math.min(FLUSH_MS, Math.max(0, deadline - performance.now())))
    }
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer)
    const left = this.#batches.reduce((sum, batch) => sum + batch.elements.length, 0)
    if (left === 0) return
    this.#batches.length = 0
    this.#dropped += left
    this.#options.log.error(
      { records: left },
      'Analytics records lost: Redis did not take them before the process ended',
    )
  }

  #encodeFresh(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#soon !== null) clearImmediate(this.#soon)
    this.#timer = null
    this.#soon = null
    if (this.#fresh.length === 0) return
    const records = this.#fresh
    this.#fresh = []
    this.#freshMessageChars = 0
    for (let from = 0; from < records.length; from += MAX_ELEMENTS) {
      this.#enqueue(records.slice(from, from + MAX_ELEMENTS))
    }
    if (this.#retryTimer === null) void this.#send()
  }

  #enqueue(records: readonly AnalyticsRecord[]): void {
    const { serialisation, numberedLists } = this.#options
    const elements: Uint8Array[] = []
    let bytes = 0
    for (const record of records) {
      const element = this.#encode(record)
      if (element === null) continue
      elements.push(element)
      bytes += element.length
    }
    if (elements.length === 0) return
    const shard = numberedLists ? Math.floor(Math.random() * NUMBERED_LISTS) : null
    this.#batches.push({ key: analyticsKey(serialisation, shard), elements, bytes })
    this.#bufferedBytes += bytes
    this.#keepWithinBound()
  }

  #encode(record: AnalyticsRecord): Uint8Array | null {
    try {
      if (this.#options.serialisation === 'protobuf') return encodeRecordProtobuf(fromByteStrings(record))
      return encodeRecord(record, { text: 'bytes' })
    } catch (err) {
      this.#dropped++
      this.#options.log.error({ err, api_id: record.apiId }, 'Error encoding analytics data')
      return null
    }
  }

  #keepWithinBound(): void {
    const { maxBufferedBytes, log } = this.#options
    let dropped = 0
    // The batch in flight stays, it may have arrived already; so does the newest.
    const first = this.#sending === null ? 0 : 1
    while (this.#bufferedBytes > maxBufferedBytes && this.#batches.length > first + 1) {
      const [oldest] = this.#batches.splice(first, 1)
      if (oldest === undefined) break
      this.#bufferedBytes -= oldest.bytes
      dropped += oldest.elements.length
    }
    if (dropped === 0) return
    this.#dropped += dropped
    if (performance.now() - this.#dropLoggedAtMs < DROP_LOG_MS) return
    this.#dropLoggedAtMs = performance.now()
    log.error(
      { dropped: this.#dropped, buffered_bytes: this.#bufferedBytes },
      'Analytics records dropped: Redis is away and the buffer is full',
    )
  }

  #send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null
    })
    return this.#sending
  }

  async #sendAll(): Promise<void> {
    const { store, log, ttlSeconds } = this.#options
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      try {
        await store.append(batch.key, batch.elements, ttlSeconds)
      } catch (err) {
        if (!this.#down) log.error({ err, kept: true }, 'Error trying to append to set keys')
        this.#down = true
        this.#scheduleRetry()
        return
      }
      this.#batches.shift()
      this.#bufferedBytes -= batch.bytes
      this.#written += batch.elements.length
      this.#retryMs = FLUSH_MS
      if (this.#down) log.info({ records: this.#written }, 'Analytics records are written again')
      this.#down = false
    }
  }

  #scheduleRetry(): void {
    if (this.#retryTimer !== null) return
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null
      void this.#send()
    }, this.#retryMs)
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS)
  }
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
