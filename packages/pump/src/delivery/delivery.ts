import type { AnalyticsRecord } from '@tek/analytics-record'
import { LeaseGoneError, LeaseLostError } from '../errors.ts'
import type { Prepare } from '../filter/index.ts'
import type { Element } from '../lease/chunk.ts'
import type { Segment } from '../lease/segment.ts'
import type { Log } from '../log/log.ts'
import { OncePerInterval } from '../log/once-per-interval.ts'
import type { Sink, SinkBatching, Verdict } from '../sinks/types.ts'
import { type Outcome, attemptWrite } from './attempt.ts'
import { Committer } from './committer.ts'
import { Counters } from './counters.ts'
import type { DeadLetter } from './dead-letters.ts'
import { Fifo } from './fifo.ts'
import { type DeliverySettings, windowBounds } from './settings.ts'
import { SinkState } from './sink-state.ts'
import { type Entry, type Progress, Window } from './window.ts'

export interface DeliveryOptions {
  readonly name: string
  readonly displayName: string
  readonly sink: Sink
  readonly batching: SinkBatching
  readonly prepare: Prepare | null
  /** Of one attempt; 0: the default. */
  readonly timeoutMs: number
  readonly settings: DeliverySettings
  readonly log: Log
  readonly pushDeadLetters: (letters: readonly DeadLetter[]) => Promise<void>
  readonly onRedisTrouble: (error: unknown) => void
  /** No sink of this pump needs the segment any more, or the last one that did has lost it. */
  readonly onSegmentGone: (segment: Segment) => void
  /** A batch was delivered; the time since its oldest record was read. */
  readonly onDelivered?: (durationMs: number) => void
  readonly random?: () => number
}

/**
 * Brings records to one sink: reads its segments in their order, sends batches, and moves its offsets. Knows nothing of
 * other sinks, so that none of them can delay this one.
 *
 * Everything happens in `#work`, which is called whenever something changed; it starts what can be started and returns.
 */
export class Delivery {
  readonly name: string
  readonly displayName: string
  readonly counters = new Counters()
  readonly state: SinkState
  readonly #options: DeliveryOptions
  readonly #bounds: { readonly bytes: number; readonly records: number }
  readonly #todo = new Fifo<Progress>()
  readonly #window = new Window()
  /** Entries to send, in order; those that failed come first. */
  readonly #ready = new Fifo<Entry>()
  readonly #committer: Committer
  readonly #rejections: OncePerInterval
  readonly #abort = new AbortController()
  #readyBytes = 0
  #inFlight = 0
  #settling = 0
  #reading = false
  #readPausedUntil = 0
  /** Records per batch; shrinks when the target finds batches too large or is busy, and grows again. */
  #limit: number
  #timer: NodeJS.Timeout | undefined
  #stopping: { readonly readUntil: number; readonly resolve: () => void } | null = null
  /** Stopping, and the target failed: what is left stays in Redis. */
  #gaveUp = false

