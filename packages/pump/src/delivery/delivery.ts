import type { Instant } from '@tek/analytics-record'
import type { DeadLetter } from '../dead-letters/index.ts'
import { LeaseGoneError, LeaseLostError } from '../errors.ts'
import type { Prepare } from '../filter/index.ts'
import type { Element } from '../lease/element.ts'
import type { Segment } from '../lease/segment.ts'
import type { Withdrawal } from '../lease/withdrawal.ts'
import { LedgerBook } from '../ledger/index.ts'
import type { Log } from '../log/log.ts'
import { OncePerInterval } from '../log/once-per-interval.ts'
import type { PumpRecord, Rejection, Sink, SinkBatching, Verdict } from '../sinks/types.ts'
import { type Outcome, attemptWrite } from './attempt.ts'
import { Committer } from './committer.ts'
import { Counters, type SettledState } from './counters.ts'
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
  /** What becomes of records is booked in Redis. */
  readonly ledger: boolean
  readonly log: Log
  readonly pushDeadLetters: (letters: readonly DeadLetter[]) => Promise<void>
  readonly onRedisTrouble: (error: unknown) => void
  /** No sink of this pump needs the segment any more, or the last one that did has lost it. */
  readonly onSegmentGone: (segment: Segment) => void
  /** A batch was delivered; the time since its oldest record was read. */
  readonly onDelivered?: (durationMs: number) => void
  readonly random?: () => number
}

