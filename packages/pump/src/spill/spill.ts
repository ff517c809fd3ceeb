import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { SourceList } from '@tek/analytics-record'
import { LeaseGoneError, LeaseLostError, SpillFileError } from '../errors.ts'
import {
  type CapHooks,
  type CapPolicy,
  type ClaimedLease,
  type LeaseStore,
  type LeasedSize,
  type Segment,
  type Size,
  type SpillReport,
  RELIEF_MS,
  type Withdrawal,
  excess,
} from '../lease/index.ts'
import type { Log } from '../log/log.ts'
import { OncePerInterval } from '../log/once-per-interval.ts'
import { type SegmentFile, type SpillFolder, fileOf } from './folder.ts'
import type { SpillHeader, SpilledRecord } from './format.ts'
import { type Spilled, SpilledFiles, recordsOf } from './spilled-files.ts'
import type { Announced, PutAnswer, SpillStore } from './store.ts'
import { FileTally, talliesOfLost } from './tallies.ts'

export interface SpillOptions {
  readonly limits: Size
  /** Of the files. Infinity: no bound. */
  readonly maxBytes: number
  readonly folder: SpillFolder
  readonly spills: SpillStore
  readonly leases: LeaseStore
  readonly sources: readonly SourceList[]
  /** Names, in the order of the store's. */
  readonly sinks: readonly string[]
  readonly hooks: Pick<CapHooks, 'held' | 'forget' | 'holdNew' | 'isStopping'>
  /** Takes a segment from all sinks that need something before an offset; null: one of them is busy with it. */
  readonly withdraw: (segment: Segment, before: number) => readonly Withdrawal[] | null
  /** How many sinks that take records at this moment need something of a segment. */
  readonly countLive: (segment: Segment) => number
  /** A sink of this pump takes records at this moment. */
  readonly isLive: (sink: string) => boolean
  readonly onTrouble: (error: unknown) => void
  /** What is given up or lost is booked. */
  readonly ledger: boolean
  /** How often the folder is looked through. */
  readonly scanEveryMs: number
  /** How long nothing is written after the disk refused. */
  readonly retryMs: number
  readonly logEveryMs: number
  readonly log: Log
}

/** So long dead sinks are waited for in all, each time that room is made. */
const PATIENCE_MS = 200
const LOOK_AGAIN_MS = 5

interface Patience {
  /** As `performance.now()` counts; null: nothing has been waited for. */
  untilMs: number | null
}

/** A removal from Redis that was not answered: it may have happened. */
interface Unanswered {
  readonly segment: Segment
  readonly withdrawals: readonly Withdrawal[]
  readonly announced: Announced
  readonly written: SegmentFile & { readonly bytes: number; readonly records: number }
  readonly header: SpillHeader
  /** null: the ledger is off. */
  readonly tally: FileTally | null
}

/** What one read from Redis asks for. */
const READ_RECORDS = 1000
const READ_BYTES = 1024 * 1024

/** Files are as large as leases, which this bounds, so that each goes back in one step. */
const PART_BYTES = 4 * 1024 * 1024

/** A lease of this many parts at least is left in Redis: it is from a time without this cap. */
const MOST_SPILL_BYTES = 16 * PART_BYTES
/** They come back as arguments of one call. */
const MOST_SPILL_RECORDS = 50_000

/** Parts of the cap, so that there is something to choose from. */
const PARTS = 8

/** So many times the cap is taken when the disk is slower than what comes in. Then the rest waits in the source lists. */
const MOST_AHEAD = 2

/** Below this share of the cap files are read back. Between it and the cap nothing moves to and fro. */
const LOW_WATER = 0.8

/**
 * Puts the newest leases into files while the cap is exceeded, and back when there is room.
 *
 * A lease leaves Redis only when the disk has it: `announce` says in Redis that a file is being written, the file is
 * written, synced and renamed, `commit` removes the lease and says that the file counts. Whatever ends the process, the
 * entry in Redis tells which of the two has the records. What comes back does so as a copy: the file stays until the lease
 * that was made of it is finished, so a Redis that loses the lease loses nothing.
 */
