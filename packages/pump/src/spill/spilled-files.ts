import { join } from 'node:path'
import type { SourceList } from '@tek/analytics-record'
import { SpillFileError } from '../errors.ts'
import type { CapHooks, LeaseStore } from '../lease/index.ts'
import type { Log } from '../log/log.ts'
import { OncePerInterval } from '../log/once-per-interval.ts'
import type { Settled, SpilledEntry } from './entry.ts'
import { isMissing } from './files.ts'
import { ABANDONED_MS, type SegmentFile, type SpillFolder, fileOf } from './folder.ts'
import { type DecodedSpill, type SpillHeader, decodeSpill } from './format.ts'
import type { SpillStore } from './store.ts'
import { talliesOfGiven } from './tallies.ts'

/** So many times as long as a look at all files took nothing is asked again. */
const MOST_SHARE = 20

/** A file and what is known of it. */
export interface Spilled {
  readonly file: SegmentFile
  readonly source: SourceList
  readonly sizeBytes: number
  readonly entry: SpilledEntry
  /** Redis does not know it, because it was emptied. */
  readonly alone: boolean
}

interface Done {
  readonly file: SegmentFile
  readonly source: SourceList
  readonly isDamaged: boolean
}

export interface SpilledFilesOptions {
  readonly folder: SpillFolder
  readonly spills: SpillStore
  readonly leases: LeaseStore
  readonly sources: readonly SourceList[]
  /** Of this pump. */
  readonly sinks: readonly string[]
  readonly held: CapHooks['held']
  /** The id of the segment that is being written; null: none is. */
  readonly writing: () => string | null
  /** How often the folder is looked through. */
  readonly scanEveryMs: number
  /** How long a file is passed over that could not be read. */
  readonly retryMs: number
  readonly logEveryMs: number
  readonly log: Log
}

/**
 * The listing of the folder: which files there are, and what they are worth. It is kept in memory, and looked at anew once
 * in a while, because other pumps may share the folder, and Redis may change.
 */
export class SpilledFiles {
  readonly #options: SpilledFilesOptions
  readonly #sources: ReadonlyMap<string, SourceList>
  readonly #files = new Map<string, Spilled>()
  /** By name: no try before this instant. */
  readonly #unreadable = new Map<string, number>()
  /** Whose damage was told. */
  readonly #damaged = new Set<string>()
  /** By name: when to ask again about a file whose leases are in other hands. */
  readonly #askAt = new Map<string, number>()
  /** By name: files that nobody needs any more. */
  readonly #done = new Map<string, Done>()
  readonly #lines: Readonly<Record<'strangers' | 'missing' | 'unreadable', OncePerInterval>>
  #scanAt = 0
  #askEveryMs = 0
  #renewAt = 0
  #missing = 0
  /** Where Redis knows files of this folder that are not there. */
  readonly #missedIn = new Set<SourceList>()
  #lostRecords = 0

  constructor(options: SpilledFilesOptions) {
    this.#options = options
    this.#sources = new Map(options.sources.map((source) => [source.key, source]))
    const line = (): OncePerInterval => new OncePerInterval(options.logEveryMs)
    this.#lines = { strangers: line(), missing: line(), unreadable: line() }
  }

  get size(): number {
    return this.#files.size
  }