  constructor(options: DeliveryOptions) {
    const { settings, log, displayName } = options
    this.#options = options
    this.name = options.name
    this.displayName = displayName
    this.#bounds = windowBounds(options.batching)
    this.#limit = options.batching.maxRecords
    this.#rejections = new OncePerInterval(settings.logEveryMs)
    this.state = new SinkState({
      displayName,
      log,
      backoff: { firstMs: settings.firstBackoffMs, mostMs: settings.mostBackoffMs },
      heldRetryMs: settings.heldRetryMs,
      logEveryMs: settings.logEveryMs,
      random: options.random ?? Math.random,
    })
    this.#committer = new Committer({
      sink: options.name,
      retryMs: settings.redisRetryMs,
      onTrouble: options.onRedisTrouble,
      onFinished: (progress) => options.onSegmentGone(progress.segment),
      onLost: (progress, error) => this.#lose(progress, error),
    })
  }

  /** Records of a segment from an offset on are this sink's to deliver. */
  offer(segment: Segment, offset: number): void {
    if (offset >= segment.total) return
    this.counters.take(segment.total - offset)
    this.#todo.push({
      segment,
      first: offset,
      next: offset,
      settledTo: offset,
      committed: offset,
      settled: 0,
      lost: false,
    })
    this.#work()
  }

  /** When the oldest record that is not settled was made, or null when there is none in memory. */
  oldestPending(): AnalyticsRecord | null {
    return this.#window.oldest?.element.record ?? null
  }

  /**
   * Sends what can be sent and commits it. Goes on reading until `readUntil` as long as the target answers; gives up at
   * `deadline` or when the target fails. What is left stays in Redis.
   */
  async stop(readUntil: number, deadline: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#stopping = { readUntil, resolve }
    this.state.resume()
    const timer = setTimeout(() => this.#giveUp(), Math.max(0, deadline - Date.now()))
    this.#work()
    await promise
    clearTimeout(timer)
    clearTimeout(this.#timer)
  }

  /** Resolves when all offsets are in Redis; ends at once when Redis is away and `close` was called. */
  async committed(): Promise<void> {
    await this.#committer.settled()
  }

  close(): void {
    this.#committer.close()
    this.#abort.abort()
  }

  #giveUp(): void {
    this.#gaveUp = true
    this.#abort.abort()
    this.#work()
  }

  #work(): void {
    clearTimeout(this.#timer)
    this.#startReading()
    this.#startSending()
    if (this.#stopping !== null && this.#isDrained()) return this.#stopping.resolve()
    const wakeIn = this.#nextWake() - Date.now()
    if (wakeIn !== Infinity) {
      this.#timer = setTimeout(() => this.#work(), Math.max(1, wakeIn))
      this.#timer.unref()
    }
  }

  #isDrained(): boolean {
    if (this.#inFlight > 0 || this.#settling > 0) return false
    return this.#gaveUp || (!this.#reading && this.#ready.length === 0 && !this.#mayRead())
  }

  #mayRead(): boolean {
    if (this.#todo.length === 0 || this.#gaveUp) return false
    return this.#stopping === null || (Date.now() < this.#stopping.readUntil && this.state.status === 'ok')
  }

  /** The instant at which something can be started that cannot now. */
  #nextWake(): number {
    let wake = Infinity
    if (this.#mayRead() && !this.#reading && !this.#windowIsFull()) wake = this.#readPausedUntil
    const first = this.#ready.peek()
    if (first !== undefined && this.#inFlight < this.#options.batching.inFlight && !this.#gaveUp) {
      const due = this.#mustFlush() ? 0 : first.readAt + this.#options.batching.flushIntervalMs
      wake = Math.min(wake, Math.max(due, this.state.pausedUntil))
    }
    return wake
  }

  #windowIsFull(): boolean {
    return this.#window.bytes >= this.#bounds.bytes || this.#window.length >= this.#bounds.records
  }

  // Reading

  #startReading(): void {
    const progress = this.#todo.peek()
    if (progress === undefined || this.#reading || !this.#mayRead() || this.#windowIsFull()) return
    if (Date.now() < this.#readPausedUntil) return
    this.#reading = true
    void this.#read(progress).finally(() => {
      this.#reading = false
      this.#work()
    })
  }

  async #read(progress: Progress): Promise<void> {
    try {
      const elements = await progress.segment.read(progress.next)
      if (progress.lost) return
      if (elements.length === 0) throw new LeaseGoneError(`lease ${progress.segment.lease.id} is shorter than it was`)
      for (const element of elements) this.#accept(progress, element)
      if (progress.next >= progress.segment.total) this.#todo.shift()
      this.#advance()
    } catch (error) {
      if (error instanceof LeaseLostError || error instanceof LeaseGoneError) return this.#lose(progress, error)
      this.#options.onRedisTrouble(error)
      this.#readPausedUntil = Date.now() + this.#options.settings.redisRetryMs
    }
  }

  #accept(progress: Progress, element: Element): void {
    const { prepare } = this.#options
    const { record, id, raw } = element
    const prepared = record === null || prepare === null ? record : prepare(record)
    const item = prepared === null ? null : { record: prepared, id, sizeBytes: raw.length }
    const entry: Entry = { progress, offset: progress.next, element, item, readAt: Date.now(), done: false }
    progress.next += 1
    this.#window.push(entry)
    if (item !== null) {
      this.#ready.push(entry)
      this.#readyBytes += raw.length
    } else if (record === null) void this.#keepUndecodable(entry)
    else this.#settle(entry, 'filtered')
  }

  async #keepUndecodable(entry: Entry): Promise<void> {
    await this.#untilKept(() => entry.progress.segment.keepUndecodable(entry.offset, entry.element), [entry])
  }

  // Sending

  #startSending(): void {
    const { batching } = this.#options
    while (this.#ready.length > 0 && this.#inFlight < batching.inFlight && !this.#gaveUp) {
      const first = this.#ready.peek()
      const waited = first !== undefined && Date.now() - first.readAt >= batching.flushIntervalMs
      if (Date.now() < this.state.pausedUntil || (!this.#mustFlush() && !waited)) return
      this.#inFlight += 1
      void this.#send(this.#takeBatch()).finally(() => {
        this.#inFlight -= 1
        this.#work()
      })
    }
  }

  /** True when waiting for a fuller batch makes no sense. */
  #mustFlush(): boolean {
    const { batching } = this.#options
    if (this.#stopping !== null || this.#windowIsFull()) return true
    if (this.#ready.length >= this.#limit || this.#readyBytes >= batching.maxBytes) return true
    return batching.flushIntervalMs === 0 && this.#todo.length === 0 && !this.#reading
  }

  #takeBatch(): Entry[] {
    const batch: Entry[] = []
    let bytes = 0
    for (let entry = this.#ready.peek(); entry !== undefined; entry = this.#ready.peek()) {
      bytes += entry.element.raw.length
      if (batch.length >= this.#limit || (batch.length > 0 && bytes > this.#options.batching.maxBytes)) break
      batch.push(entry)
      this.#ready.shift()
      this.#readyBytes -= entry.element.raw.length
    }
    return batch
  }

  async #send(batch: readonly Entry[]): Promise<void> {
    for (const { progress } of batch) progress.segment.begun = true
    const timeoutMs = this.#options.timeoutMs || this.#options.settings.attemptTimeoutMs
    const items = batch.flatMap(({ item }) => item ?? [])
    const outcome = await attemptWrite(this.#options.sink, items, timeoutMs, this.#abort.signal)
    const left = batch.filter(({ progress }) => !progress.lost)
    if (outcome.kind === 'verdicts') await this.#applyVerdicts(batch, outcome.verdicts)
    else await this.#applyFailure(left, outcome)
    this.#advance()
  }

  async #applyVerdicts(batch: readonly Entry[], verdicts: readonly Verdict[]): Promise<void> {
    const again: Entry[] = []
    const rejected: [Entry, string][] = []
    let delivered = 0
    for (const [index, entry] of batch.entries()) {
      if (entry.progress.lost) continue
      const verdict = verdicts[index] ?? 'retry'
      if (verdict === 'retry') again.push(entry)
      else if (verdict === 'delivered') {
        delivered += 1
        this.#settle(entry, 'delivered')
      } else rejected.push([entry, verdict.rejected])
    }
    this.#noteProgress(batch, delivered, again.length, rejected.length)
    this.#sendAgain(again)
    if (rejected.length > 0) await this.#reject(rejected)
  }

  #noteProgress(batch: readonly Entry[], delivered: number, again: number, rejected: number): void {
    if (delivered > 0) {
      this.#options.log.info({ sink: this.name, again, rejected }, `Purged ${delivered} records...`)
      this.#options.onDelivered?.(Date.now() - (batch[0]?.readAt ?? Date.now()))
    }
    if (again === 0 || delivered + rejected > 0) this.state.succeeded()
    if (again > 0) {
      this.#limit = Math.max(1, Math.ceil(batch.length / 2))
      this.state.busy()
    } else this.#growLimit()
  }

  #growLimit(): void {
    this.#limit = Math.min(this.#options.batching.maxRecords, this.#limit * 2)
  }

  async #applyFailure(batch: readonly Entry[], outcome: Exclude<Outcome, { kind: 'verdicts' }>): Promise<void> {
    const [only, ...others] = batch
    if (outcome.kind === 'too-large' && only !== undefined && others.length === 0) {
      return this.#reject([[only, outcome.error.message]])
    }
    this.#sendAgain(batch)
    if (outcome.kind === 'too-large') {
      this.#limit = Math.ceil(batch.length / 2)
      return
    }
    if (outcome.kind === 'refused') this.state.refused(outcome.error)
    else if (!this.#gaveUp) this.state.failed(outcome.error, outcome.retryAfterMs, outcome.timedOut)
    if (this.#stopping !== null) this.#gaveUp = true
  }

  #sendAgain(entries: readonly Entry[]): void {
    this.counters.retried += entries.length
    this.#ready.prepend(entries)
    for (const { element } of entries) this.#readyBytes += element.raw.length
  }

  async #reject(rejected: readonly [Entry, string][]): Promise<void> {
    const { log, pushDeadLetters } = this.#options
    this.#rejections.run((heldBack) => {
      const more = heldBack > 0 ? { notLogged: heldBack } : {}
      const fields = { sink: this.name, records: rejected.length, reason: rejected[0]?.[1], ...more }
      log.error(fields, 'sink rejects records, they become dead letters')
    })
    const letters = rejected.map(([{ element, progress }, reason]) => {
      return { raw: element.raw, source: progress.segment.source.key, sink: this.name, reason }
    })
    await this.#untilKept(
      () => pushDeadLetters(letters),
      rejected.map(([entry]) => entry),
    )
  }

  /** Keeps records somewhere safe before they are settled: tries until it works, or until the end. */
  async #untilKept(keep: () => Promise<void>, entries: readonly Entry[]): Promise<void> {
    this.#settling += 1
    for (const { progress } of entries) progress.segment.begun = true
    while (!this.#abort.signal.aborted) {
      try {
        await keep()
        for (const entry of entries) if (!entry.progress.lost) this.#settle(entry, 'deadLettered')
        break
      } catch (error) {
        this.#options.onRedisTrouble(error)
        await new Promise((resolve) => setTimeout(resolve, this.#options.settings.redisRetryMs).unref())
      }
    }
    this.#settling -= 1
    this.#advance()
    this.#work()
  }

  // Settling

  #settle(entry: Entry, state: 'delivered' | 'filtered' | 'deadLettered'): void {
    entry.done = true
    entry.progress.settled += 1
    entry.progress.segment.begun = true
    this.counters.settle(state)
  }

  #advance(): void {
    const touched = this.#window.advance()
    for (const progress of touched) this.#committer.schedule(progress)
  }

  /** The sink's part of the segment is in other hands now, which go on where the last commit left off; or it is gone. */
  #lose(progress: Progress, error: LeaseLostError | LeaseGoneError): void {
    if (progress.lost) return
    progress.lost = true
    const { segment, settled } = progress
    const left = segment.total - progress.first - settled
    const fields = { err: error, sink: this.name, records: left }
    if (error instanceof LeaseGoneError) {
      this.#options.log.error(fields, 'records are lost: Redis was emptied or evicted them')
      this.counters.settle('dropped', left)
    } else {
      this.#options.log.warn(fields, 'lease lost, its new owner goes on with it')
      this.counters.lose(left)
    }
    this.#window.drop(progress)
    this.#ready.removeWhere((entry) => {
      if (entry.progress !== progress) return false
      this.#readyBytes -= entry.element.raw.length
      return true
    })
    this.#todo.removeWhere((candidate) => candidate === progress)
    segment.lose(this.name)
    if (segment.finished) this.#options.onSegmentGone(segment)
  }
}