export class Spill implements CapPolicy {
  readonly name = 'spill'
  readonly part: Size
  readonly #options: SpillOptions
  readonly #files: SpilledFiles
  readonly #lines: Readonly<Record<'spilled' | 'back' | 'broken' | 'full', OncePerInterval>>
  readonly #untold = { spilled: { segments: 0, records: 0 }, back: { segments: 0, records: 0 } }
  #unanswered: Unanswered | null = null
  /** The id of the segment that is being written. */
  #writing: string | null = null
  #brokenUntil = 0
  #full = false

  constructor(options: SpillOptions) {
    this.#options = options
    const { bytes, records } = options.limits
    this.part = {
      bytes: Math.min(PART_BYTES, Math.max(1, Math.ceil(bytes / PARTS))),
      records: Math.max(1, Math.ceil(records / PARTS)),
    }
    const { folder, spills, leases, sources, sinks, hooks, scanEveryMs, retryMs, logEveryMs, log } = options
    const own = { folder, spills, leases, sources, sinks, scanEveryMs, retryMs, logEveryMs, log }
    this.#files = new SpilledFiles({ ...own, held: hooks.held, writing: () => this.#writing })
    const line = (): OncePerInterval => new OncePerInterval(logEveryMs)
    this.#lines = { spilled: line(), back: line(), broken: line(), full: line() }
  }

  bound({ bytes, records }: Size): Size {
    const { hangs } = this.#options.folder
    const mayWrite = !this.#full && !hangs && Date.now() >= this.#brokenUntil && this.#unanswered === null
    const times = mayWrite ? MOST_AHEAD : 1
    return { bytes: bytes * times, records: records * times }
  }

