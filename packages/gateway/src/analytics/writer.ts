import {
  analyticsKey,
  createRecordEncoder,
  NUMBERED_LISTS,
  encodeRecordProtobuf,
  type AnalyticsRecord,
  type Serialisation,
} from '@tek/analytics-record'
import type { Log } from '../log/log.ts'
import { ListElements } from './list-elements.ts'
import { fromByteStrings } from './protobuf-text.ts'
import { RecordCounts } from './record-counts.ts'

/** What the writer needs of Redis: several elements to the end of a list, and how long the list may live. */
export interface ListStore {
  /**
   * Neither elements nor counts may change before it is over.
   *
   * @param ttlSeconds - null: the list's life is left alone.
   * @param counts - for the list's ledger; null: none is kept.
   * @throws Error when the elements were refused, or nobody knows whether they arrived.
   */
  append(key: string, elements: ListElements, ttlSeconds: number | null, counts: RecordCounts | null): Promise<void>
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
  /** Counts the records in the ledger of their list. */
  readonly ledger: boolean
}

/** Records since the start; `pushed` is the sum of the other three at every moment. */
export interface WriterCounters {
  readonly pushed: number
  readonly written: number
  readonly dropped: number
  readonly buffered: number
}

const FLUSH_MS = 100
/** Records that are encoded together. Small groups hold up nobody for long; 500 take milliseconds. */
const ENCODE_RECORDS = 32
/**
 * Encoded records that make a flush due before the timer. A batch of 128 costs nearly as much as one of 512
 * (bench/list-store.bench.ts).
 */
const FLUSH_RECORDS = 512
/** Bytes that do: a record has up to 45 million characters of messages. */
const FLUSH_BYTES = 8 * 1024 * 1024
const MAX_ELEMENTS = 1000
/** Buffers that are kept for the next batches. */
const MAX_SPARE = 2
const MAX_RETRY_MS = 5000
/** How often a trouble that lasts is logged. */
const LOG_MS = 10_000

/** Encoded records, and what the ledger has to know about them. */
interface Contents {
  readonly elements: ListElements
  readonly counts: RecordCounts | null
}

interface Batch extends Contents {
  readonly key: string
}

/**
 * Carries records from requests to the Redis list, in batches and off the request's time.
 *
 * While Redis is away batches are kept in order up to a bound and sent again; a request never waits.
 */
export class AnalyticsWriter {
  readonly #options: WriterOptions
  /** Not encoded yet. */
  #fresh: AnalyticsRecord[] = []
  #freshMessageChars = 0
  /** Encoded, for the next batches. */
  #open: Contents
  readonly #spare: Contents[] = []
  readonly #encoder = createRecordEncoder({ text: 'bytes', reuse: true })
  readonly #batches: Batch[] = []
  #bufferedBytes = 0
  #timer: NodeJS.Timeout | null = null
  #soon: NodeJS.Immediate | null = null
  #sending: Promise<void> | null = null
  #retryMs = FLUSH_MS
  #retryTimer: NodeJS.Timeout | null = null
  #down = false
  #closed = false
  #pushed = 0
  #written = 0
  #dropped = 0
  #dropLoggedAtMs = -Infinity
  #troubleLoggedAtMs = -Infinity
  /** A trouble was logged, so its end is as well. */
  #troubleIsKnown = false

  constructor(options: WriterOptions) {
    this.#options = options
    this.#open = this.#newContents()
  }