/** Longer than a read takes, unless Redis hangs. */
const READ_PATIENCE_MS = 100

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
  /** Segments with records that are not settled. */
  readonly #unsettled = new Set<Progress>()
  readonly #progresses = new WeakMap<Segment, Progress>()
  readonly #window = new Window()
  /** Entries to send, in order; those that failed come first. */
  readonly #ready = new Fifo<Entry>()
  readonly #committer: Committer
  readonly #rejections: OncePerInterval
  readonly #abort = new AbortController()
  #readyBytes = 0
  /** Records of segments that are in no sink's hands for a moment. */
  #withdrawn = 0
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
    this.#todo.push(this.#begin(segment, offset))
    this.#work()
  }

  #begin(segment: Segment, offset: number): Progress {
    const progress: Progress = {
      segment,
      first: offset,
      next: offset,
      settledTo: offset,
      committed: offset,
      settled: 0,
      busy: 0,
      resumed: segment.begun,
      lost: false,
      book: this.#options.ledger ? new LedgerBook(offset) : null,
    }
    this.#progresses.set(segment, progress)
    this.#unsettled.add(progress)
    return progress
  }

  /** Records that are not settled, counted from the segments. */
  unsettled(): number {
    let records = this.#withdrawn
    for (const { segment, first, settled } of this.#unsettled) records += segment.total - first - settled
    return records
  }

  /** Whether the segment has records before an offset that this sink has to deliver still. */
  needs(segment: Segment, before: number): boolean {
    const progress = this.#progresses.get(segment)
    return progress !== undefined && !progress.lost && progress.committed < before
  }

  /** False while something of a segment is being read, sent, kept or committed, or was settled out of turn. */
  canWithdraw(segment: Segment): boolean {
    const progress = this.#progresses.get(segment)
    return progress !== undefined && !progress.lost && isAtRest(progress)
  }

  /** Takes a segment that can be withdrawn out of this sink's hands. */
  withdraw(segment: Segment): Withdrawal {
    const progress = this.#progresses.get(segment)
    if (progress === undefined || progress.lost) throw new Error(`lease ${segment.lease.id} is not of ${this.name}`)
    const { committed: offset } = progress
    this.#remove(progress)
    const left = segment.total - offset
    this.#withdrawn += left
    const goOn = (from: number): void => {
      this.#withdrawn -= left
      if (from < segment.total) this.#todo.prepend([this.#begin(segment, from)])
      this.#work()
    }
    return {
      sink: this.name,
      offset,
      restore: () => goOn(offset),
      drop: (to) => {
        const records = Math.max(0, Math.min(to, segment.total) - offset)
        this.counters.settle('dropped', records)
        goOn(offset + records)
        return records
      },
      release: () => {
        this.#withdrawn -= left
        this.counters.lose(left)
        this.#work()
      },
    }
  }

  /** When the oldest record that is not settled was made; of one that was not read yet, when it was taken. */
  oldestPending(): Instant | null {
    const oldest = this.#window.oldest
    if (oldest !== undefined) {
      const { element, readAt } = oldest
      return element.error === null ? element.record.timestamp : instantOf(readAt)
    }
    const next = this.#todo.peek()
    return next === undefined ? null : instantOf(next.segment.takenAt)
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
      const due = this.#mustFlush() ? 0 : first.readAt + this.#patienceMs()
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
    progress.busy += 1
    void this.#read(progress).finally(() => {
      this.#reading = false
      progress.busy -= 1
      this.#work()
    })
  }

  async #read(progress: Progress): Promise<void> {
    try {
      const elements = await progress.segment.read(progress.next)
      if (progress.lost) return
      if (elements.length === 0) throw new LeaseGoneError(`lease ${progress.segment.lease.id} is shorter than it was`)
      const now = Date.now()
      for (let i = 0; i < elements.length; i++) this.#accept(progress, elements[i]!, now)
      if (progress.next >= progress.segment.total) this.#finishReading(progress)
      this.#advance()
    } catch (error) {
      if (error instanceof LeaseLostError || error instanceof LeaseGoneError) return this.#lose(progress, error)
      this.#options.onRedisTrouble(error)
      this.#readPausedUntil = Date.now() + this.#options.settings.redisRetryMs
    }
  }

  #finishReading(progress: Progress): void {
    // A segment that was withdrawn meanwhile may have come back in front of it.
    if (this.#todo.peek() === progress) this.#todo.shift()
    else this.#todo.removeWhere((candidate) => candidate === progress)
  }

  #accept(progress: Progress, element: Element, readAt: number): void {
    const item = element.error === null ? this.#view(element) : null
    const { resumed: maybeSent, next: offset } = progress
    const entry: Entry = { progress, offset, element, item, readAt, maybeSent, settled: null }
    progress.next += 1
    this.#window.push(entry)
    if (item !== null) {
      this.#ready.push(entry)
      this.#readyBytes += element.sizeBytes
    } else if (element.error !== null) void this.#keepUndecodable(entry)
    else this.#settle(entry, 'filtered')
  }

  /** The sink's view of a record: the element itself where nothing of it changes, so that it need not be decoded for it. */
  #view(element: Element): PumpRecord | null {
    const { prepare } = this.#options
    if (prepare === null) return element
    const { record, id, sizeBytes } = element
    const prepared = prepare(record)
    return prepared === null ? null : prepared === record ? element : { record: prepared, id, sizeBytes }
  }

  async #keepUndecodable(entry: Entry): Promise<void> {
    await this.#untilKept(() => entry.progress.segment.keepUndecodable(entry.offset, entry.element), [entry])
  }

  // Sending

  #startSending(): void {
    const { batching } = this.#options
    while (this.#ready.length > 0 && this.#inFlight < batching.inFlight && !this.#gaveUp) {
      const first = this.#ready.peek()
      const waited = first !== undefined && Date.now() - first.readAt >= this.#patienceMs()
      if (Date.now() < this.state.pausedUntil || (!this.#mustFlush() && !waited)) return
      this.#inFlight += 1
      const batch = this.#takeBatch()
      void this.#send(batch).finally(() => {
        this.#inFlight -= 1
        for (let i = 0; i < batch.length; i++) batch[i]!.progress.busy -= 1
        this.#work()
      })
    }
  }

  /** How long a record may wait for a fuller batch: by default for what is being read at this moment. */
  #patienceMs(): number {
    const { flushIntervalMs } = this.#options.batching
    return flushIntervalMs === 0 && this.#reading ? READ_PATIENCE_MS : flushIntervalMs
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
      bytes += entry.element.sizeBytes
      if (batch.length >= this.#limit || (batch.length > 0 && bytes > this.#options.batching.maxBytes)) break
      batch.push(entry)
      this.#ready.shift()
      this.#readyBytes -= entry.element.sizeBytes
    }
    return batch
  }

  async #send(batch: readonly Entry[]): Promise<void> {
    const timeoutMs = this.#options.timeoutMs || this.#options.settings.attemptTimeoutMs
    const items: PumpRecord[] = []
    let again = false
    for (let i = 0; i < batch.length; i++) {
      const { item, progress, maybeSent } = batch[i]!
      progress.segment.begun = true
      progress.busy += 1
      again ||= maybeSent
      if (item !== null) items.push(item)
    }
    this.counters.send(batch.length)
    const outcome = await attemptWrite(this.#options.sink, items, timeoutMs, this.#abort.signal, again)
    this.counters.answered(batch.length)
    if (outcome.kind === 'verdicts') await this.#applyVerdicts(batch, outcome.verdicts)
    else {
      this.counters.failures += 1
      const left = batch.filter(({ progress }) => !progress.lost)
      await this.#applyFailure(left, outcome)
    }
    this.#advance()
  }

  async #applyVerdicts(batch: readonly Entry[], verdicts: readonly Verdict[]): Promise<void> {
    const again: Entry[] = []
    const rejected: [Entry, Rejection][] = []
    let delivered = 0
    // No iterator: it makes an array per record.
    for (let index = 0; index < batch.length; index++) {
      const entry = batch[index]!
      if (entry.progress.lost) continue
      const verdict = verdicts[index] ?? 'retry'
      if (verdict === 'retry') again.push(entry)
      else if (verdict === 'delivered') {
        delivered += 1
        this.#settle(entry, 'delivered')
      } else rejected.push([entry, verdict])
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
      return this.#reject([[only, { rejected: outcome.error.message, errorType: 'too_large' }]])
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
    for (const entry of entries) {
      entry.maybeSent = true
      this.#readyBytes += entry.element.sizeBytes
    }
  }

  async #reject(rejected: readonly [Entry, Rejection][]): Promise<void> {
    const { log, pushDeadLetters } = this.#options
    this.#rejections.run((heldBack) => {
      const more = heldBack > 0 ? { notLogged: heldBack } : {}
      const fields = { sink: this.name, records: rejected.length, reason: rejected[0]?.[1].rejected, ...more }
      log.error(fields, 'sink rejects records, they become dead letters')
    })
    const letters = rejected.map(([{ element, progress }, rejection]): DeadLetter => {
      const { rejected: reason, errorType = 'rejected', index = null } = rejection
      return { raw: element.raw, source: progress.segment.source, sink: this.name, reason, errorType, index }
    })
    await this.#untilKept(
      () => pushDeadLetters(letters),
      rejected.map(([entry]) => entry),
    )
  }

  /** Keeps records somewhere safe before they are settled: tries until it works, or until the end. */
  async #untilKept(keep: () => Promise<void>, entries: readonly Entry[]): Promise<void> {
    this.#settling += 1
    for (const { progress } of entries) {
      progress.segment.begun = true
      progress.busy += 1
    }
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
    for (const { progress } of entries) progress.busy -= 1
    this.#advance()
    this.#work()
  }

  // Settling

  #settle(entry: Entry, state: SettledState): void {
    const { progress } = entry
    entry.settled = state
    progress.settled += 1
    progress.segment.begun = true
    this.counters.settle(state)
    if (progress.settled === progress.segment.total - progress.first) this.#unsettled.delete(progress)
  }

  #advance(): void {
    const touched = this.#window.advance()
    for (const progress of touched) this.#committer.schedule(progress)
  }

  /** The sink's part of the segment is in other hands now, which go on where the last commit left off; or it is gone. */
  #lose(progress: Progress, error: LeaseLostError | LeaseGoneError): void {
    if (progress.lost) return
    const { segment, settled } = progress
    const left = segment.total - progress.first - settled
    const fields = { err: error, sink: this.name, records: left }
    if (error instanceof LeaseGoneError && segment.inFile) {
      this.#options.log.warn(fields, 'lease is gone from Redis, its records come back from their file')
      this.counters.lose(left)
    } else if (error instanceof LeaseGoneError) {
      this.#options.log.error(fields, 'records are lost: Redis was emptied or evicted them')
      this.counters.settle('dropped', left)
    } else {
      this.#options.log.warn(fields, 'lease lost, its new owner goes on with it')
      this.counters.lose(left)
    }
    this.#remove(progress)
    segment.lose(this.name)
    if (segment.finished) this.#options.onSegmentGone(segment)
  }

  #remove(progress: Progress): void {
    progress.lost = true
    this.#unsettled.delete(progress)
    this.#window.drop(progress)
    this.#ready.removeWhere((entry) => {
      if (entry.progress !== progress) return false
      this.#readyBytes -= entry.element.sizeBytes
      return true
    })
    this.#todo.removeWhere((candidate) => candidate === progress)
  }
}

/** Everything that happened to it is in Redis, and nothing happens now. */
function isAtRest({ busy, first, settled, settledTo, committed }: Progress): boolean {
  return busy === 0 && settled === settledTo - first && committed === settledTo
}

function instantOf(ms: number): Instant {
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 }
}