  async relieve(size: LeasedSize): Promise<void> {
    if (this.#unanswered !== null && !(await this.#commit(this.#unanswered, size))) return
    try {
      await this.#files.refresh()
      const { bytes, records } = excess(size.total, this.#options.limits)
      if (bytes > 0 || records > 0) await this.#spillNewest({ bytes, records }, size, { untilMs: null })
      else {
        this.#full = false
        await this.#drain(size)
      }
    } catch (error) {
      if (!(error instanceof SpillFileError)) throw error
      this.#noteBroken(error)
    }
    this.#tell(size)
  }

  report(): SpillReport {
    const { maxBytes } = this.#options
    const waiting = this.#files.waiting()
    return {
      segments: waiting.length,
      records: waiting.reduce((sum, { entry }) => sum + recordsOf(entry), 0),
      bytes: this.#files.bytes,
      max_bytes: maxBytes === Infinity ? null : maxBytes,
      waiting_for_sinks_not_configured: this.#files.strangers().reduce((sum, { entry }) => sum + recordsOf(entry), 0),
      damaged_records: this.#files.lostRecords,
      missing_segments: this.#files.missing,
      unreadable_segments: this.#files.unreadable,
    }
  }

  // To files

  /**
   * Spills until so much is out of Redis, or as much of it as there is something to spill.
   *
   * What dead sinks are busy with, as they are while they try their target, is waited for before something goes to a file that a
   * live one has not read.
   *
   * @param mostLive - Segments that more live sinks need stay.
   */
  async #spillNewest(over: Size, size: LeasedSize, patience: Patience, mostLive = Infinity): Promise<void> {
    const { hooks, countLive } = this.#options
    let { bytes, records } = over
    let onDisk = this.#files.bytes
    const until = Date.now() + RELIEF_MS
    const queue = this.#inOrder()
    const firstLive = queue.findIndex((segment) => countLive(segment) > 0)
    const firstAgain = firstLive === -1 ? queue.length : firstLive
    let endAgain = firstAgain
    for (let i = 0; i < queue.length; i++) {
      const segment = queue[i]!
      const now = Date.now()
      if ((bytes <= 0 && records <= 0) || now < this.#brokenUntil || now > until || hooks.isStopping()) return
      const there = size.of(segment)
      if (there === undefined || there.records === 0 || !segment.whole || segment.finished) continue
      if (mostLive < Infinity && countLive(segment) > mostLive) continue
      const isLarge = there.bytes > MOST_SPILL_BYTES || there.records > MOST_SPILL_RECORDS
      if (isLarge && there.records > 1) continue
      if (onDisk + there.bytes > this.#options.maxBytes) {
        // Who only makes room for a file does not need it to go on.
        if (mostLive === Infinity) this.#full = true
        return
      }
      this.#full = false
      const isAgain = i >= firstAgain && i < endAgain
      const spilled = await this.#spillOne(segment, size, isAgain ? patience : null)
      if (spilled === null && i < firstAgain) queue.splice(endAgain++, 0, segment)
      if (spilled !== true) continue
      size.remove(segment, there, there)
      onDisk += there.bytes
      bytes -= there.bytes
      records -= there.records
    }
  }

  /** The newest first; before them those that fewer of the sinks need that take records, and would wait for the file. */
  #inOrder(): Segment[] {
    const { hooks, countLive } = this.#options
    const newestFirst = hooks.held.oldestFirst().reverse()
    const live = new Map(newestFirst.map((segment) => [segment, countLive(segment)]))
    return newestFirst.sort((a, b) => (live.get(a) ?? 0) - (live.get(b) ?? 0))
  }

  /** False: it stays in Redis. null: so it does, because a sink is busy with it. */
  async #spillOne(segment: Segment, size: LeasedSize, patience: Patience | null): Promise<boolean | null> {
    const { folder, spills, ledger } = this.#options
    const withdrawals = await this.#withdraw(segment, patience)
    if (withdrawals === null) return null
    if (withdrawals.length === 0) return false
    const announced = spills.prepare(segment.lease)
    this.#writing = announced.id
    let [header, written]: [SpillHeader | null, Unanswered['written'] | null] = [null, null]
    let tally: FileTally | null = null
    try {
      header = await spills.announce(announced, folder.id, folder.place)
      if (header !== null) {
        const counts = ledger ? new FileTally(segment.source, header) : null
        tally = counts
        written = await folder.write(header, this.#records(segment, header, counts), () => counts && counts.rows())
      }
    } catch (error) {
      await this.#undo(announced, withdrawals, error)
      return false
    }
    if (header === null || written === null) {
      this.#writing = null
      for (const withdrawal of withdrawals) withdrawal.restore()
      return false
    }
    return this.#commit({ segment, withdrawals, announced, header, written, tally }, size)
  }

  /**
   * Takes a segment from its sinks; null: one of them is busy with it.
   *
   * @param patience - Waits for a segment that no live sink needs; null: does not.
   */
  async #withdraw(segment: Segment, patience: Patience | null): Promise<readonly Withdrawal[] | null> {
    const { withdraw, countLive, hooks } = this.#options
    for (;;) {
      const withdrawals = withdraw(segment, segment.total)
      if (withdrawals !== null || patience === null) return withdrawals
      patience.untilMs ??= performance.now() + PATIENCE_MS
      if (performance.now() >= patience.untilMs) return null
      await delay(LOOK_AGAIN_MS)
      if (hooks.isStopping() || countLive(segment) > 0) return null
    }
  }