  /** Hot path: one array push; the rest happens after the requests of this turn of the event loop. */
  push(record: AnalyticsRecord): void {
    this.#pushed++
    const length = this.#fresh.push(record)
    this.#freshMessageChars += record.rawRequest.length + record.rawResponse.length
    if (this.#soon === null && (length >= ENCODE_RECORDS || this.#freshMessageChars >= FLUSH_BYTES)) {
      // Not here: this is still the time of the request that happened to be the last of a group.
      this.#soon = setImmediate(() => this.#onGroup())
    }
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS)
  }

  counters(): WriterCounters {
    return {
      pushed: this.#pushed,
      written: this.#written,
      dropped: this.#dropped,
      buffered: this.#pushed - this.#written - this.#dropped,
    }
  }

  /** Bytes of what is encoded and not written yet; the records of the last moment are not encoded. */
  get bufferedBytes(): number {
    return this.#bufferedBytes + this.#open.elements.bytes
  }

  /** Sends what is held, within the deadline; what is left then is counted as dropped and logged. */
  async close(deadlineMs: number): Promise<void> {
    this.#flush()
    const deadline = performance.now() + deadlineMs
    while (this.#batches.length > 0 && performance.now() < deadline) {
      const before = this.#batches.length
      await within(this.#send(), deadline - performance.now())
      if (this.#batches.length >= before) await delay(Math.min(FLUSH_MS, Math.max(0, deadline - performance.now())))
    }
    this.#closed = true
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer)
    const left = this.#batches.reduce((sum, batch) => sum + batch.elements.count, 0)
    if (left === 0) return
    this.#batches.length = 0
    this.#bufferedBytes = 0
    this.#dropped += left
    this.#options.log.error(
      { records: left },
      'Analytics records lost: Redis did not take them before the process ended',
    )
  }

  #onGroup(): void {
    this.#soon = null
    this.#encodeFresh()
    const { elements } = this.#open
    if (elements.count >= FLUSH_RECORDS || elements.bytes >= FLUSH_BYTES) this.#flush()
  }

  #encodeFresh(): void {
    const records = this.#fresh
    this.#fresh = []
    this.#freshMessageChars = 0
    for (const record of records) {
      this.#encode(record)
      if (this.#open.elements.count >= MAX_ELEMENTS) this.#closeBatch()
    }
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#encodeFresh()
    this.#closeBatch()
    if (this.#batches.length > 0 && this.#retryTimer === null) void this.#send()
  }

  #closeBatch(): void {
    const { elements, counts } = this.#open
    if (elements.count === 0) return
    const { serialisation, numberedLists } = this.#options
    this.#open = this.#spare.pop() ?? this.#newContents()
    if (this.#down || this.#batches.length > MAX_SPARE) elements.trim()
    const shard = numberedLists ? Math.floor(Math.random() * NUMBERED_LISTS) : null
    this.#batches.push({ key: analyticsKey(serialisation, shard), elements, counts })
    this.#bufferedBytes += elements.bytes
    this.#keepWithinBound()
  }

  #newContents(): Contents {
    return { elements: new ListElements(), counts: this.#options.ledger ? new RecordCounts() : null }
  }

  #encode(record: AnalyticsRecord): void {
    const { elements, counts } = this.#open
    try {
      const isProtobuf = this.#options.serialisation === 'protobuf'
      elements.add(isProtobuf ? encodeRecordProtobuf(fromByteStrings(record)) : this.#encoder.encode(record))
      counts?.add(record)
    } catch (err) {
      this.#dropped++
      this.#options.log.error({ err, api_id: record.apiId }, 'Error encoding analytics data')
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
      this.#bufferedBytes -= oldest.elements.bytes
      dropped += oldest.elements.count
    }
    if (dropped === 0) return
    this.#dropped += dropped
    if (performance.now() - this.#dropLoggedAtMs < LOG_MS) return
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
    const { store, ttlSeconds } = this.#options
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      try {
        await store.append(batch.key, batch.elements, ttlSeconds, batch.counts)
      } catch (err) {
        this.#onTrouble(err)
        return
      }
      // Its records count as dropped already: the deadline came before the answer.
      if (this.#closed) return
      this.#batches.shift()
      this.#bufferedBytes -= batch.elements.bytes
      this.#written += batch.elements.count
      this.#keep(batch)
      this.#onSuccess()
    }
  }

  #onTrouble(err: unknown): void {
    this.#down = true
    if (this.#closed) return
    this.#scheduleRetry()
    if (performance.now() - this.#troubleLoggedAtMs < LOG_MS) return
    this.#troubleLoggedAtMs = performance.now()
    this.#troubleIsKnown = true
    const fields = { err, kept: true, buffered: this.counters().buffered, buffered_bytes: this.bufferedBytes }
    this.#options.log.error(fields, 'Error trying to append to set keys')
  }

  #onSuccess(): void {
    this.#retryMs = FLUSH_MS
    this.#down = false
    if (!this.#troubleIsKnown) return
    this.#troubleIsKnown = false
    this.#options.log.info({ records: this.#written }, 'Analytics records are written again')
  }

  #keep({ elements, counts }: Batch): void {
    if (this.#spare.length >= MAX_SPARE || !elements.isReusable) return
    elements.clear()
    counts?.clear()
    this.#spare.push({ elements, counts })
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

/** Resolves when the work is over or the time is. */
async function within(work: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([work, promise])
  clearTimeout(timer)
}
