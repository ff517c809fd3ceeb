import { setTimeout as delay } from 'node:timers/promises'
import type { SourceList } from '@tek/analytics-record'
import type { Log } from '../log/log.ts'
import { OncePerInterval } from '../log/once-per-interval.ts'
import type { LeasedSize } from './leased-size.ts'
import type { SpillReport } from './spill-report.ts'
import type { LeaseStore, Size, TakenPart } from './store.ts'

/** How long a policy makes room by one measurement. Nothing waits for it but, at the end, a stop. */
export const RELIEF_MS = 1000

/** What is done beyond the cap. */
export interface CapPolicy {
  readonly name: 'block' | 'drop-oldest' | 'spill'
  /** Most of one lease; smaller leases can be dealt with one by one. */
  readonly part: Size
  /** Up to here records are taken; what is beyond the limits the policy deals with afterwards. */
  bound(limits: Size): Size
  /** Called with a new measurement, never two at a time. Records are taken meanwhile: their source list has a TTL. */
  relieve(size: LeasedSize): Promise<void>
  /** What lies in files; absent: the policy knows no files. */
  report?(): SpillReport
}

/** Records are copied one by one while Redis serves nobody else. */
export const TAKEN_AT_ONCE: Size = { bytes: 4 * 1024 * 1024, records: Infinity }

/** What is taken stays below the cap, and nothing is done to what was taken. */
export const BLOCK: CapPolicy = {
  name: 'block',
  part: TAKEN_AT_ONCE,
  bound: (limits) => limits,
  relieve: () => Promise.resolve(),
}

export interface LeaseCapOptions {
  readonly store: LeaseStore
  readonly sources: readonly SourceList[]
  readonly size: LeasedSize
  /** Infinity: no cap of that kind. */
  readonly limits: Size
  readonly policy: CapPolicy
  /** Takes the oldest records of a source list; null when there are none. */
  readonly takePart: (source: SourceList, most: Size) => Promise<TakenPart | null>
  /** Redis could not be asked. */
  readonly onTrouble: (error: unknown) => void
  readonly isStopping: () => boolean
  readonly logEveryMs: number
  readonly log: Log
}

/** As `/ready` shows it. */
export interface LeaseCapReport {
  readonly policy: CapPolicy['name']
  /** null: no cap of that kind. */
  readonly max_bytes: number | null
  readonly max_records: number | null
  /** Of all pumps on this prefix, as last measured. */
  readonly leased_bytes: number
  readonly leased_records: number
  readonly reached: boolean
  /** Since when records are left in the source lists because of the cap; null: they are taken. */
  readonly blocked_since: string | null
  /** How often lists were left with records in them because of the cap, since the start. */
  readonly blocked_takings: number
  /** Records that lie in the source lists because of the cap, where their TTL runs. */
  readonly untaken_records: number
  readonly spilled?: SpillReport
}

/**
 * Parts of the room below the cap that are being filled. Lists are taken beside each other as long as there is room for all;
 * one whose part has no room any more waits for those of the others, which mostly are smaller than was thought.
 */
class Reservations {
  readonly #room: () => Size
  readonly #waiting: (() => void)[] = []
  #bytes = 0
  #records = 0
  #count = 0

  /** @param room - What is left below the cap, without regard to reservations. */
  constructor(room: () => Size) {
    this.#room = room
  }