  async *#records(
    segment: Segment,
    { first, total }: SpillHeader,
    tally: FileTally | null,
  ): AsyncGenerator<SpilledRecord[]> {
    const { leases } = this.#options
    for (let at = first; at < total;) {
      const block = await leases.read(segment.lease, at, Math.min(READ_RECORDS, total - at), READ_BYTES)
      if (block.length === 0) throw new LeaseGoneError(`lease ${segment.lease.id} is shorter than it was`)
      const chunk: SpilledRecord[] = []
      for (let i = 0; i < block.length; i++) chunk.push({ index: at + i, raw: block.raw(i) })
      tally?.add(block, at)
      at += block.length
      yield chunk
    }
  }

  /** The file was not written: the lease goes on as if nothing had been. */
  async #undo(announced: Announced, withdrawals: readonly Withdrawal[], error: unknown): Promise<void> {
    if (error instanceof SpillFileError) this.#noteBroken(error)
    else if (!(error instanceof LeaseLostError) && !(error instanceof LeaseGoneError)) this.#options.onTrouble(error)
    for (const withdrawal of withdrawals) withdrawal.restore()
    await this.#takeBack(announced)
  }

  /** What was announced will not be, and a file of it that is there, or that a slow disk has still to make, does not count. */
  async #takeBack(announced: Announced): Promise<void> {
    const { spills, folder } = this.#options
    this.#writing = null
    const file = fileOf(announced.id, announced.lease.source.key)
    const isGone = await folder.remove(file).then(
      () => true,
      () => false,
    )
    try {
      await spills.cancel(announced, isGone)
    } catch {
      // The entry says that it is being written, and the next look at the folder finds that it is not.
    }
  }

  /** Removes from Redis what the disk has. False: it stays in Redis, or Redis has not answered. */
  async #commit(unanswered: Unanswered, size: LeasedSize): Promise<boolean> {
    const { segment, withdrawals, announced, written, header, tally } = unanswered
    const { spills, hooks } = this.#options
    this.#unanswered = unanswered
    const answer = await spills.commit(announced, written.bytes, written.records, tally?.byOffset() ?? null)
    this.#unanswered = null
    if (answer === 'refused') {
      for (const withdrawal of withdrawals) withdrawal.restore()
      await this.#takeBack(announced)
      return false
    }
    this.#writing = null
    for (const withdrawal of withdrawals) withdrawal.release()
    hooks.forget(segment)
    const entry = this.#files.entryOf(header, written.bytes)
    const alone = answer === 'alone'
    this.#files.add({ file: written, source: segment.source, sizeBytes: written.bytes, entry, alone })
    this.#untold.spilled.segments += 1
    this.#untold.spilled.records += written.records
    this.#tell(size)
    return true
  }

  // Back to Redis

  async #drain(size: LeasedSize): Promise<void> {
    const { hooks, limits, isLive } = this.#options
    const low = { bytes: limits.bytes * LOW_WATER, records: limits.records * LOW_WATER }
    const until = Date.now() + RELIEF_MS
    const patience: Patience = { untilMs: null }
    let isWaiting = false
    let findsRoom = true
    for (const spilled of this.#files.ready()) {
      if (hooks.isStopping() || Date.now() > until) return
      const more = { bytes: spilled.sizeBytes, records: recordsOf(spilled.entry) }
      const lacks = (): Size => {
        const { bytes, records } = size.total
        return excess({ bytes: bytes + more.bytes, records: records + more.records }, low)
      }
      // A live sink must not wait until the dead ones, for which Redis is full, live again.
      if (findsRoom && !isNothing(lacks()) && Object.keys(spilled.entry.offsets).some(isLive)) {
        await this.#spillNewest(lacks(), size, patience, 0)
        // Every lease was looked at: there is nothing for the next file either.
        findsRoom = isNothing(lacks())
      }
      const { bytes, records } = size.total
      // What is larger than the room for it must not wait for ever.
      const isOnly = hooks.held.size === 0 && bytes < limits.bytes && records < limits.records
      // Behind one for which there is no room, others do not overtake it by being small.
      const fits = isNothing(lacks()) && (!isWaiting || Object.keys(spilled.entry.offsets).some(isLive))
      if (fits || isOnly) {
        if (await this.#putBack(spilled)) size.add(more)
      } else isWaiting = true
    }
  }

  /** False: nothing of it is back. */
  async #putBack(spilled: Spilled): Promise<boolean> {
    const { spills, hooks, sinks, ledger } = this.#options
    const { file, source, entry, alone } = spilled
    const decoded = await this.#files.read(file)
    if (decoded === null) return false
    if (decoded.damage !== null) this.#files.noteDamage(spilled, decoded)
    const own = sinks.filter((sink) => entry.offsets[sink] !== undefined)
    const from = Math.min(...own.map((sink) => entry.offsets[sink] ?? 0))
    const records = decoded.records.filter(({ index }) => index >= from)
    const offsets = new Map(
      own.map((sink) => [sink, records.filter(({ index }) => index < (entry.offsets[sink] ?? 0)).length]),
    )
    const waiting = Object.fromEntries(own.map((sink) => [sink, entry.offsets[sink] ?? 0]))
    const isBooked = ledger && decoded.damage !== null
    const lost = isBooked ? talliesOfLost(source, { total: entry.total, offsets: waiting }, decoded) : null
    const leaseId = `${file.id.split('-')[0]}-${randomBytes(6).toString('hex')}`
    let back: PutAnswer | null = null
    const make = async (): Promise<ClaimedLease | null> => {
      const answer = await spills.putBack({
        source,
        segmentId: file.id,
        leaseId,
        entry: alone ? entry : null,
        base: decoded.damage === null ? from : null,
        offsets,
        records: records.map(({ raw }) => raw),
        lost,
      })
      if (answer === null) return null
      back = answer
      const held = sinks.map((sink) => {
        const offset = answer.sinks.has(sink) ? offsets.get(sink) : undefined
        return offset === undefined || offset >= records.length ? null : offset
      })
      if (held.every((offset) => offset === null)) return null
      const lease = { id: leaseId, source, total: records.length, token: answer.token }
      return { lease, offsets: held, whole: true, inFile: true }
    }
    try {
      await hooks.holdNew(leaseId, make)
    } catch (error) {
      // It may be back or not; the next look at the folder tells, and what is back is recovered.
      this.#files.scanSoon()
      throw error
    }
    const answer = back as PutAnswer | null
    if (answer === null) this.#files.scanSoon()
    else this.#files.putBack(spilled, answer.entry)
    // Another pump that shares the folder was quicker.
    if (answer === null || answer.sinks.size === 0) return false
    this.#untold.back.segments += 1
    this.#untold.back.records += records.length
    return true
  }

  // Log

  #noteBroken(error: unknown): void {
    this.#brokenUntil = Date.now() + this.#options.retryMs
    this.#lines.broken.run((notLogged) => {
      const fields = { err: error, folder: this.#options.folder.path, ...(notLogged > 0 && { notLogged }) }
      this.#options.log.error(fields, 'records cannot be spilled: look at the disk, or choose another spill_dir')
    })
  }

  #tell(size: LeasedSize): void {
    const { log, folder, limits } = this.#options
    const leased = { leased_bytes: Math.round(size.total.bytes), leased_records: Math.round(size.total.records) }
    const { spilled, back } = this.#untold
    if (spilled.segments > 0) {
      this.#lines.spilled.run(() => {
        const cap = {
          ...(limits.bytes !== Infinity && { max_bytes: limits.bytes }),
          ...(limits.records !== Infinity && { max_records: limits.records }),
        }
        log.warn(
          { ...spilled, ...cap, ...leased, folder: folder.path },
          'lease cap reached, the newest records are spilled',
        )
        this.#untold.spilled = { segments: 0, records: 0 }
      })
    }
    if (back.segments > 0) {
      this.#lines.back.run(() => {
        log.info({ ...back, ...leased, left: this.#files.waiting().length }, 'spilled records are back in Redis')
        this.#untold.back = { segments: 0, records: 0 }
      })
    }
    if (!this.#full) return this.#lines.full.reset()
    this.#lines.full.run(() => {
      const fields = { bytes: this.#files.bytes, spill_max_bytes: this.#options.maxBytes, ...leased }
      log.error(fields, 'spilled records have reached spill_max_bytes: no more is taken')
    })
  }
}

function isNothing({ bytes, records }: Size): boolean {
  return bytes <= 0 && records <= 0
}