  get bytes(): number {
    return [...this.#files.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  get missing(): number {
    return this.#missing
  }

  get unreadable(): number {
    return this.#unreadable.size
  }

  /** Records that could not be read back, since the start. */
  get lostRecords(): number {
    return this.#lostRecords
  }

  /** Those with records that wait for a sink. */
  waiting(): Spilled[] {
    return [...this.#files.values()].filter(({ entry }) => Object.keys(entry.offsets).length > 0)
  }

  /** Those that this pump can put back now, the oldest first. */
  ready(): Spilled[] {
    const now = Date.now()
    return this.waiting()
      .filter(({ file, entry }) => this.#serves(entry) && now >= (this.#unreadable.get(file.name) ?? 0))
      .sort((a, b) => (a.file.id < b.file.id ? -1 : 1))
  }

  /** Those that no sink of this pump waits for. */
  strangers(): Spilled[] {
    return this.waiting().filter(({ entry }) => !this.#serves(entry))
  }

  add(spilled: Spilled): void {
    this.#files.set(spilled.file.name, spilled)
  }

  entryOf({ total, first, offsets }: SpillHeader, bytes: number): SpilledEntry {
    const { folder, spills } = this.#options
    const known = { folder: folder.id, place: folder.place, total, offsets, bytes, records: total - first }
    return { state: 'spilled', token: `${spills.owner}#0`, ...known }
  }

  /** Looks the folder through when it is time to. @throws SpillFileError when that cannot be done at all. */
  async refresh(): Promise<void> {
    await this.#renew()
    if (Date.now() >= this.#scanAt) await this.#scan()
    else await this.#lookAfterReturned()
    await this.#removeDone()
  }

  /** Something happened to the files of which the outcome is not known. */
  scanSoon(): void {
    this.#scanAt = 0
  }

  /** The file as it is read; null: it is gone, or cannot be read now. @throws SpillFileError when the disk hangs. */
  async read(file: SegmentFile): Promise<DecodedSpill | null> {
    try {
      const decoded = decodeSpill(await this.#options.folder.read(file))
      this.#unreadable.delete(file.name)
      return decoded
    } catch (error) {
      // Another pump that shares the folder has removed it, or the next look at the folder misses it.
      if (isMissing(error)) this.#forgetFile(file.name)
      else this.#passOver(file, error)
      return null
    }
  }

  /** One that cannot be dealt with must not hold up those after it. */
  #passOver(file: SegmentFile, error: unknown): void {
    const { folder, retryMs, log } = this.#options
    if (!(error instanceof SpillFileError) || folder.hangs) throw error
    this.#unreadable.set(file.name, Date.now() + retryMs)
    this.#lines.unreadable.run((notLogged) => {
      const more = { segments: this.#unreadable.size, ...(notLogged > 0 && { notLogged }) }
      const message = 'a file of spilled records cannot be read: it is passed over, and tried again'
      log.error({ err: error, file: folder.pathOf(file), ...more }, message)
    })
  }

  /** What was put back of it is in leases now. */
  putBack(spilled: Spilled, entry: SpilledEntry): void {
    const { file, source } = spilled
    this.#files.set(file.name, { ...spilled, entry, alone: false })
    this.#askAt.delete(file.name)
    this.#markHeld(source, entry)
    if (isDone(entry)) this.#finish(file, source, entry)
  }

  noteDamage({ file, source, entry }: Spilled, { damage, records, lost, header }: DecodedSpill): void {
    if (this.#damaged.has(file.name)) return
    this.#damaged.add(file.name)
    const missing = header === null ? Math.max(0, (entry.records ?? entry.total) - records.length) : lost
    this.#lostRecords += missing
    const fields = { file: this.#options.folder.pathOf(file), source: source.key, damage }
    this.#options.log.error(
      { ...fields, good: records.length, lost: missing },
      'a file of spilled records is damaged: its good records are delivered, the others are lost',
    )
  }

  async #scan(): Promise<void> {
    const { folder, scanEveryMs } = this.#options
    const startedAt = Date.now()
    await folder.clean()
    const names = new Set<string>()
    for (const file of await folder.list()) {
      const source = this.#sources.get(file.source)
      // Of another prefix: another pump's.
      if (source === undefined) continue
      names.add(file.name)
      await this.#look(file, source)
      await this.#renew()
    }
    for (const name of this.#files.keys()) if (!names.has(name)) this.#forgetFile(name)
    for (const name of this.#unreadable.keys()) if (!names.has(name)) this.#unreadable.delete(name)
    await this.#lookForMissing(names)
    this.#renewAt = 0
    await this.#renew()
    this.#tell()
    // Very many files: looking through them takes a twentieth of the time at most.
    this.#scanAt = Date.now() + Math.max(scanEveryMs, (Date.now() - startedAt) * MOST_SHARE)
  }

  /** Shows in time that this pump lives, for sources it has files of, or misses some, and perhaps no lease. */
  async #renew(): Promise<void> {
    const { leases, spills } = this.#options
    if (Date.now() < this.#renewAt) return
    this.#renewAt = Date.now() + spills.ownerTtlMs / 3
    const sources = new Set(this.#missedIn)
    for (const { source } of this.#files.values()) sources.add(source)
    for (const source of sources) await leases.renew(source)
  }

  /** What Redis says of this folder and is not there. */
  async #lookForMissing(names: ReadonlySet<string>): Promise<void> {
    const { folder, spills, sources } = this.#options
    let missing = 0
    this.#missedIn.clear()
    const inFile = sources.flatMap((source) => this.#options.held.allOf(source)).filter((segment) => segment.inFile)
    const named = new Set<string>()
    /** By name of a folder that was at this place: segments that wait. */
    const before = new Map<string, number>()
    for (const source of sources) {
      for await (const [id, entry] of spills.entries(source)) {
        const file = fileOf(id, source.key)
        for (const lease of Object.keys(entry.back ?? {})) named.add(`${source.key} ${lease}`)
        if (entry.folder !== folder.id) {
          const isWaiting = entry.state === 'spilled' && Object.keys(entry.offsets).length > 0
          if (isWaiting && folder.isAt(entry.place)) before.set(entry.folder, (before.get(entry.folder) ?? 0) + 1)
          continue
        }
        if (names.has(file.name) || this.#files.has(file.name)) continue
        // It may have come since the folder was listed.
        if ((await folder.sizeOf(file)) > 0) continue
        if (!(await this.#isMissed(source, id, entry))) continue
        missing += 1
        this.#missedIn.add(source)
      }
    }
    for (const segment of inFile) {
      const { source, lease } = segment
      // One that is lost is not named either once its file waits again.
      if (named.has(`${source.key} ${lease.id}`)) continue
      segment.inFile = !(await spills.isWithoutFile(source, lease.id))
    }
    this.#missing = missing + (before.size === 0 ? 0 : await this.#countAbsent(before))
  }

  /** A folder that was deleted and made anew has another name. One that a running pump has may be at the same path. */
  async #countAbsent(segments: ReadonlyMap<string, number>): Promise<number> {
    const absent = await this.#options.spills.absentFolders(this.#options.sources)
    return absent.reduce((sum, { folder }) => sum + (segments.get(folder) ?? 0), 0)
  }

  /** Whether a sink waits for a file that is not there. What nobody waits for is forgotten. */
  async #isMissed(source: SourceList, id: string, entry: SpilledEntry): Promise<boolean> {
    const { spills } = this.#options
    const settled = await this.#ask(source, id, entry, false)
    if (settled.kind === 'done' || settled.kind === 'useless') {
      // Its writer may come to rename it as long as what it has written so far is not cleaned up.
      const ageMs = Date.now() - (settled.entry.at ?? 0) * 1000
      if (settled.kind === 'done' || ageMs > 2 * ABANDONED_MS) await spills.forgetMissing(source, id, settled)
      return false
    }
    if (settled.kind !== 'spilled') return false
    const { offsets, given = {} } = settled.entry
    // What was given up by command waits only to be booked, and there is no file to be read for that. One at a time: it
    // changes the entry.
    const [sink] = Object.keys(given)
    if (sink !== undefined) await spills.releaseMissing(source, id, settled, sink)
    return Object.keys(offsets).length > 0 || Object.keys(given).length > 1
  }

  #ask(source: SourceList, id: string, entry: SpilledEntry | undefined, isThere: boolean): Promise<Settled> {
    const { folder, spills, sinks, writing } = this.#options
    return spills.settle({
      source,
      id,
      sinks,
      isWriting: writing() === id,
      isThere,
      leases: Object.keys(entry?.back ?? {}),
      folder: folder.id,
      place: folder.place,
    })
  }

  /**
   * Of leases that this pump had and has no more, it looks at once whether they are finished. Those that others have, or that
   * nobody has yet, it asks for once in a while: between two looks this pump may have taken them over and finished them.
   */
  async #lookAfterReturned(): Promise<void> {
    const startedAt = Date.now()
    const { scanEveryMs } = this.#options
    for (const { file, source, entry } of this.#files.values()) {
      if (Object.keys(entry.back ?? {}).length === 0) continue
      if (this.#markHeld(source, entry)) {
        this.#askAt.delete(file.name)
        continue
      }
      if (startedAt < (this.#askAt.get(file.name) ?? 0)) continue
      this.#askAt.set(file.name, startedAt + Math.max(scanEveryMs, this.#askEveryMs))
      await this.#look(file, source)
    }
    this.#askEveryMs = (Date.now() - startedAt) * MOST_SHARE
  }

  /** Lets the segments know that a file has their records. Tells whether this pump holds any. */
  #markHeld(source: SourceList, { back = {} }: SpilledEntry): boolean {
    const segments = Object.keys(back).flatMap((id) => this.#options.held.of(source, id))
    for (const segment of segments) segment.inFile = true
    return segments.length > 0
  }

  async #look(file: SegmentFile, source: SourceList): Promise<void> {
    try {
      await this.#settle(file, source)
    } catch (error) {
      this.#passOver(file, error)
    }
  }

  async #settle(file: SegmentFile, source: SourceList): Promise<void> {
    const { folder, spills, log } = this.#options
    const known = this.#files.get(file.name)
    const settled = await this.#ask(source, file.id, known?.entry, true)
    switch (settled.kind) {
      case 'spilled': {
        const { entry } = settled
        const sizeBytes = known?.sizeBytes ?? (await folder.sizeOf(file))
        const spilled = { file, source, sizeBytes, entry, alone: false }
        this.#files.set(file.name, spilled)
        if (this.#markHeld(source, entry)) this.#askAt.delete(file.name)
        if (Object.keys(entry.given ?? {}).length > 0) await this.#book(spilled)
        return
      }
      case 'done':
        return this.#finish(file, source, settled.entry)
      case 'useless':
        this.#forgetFile(file.name)
        await folder.remove(file)
        // Only now: without it the file would count as soon as its lease is finished.
        return spills.forget(source, file.id)
      case 'released': {
        this.#forgetFile(file.name)
        const place = await folder.setAside(file, 'released')
        await folder.sync()
        const message =
          'a file of spilled records has come back that was given up, or not needed any more, while it was missing: it is set aside'
        if (place !== null) log.warn({ file: place, source: source.key }, message)
        return
      }
      case 'busy':
      case 'gone':
        return
      case 'alone':
        if (known === undefined || !known.alone) await this.#adopt(file, source)
    }
  }

  /** What was given up by command is in the ledger once somebody has read of which APIs it was. */
  async #book(spilled: Spilled): Promise<void> {
    const { file, source, entry } = spilled
    const decoded = await this.read(file)
    if (decoded === null) return
    const isDamaged = decoded.damage !== null
    if (isDamaged) this.noteDamage(spilled, decoded)
    const tallies = talliesOfGiven(source, entry, decoded)
    const booked = await this.#options.spills.book(source, file.id, tallies, isDamaged)
    if (booked === null) return
    this.#files.set(file.name, { ...spilled, entry: booked })
    if (isDone(booked)) this.#finish(file, source, booked)
  }

  /** No sink waits for a file any more. */
  #finish(file: SegmentFile, source: SourceList, { torn }: SpilledEntry): void {
    this.#forgetFile(file.name)
    this.#done.set(file.name, { file, source, isDamaged: torn === 1 })
  }

  /** All of them at once: what takes long is the folder, which has to be synced before Redis forgets a file. */
  async #removeDone(): Promise<void> {
    const { folder, spills } = this.#options
    const done = [...this.#done.values()]
    this.#done.clear()
    if (done.length === 0) return
    const gone: Done[] = []
    for (const one of done) {
      try {
        if (one.isDamaged) await this.#setAside(one.file)
        else await folder.discard(one.file)
        gone.push(one)
      } catch (error) {
        this.#passOver(one.file, error)
      }
    }
    try {
      await folder.sync()
      await Promise.all(gone.map(({ file, source }) => spills.forget(source, file.id)))
    } catch (error) {
      this.scanSoon()
      throw error
    }
  }

  async #setAside(file: SegmentFile): Promise<void> {
    const { folder, log } = this.#options
    const place = await folder.setAside(file)
    if (place !== null) log.warn({ file: place }, 'the damaged file of spilled records is set aside')
  }

  /** Redis was emptied: what the file itself says of sinks and offsets counts. */
  async #adopt(file: SegmentFile, source: SourceList): Promise<void> {
    const { folder, log } = this.#options
    const decoded = await this.read(file)
    if (decoded === null) return
    const header = decoded.header ?? this.#guessHeader(file, source, decoded)
    if (header === null) {
      const place = await folder.setAside(file)
      await folder.sync()
      this.#forgetFile(file.name)
      const message = 'a file of spilled records cannot be read and is set aside'
      if (place !== null) log.error({ file: place, source: source.key }, message)
      return
    }
    const sizeBytes = await folder.sizeOf(file)
    const entry = this.entryOf(header, sizeBytes)
    this.#files.set(file.name, { file, source, sizeBytes, entry, alone: true })
    log.warn({ file: folder.pathOf(file), records: recordsOf(entry) }, 'Redis does not know a file of spilled records')
  }

  /** Nobody knows any more which sinks a file was for, and what they have of it. Twice is better than not at all. */
  #guessHeader({ id, name }: SegmentFile, source: SourceList, { records }: DecodedSpill): SpillHeader | null {
    const { sinks, folder, log } = this.#options
    const [first, last] = [records.at(0)?.index, records.at(-1)?.index]
    if (first === undefined || last === undefined) return null
    const message =
      'a file of spilled records does not say any more for which sinks it is: each sink of this pump gets what can be read of it, and may have had it'
    log.error({ file: join(folder.path, name), records: records.length, sinks: sinks.join(', ') }, message)
    const offsets = Object.fromEntries(sinks.map((sink) => [sink, first]))
    const { key, serialisation } = source
    return { version: 1, id, source: key, serialisation, offsets, first, total: last + 1, only: true }
  }

  #forgetFile(name: string): void {
    this.#files.delete(name)
    this.#damaged.delete(name)
    this.#askAt.delete(name)
    this.#unreadable.delete(name)
  }

  #serves(entry: SpilledEntry): boolean {
    return this.#options.sinks.some((sink) => entry.offsets[sink] !== undefined)
  }

  #tell(): void {
    const { log, folder } = this.#options
    if (this.#unreadable.size === 0) this.#lines.unreadable.reset()
    const strangers = this.strangers()
    if (strangers.length === 0) this.#lines.strangers.reset()
    else {
      this.#lines.strangers.run(() => {
        const sinks = [...new Set(strangers.flatMap(({ entry }) => Object.keys(entry.offsets)))].join(', ')
        const records = strangers.reduce((sum, { entry }) => sum + recordsOf(entry), 0)
        log.warn(
          { sinks, segments: strangers.length, records },
          'spilled records wait for sinks that are not configured',
        )
      })
    }
    if (this.#missing === 0) return this.#lines.missing.reset()
    this.#lines.missing.run(() => {
      const fields = { segments: this.#missing, folder: folder.path }
      log.error(fields, 'files of spilled records are missing from their folder')
    })
  }
}

/** What waits for the sink that is furthest back. */
export function recordsOf({ total, offsets }: SpilledEntry): number {
  const left = Object.values(offsets).map((offset) => total - offset)
  return left.length === 0 ? 0 : Math.max(...left)
}

/** No sink waits for the file, nothing that was made of it is under way, and all of it is booked. */
function isDone({ offsets, back = {}, given = {} }: SpilledEntry): boolean {
  return [offsets, back, given].every((part) => Object.keys(part).length === 0)
}