  /** No more than `part`; null: there is no room. To be freed after what was taken is in the room's measure. */
  async reserve(part: Size): Promise<Size | null> {
    for (;;) {
      const room = this.#room()
      const bytes = Math.min(room.bytes - this.#bytes, part.bytes)
      const records = Math.min(room.records - this.#records, part.records)
      if (bytes > 0 && records > 0) {
        // Of a dimension without a bound there is no end, and nothing to be kept for others.
        this.#bytes += bytes === Infinity ? 0 : bytes
        this.#records += records === Infinity ? 0 : records
        this.#count += 1
        return { bytes, records }
      }
      if (this.#count === 0) return null
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  free({ bytes, records }: Size): void {
    this.#bytes -= bytes === Infinity ? 0 : bytes
    this.#records -= records === Infinity ? 0 : records
    this.#count -= 1
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** Takes records as far as the cap on leases lets it, and has its policy deal with the rest. */
export class LeaseCap {
  readonly #options: LeaseCapOptions
  readonly #blocks: OncePerInterval
  readonly #troubles: OncePerInterval
  readonly #reservations: Reservations
  /** What the policy does at this moment; null: nothing. */
  #relief: Promise<void> | null = null
  #first = 0
  #blockedSince: number | null = null
  #blockedTakings = 0
  #untaken = 0

  constructor(options: LeaseCapOptions) {
    this.#options = options
    this.#blocks = new OncePerInterval(options.logEveryMs)
    this.#troubles = new OncePerInterval(options.logEveryMs)
    this.#reservations = new Reservations(() => this.#room())
  }

  /** One taking of all source lists. */
  async takeAll(): Promise<void> {
    const { size, sources, isStopping, onTrouble } = this.#options
    // What a policy does while the leases are measured is partly in the measurement: it must not do it once more.
    const isFree = this.#relief === null
    if ((await size.measure()) && isFree && !isStopping()) this.#relieve()
    // Another list comes first each time: none of them may get all of the room for ever.
    this.#first = (this.#first + 1) % sources.length
    const inTurn = [...sources.slice(this.#first), ...sources.slice(0, this.#first)]
    let isHeldOff = false
    await Promise.all(
      inTurn.map(async (source) => {
        try {
          if (!(await this.#take(source))) isHeldOff = true
        } catch (error) {
          onTrouble(error)
        }
      }),
    )
    if (!isStopping()) await this.#noteBlock(isHeldOff)
  }

  /** Waits for what the policy is in the middle of, no longer than one relief may last: its disk may hang. */
  async settled(): Promise<void> {
    const timer = new AbortController()
    const late = delay(RELIEF_MS, undefined, { signal: timer.signal, ref: false }).catch(() => undefined)
    await Promise.race([this.#relief, late])
    timer.abort()
  }

  #relieve(): void {
    const { policy, size } = this.#options
    this.#relief = policy
      .relieve(size)
      .catch((error: unknown) => this.#noteTrouble(error))
      .finally(() => {
        this.#relief = null
      })
  }

  #noteTrouble(error: unknown): void {
    const { log, policy, isStopping } = this.#options
    // At the end the connection is closed, whatever the policy is in the middle of.
    if (isStopping()) return
    this.#troubles.run(() => log.error({ err: error, policy: policy.name }, 'the lease cap could not be dealt with'))
  }

  report(): LeaseCapReport {
    const { policy, limits, size } = this.#options
    const { bytes, records } = size.total
    return {
      policy: policy.name,
      max_bytes: limits.bytes === Infinity ? null : limits.bytes,
      max_records: limits.records === Infinity ? null : limits.records,
      leased_bytes: bytes,
      leased_records: records,
      reached: bytes >= limits.bytes || records >= limits.records,
      blocked_since: this.#blockedSince === null ? null : new Date(this.#blockedSince).toISOString(),
      blocked_takings: this.#blockedTakings,
      untaken_records: this.#untaken,
      ...(policy.report && { spilled: policy.report() }),
    }
  }

  /** False when there is no room for more. */
  async #take(source: SourceList): Promise<boolean> {
    const { policy, size, store, takePart, isStopping } = this.#options
    // A list with nothing in it must not keep room from the others.
    if ((await store.countUntaken(source)) === 0) return true
    while (!isStopping()) {
      const most = await this.#reservations.reserve(policy.part)
      if (most === null) return false
      let taken: TakenPart | null = null
      try {
        taken = await takePart(source, most)
        if (taken !== null) size.add({ bytes: taken.bytes, records: taken.lease.total })
      } finally {
        this.#reservations.free(most)
      }
      if (taken === null || taken.rest === 0) return true
    }
    return true
  }

  #room(): Size {
    const { policy, size, limits } = this.#options
    const bound = policy.bound(limits)
    return { bytes: bound.bytes - size.total.bytes, records: bound.records - size.total.records }
  }

  async #noteBlock(isHeldOff: boolean): Promise<void> {
    const { store, sources, log, policy } = this.#options
    const counts = isHeldOff ? await Promise.all(sources.map((source) => store.countUntaken(source))) : []
    this.#untaken = counts.reduce((sum, count) => sum + count, 0)
    if (this.#untaken === 0) {
      if (this.#blockedSince !== null) log.info({ policy: policy.name }, 'below the lease cap again, records are taken')
      this.#blockedSince = null
      return this.#blocks.reset()
    }
    this.#blockedSince ??= Date.now()
    this.#blockedTakings += 1
    this.#blocks.run(() => {
      const { leased_bytes, leased_records, max_bytes, max_records } = this.report()
      const cap = { ...(max_bytes !== null && { max_bytes }), ...(max_records !== null && { max_records }) }
      log.error(
        { policy: policy.name, ...cap, leased_bytes, leased_records, untaken: this.#untaken },
        'lease cap reached, no more is taken: source lists live by their own TTL',
      )
    })
  }
}
