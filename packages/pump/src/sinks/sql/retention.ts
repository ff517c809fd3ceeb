import { performance } from 'node:perf_hooks'
import { TABLE, sqlTime } from './encode.ts'
import { BEGINNING, type FileUse, type Place, type StoredRecords, type StoredRow } from './stored-records.ts'
import { dayOf } from './tables.ts'

export interface RetentionLimits {
  /** Records older than this are deleted; null: none for their age. */
  readonly maxAgeMs: number | null
  /** The oldest records are deleted so that the file, with its log, stays below this; null: it may grow. */
  readonly maxBytes: number | null
}

/** What a step leaves: nothing to do for now, more of the same, or more than can wait. */
export type StepResult = 'rest' | 'more' | 'urgent'

export interface Step {
  readonly result: StepResult
  /** Tables that are gone. */
  readonly dropped: readonly string[]
}

export type Level = 'debug' | 'info' | 'warn'

/** Says something to the operator. */
export type Note = (level: Level, fields: object, message: string) => void

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const MIB = 1024 * 1024

/** What of the size the write-ahead log is expected to need: it is emptied at 4 MiB, and grows while others read. */
const LOG_BYTES = 8 * MIB

/** Time that a step may take before it commits. Much less, and nearly all of it would be the wait for the disk. */
const STEP_MS = 15

/** Rows read at a time: a row with a large answer takes as long to read as many small ones. */
const ROWS_AT_A_TIME = 16

/** Pages given back at first, and at most, at a time. */
const FIRST_PAGES = 16
const MOST_PAGES = 1024

/** However small the limit, the newest records are there to be seen. */
const ALWAYS_KEPT = 1000

/** Rows that a step deletes, however fast the machine is. */
const MOST_ROWS = 500

/** A time before all of those that stand in a table. */
const FIRST_MS = Date.parse('0000-01-01T00:00:00Z')

/** How often the same thing is said, and how often rows of other programs are looked through again. */
const LOG_EVERY_MS = 600_000
const FORGET_EVERY_MS = 3_600_000

interface Target {
  readonly table: string
  /** Rows before this time, all of them when null. */
  readonly before: string | null
  /** How many of them may go in a step. */
  readonly most: number
  readonly result: 'more' | 'urgent'
}

/**
 * Deletes old records, in steps of some milliseconds. Rows without a `record_id` are another program's and stay, whatever
 * the limits say. A step is one transaction: a process that is killed in it has deleted all of the step's rows or none.
 */
export class Retention {
  readonly #limits: RetentionLimits
  readonly #now: () => number
  readonly #note: Note
  /** Up to where a table holds only rows that are not to be deleted, or refuse to be. */
  readonly #behind = new Map<string, Place>()
  #forgottenAt = 0
  #pages = FIRST_PAGES
  readonly #said = new Map<string, number>()
  #deleted = { rows: 0, tables: 0, upTo: '' }
  #reportedAt = -Infinity
  #unreportedSince: number | null = null
  #fixedSizeNoted = false

  constructor(limits: RetentionLimits, now: () => number, note: Note) {
    this.#limits = limits
    this.#now = now
    this.#note = note
  }

  /** @throws SQLite's error, after which nothing of the step has happened. */
  step(stored: StoredRecords): Step {
    if (this.#now() - this.#forgottenAt >= FORGET_EVERY_MS) {
      this.#forgottenAt = this.#now()
      this.#behind.clear()
    }
    const held = stored.heldLogBytes()
    if (held > 0) {
      // Each page that is deleted now would make the log longer still.
      this.#say('old records are not deleted while another program reads for so long', { log_bytes: held })
      return this.#rest()
    }
    const use = stored.use()
    if (!use.shrinks) this.#noteFixedSize()
    const target = this.#expired(stored) ?? this.#overSize(stored, use)
    if (target === null) return this.#giveBack(stored, use)
    const isDropped = this.#delete(stored, target)
    return { result: target.result, dropped: isDropped ? [target.table] : [] }
  }

  /** Logs what was deleted since the last time. */
  report(): void {
    const { rows, tables, upTo } = this.#deleted
    if (rows === 0 && tables === 0) return
    this.#note('info', { rows, up_to: upTo, tables_dropped: tables }, 'old records deleted')
    this.#deleted = { rows: 0, tables: 0, upTo: '' }
    this.#reportedAt = this.#now()
    this.#unreportedSince = null
  }

  #rest(): Step {
    if (this.#now() - this.#reportedAt >= LOG_EVERY_MS) this.report()
    return { result: 'rest', dropped: [] }
  }

  /** The table of a day goes when the whole day is old enough. */
  #expired(stored: StoredRecords): Target | null {
    const { maxAgeMs } = this.#limits
    if (maxAgeMs === null) return null
    const tables = stored.tables()
    // A clock may be years ahead until it is set, and what is deleted is gone: the newest record has a say in the time.
    const nowMs = Math.min(this.#now(), newestTime(stored, tables) + DAY_MS)
    // By whole minutes, so that there is not a row to be deleted whenever one is looked for.
    const oldest = timeAt(Math.max(FIRST_MS, Math.floor((nowMs - maxAgeMs) / MINUTE_MS) * MINUTE_MS))
    for (const table of tables) {
      const day = dayOf(table)
      if (day !== null && day >= oldest.slice(0, 10)) continue
      const before = day === null ? oldest : null
      if (this.#hasWork(stored, table, before)) return { table, before, most: MOST_ROWS, result: 'more' }
    }
    return null
  }

  #overSize(stored: StoredRecords, use: FileUse): Target | null {
    const { maxBytes } = this.#limits
    if (maxBytes === null) return null
    const slack = slackPages(use, maxBytes) * use.pageBytes
    const over = (use.pages - use.freePages) * use.pageBytes + LOG_BYTES + slack - maxBytes
    if (over <= 0) return null
    const most = countUpTo(stored, ALWAYS_KEPT + MOST_ROWS) - ALWAYS_KEPT
    const table = this.#oldestFirst(stored).find((each) => this.#hasWork(stored, each, null))
    if (most > 0 && table !== undefined) return { table, before: null, most, result: over > slack ? 'urgent' : 'more' }
    this.#say('max_size_bytes cannot be kept: what is left are the newest records and what this pump did not write', {
      used_bytes: maxBytes + over,
    })
    return null
  }

  /** The table of all days comes before or between those of single days, by its oldest record. */
  #oldestFirst(stored: StoredRecords): string[] {
    const tables = stored.tables()
    if (tables[0] !== TABLE) return tables
    const [first] = stored.rows(TABLE)(this.#placeIn(TABLE), null, 1)
    const days = tables.slice(1)
    const at = days.findIndex((table) => first !== undefined && (dayOf(table) ?? '') >= first.timestamp.slice(0, 10))
    return days.toSpliced(at === -1 ? days.length : at, 0, TABLE)
  }

  /** Whether a table has rows that may be deleted, or is an empty one of a day that is over. */
  #hasWork(stored: StoredRecords, table: string, before: string | null): boolean {
    if (this.#isOver(table) && stored.isEmpty(table)) return true
    return stored.rows(table)(this.#placeIn(table), before, 1).length > 0
  }

  #isOver(table: string): boolean {
    const day = dayOf(table)
    return day !== null && day < timeAt(this.#now()).slice(0, 10)
  }

  #placeIn(table: string): Place {
    return this.#behind.get(table) ?? BEGINNING
  }

  /** Returns whether the table itself is gone. */
  #delete(stored: StoredRecords, { table, before, most }: Target): boolean {
    const endMs = performance.now() + STEP_MS
    const read = stored.rows(table)
    const deletion = stored.deletion(table)
    let behind = this.#placeIn(table)
    let upTo = ''
    let rows = 0
    let dropped = false
    stored.transaction(() => {
      let found: StoredRow[]
      do {
        found = read(behind, before, ROWS_AT_A_TIME)
        for (const row of found) {
          const isGone = row.recordId !== null && deletion.run(row.recordId).changes > 0
          if (isGone) {
            rows += 1
            upTo = row.timestamp
          } else behind = row
          if (rows >= most || performance.now() >= endMs) break
        }
      } while (found.length === ROWS_AT_A_TIME && rows < most && performance.now() < endMs)
      dropped = this.#isOver(table) && stored.isEmpty(table)
      if (dropped) stored.drop(table)
    })
    if (behind !== BEGINNING) this.#behind.set(table, behind)
    if (upTo > this.#deleted.upTo) this.#deleted.upTo = upTo
    this.#deleted.rows += rows
    this.#deleted.tables += Number(dropped)
    this.#unreportedSince ??= this.#now()
    if (this.#now() - this.#unreportedSince >= LOG_EVERY_MS) this.report()
    return dropped
  }

  /** Some of the free pages stay, for the records to come: a file that gave them back would have to grow again. */
  #giveBack(stored: StoredRecords, use: FileUse): Step {
    const spare = use.freePages - slackPages(use, this.#limits.maxBytes)
    if (spare <= 0 || !use.shrinks) return this.#rest()
    const startMs = performance.now()
    stored.giveBack(Math.min(spare, this.#pages))
    const factor = performance.now() - startMs > STEP_MS ? 0.5 : 2
    this.#pages = Math.min(Math.max(Math.floor(this.#pages * factor), 1), MOST_PAGES)
    return { result: 'more', dropped: [] }
  }

  #say(message: string, fields: object): void {
    const last = this.#said.get(message) ?? -Infinity
    if (this.#now() - last < LOG_EVERY_MS) return
    this.#said.set(message, this.#now())
    this.#note('warn', fields, message)
  }

  #noteFixedSize(): void {
    if (this.#fixedSizeNoted) return
    this.#fixedSizeNoted = true
    this.#note(
      'info',
      { cure: 'stop the pump and run PRAGMA auto_vacuum = INCREMENTAL; VACUUM' },
      'the database file keeps its size and uses again what is deleted',
    )
  }
}

/** 4 MiB, or a fiftieth of the limit or of what is in use. */
function slackPages({ pages, freePages, pageBytes }: FileUse, maxBytes: number | null): number {
  const least = (4 * MIB) / pageBytes
  return Math.ceil(Math.max(least, (maxBytes === null ? pages - freePages : maxBytes / pageBytes) / 50))
}

/** The newest time in the tables, in milliseconds since 1970; -Infinity: there is none. */
function newestTime(stored: StoredRecords, tables: readonly string[]): number {
  let newest = -Infinity
  // The last day that has one is the newest of the days.
  for (const table of tables.toReversed()) {
    if (newest === -Infinity || table === TABLE) newest = Math.max(newest, stored.newestTime(table) ?? -Infinity)
  }
  return newest
}

/** How many rows of this sink there are in all tables, `most` when there are more. */
function countUpTo(stored: StoredRecords, most: number): number {
  let rows = 0
  for (const table of stored.tables().toReversed()) {
    if (rows < most) rows += stored.count(table, most - rows)
  }
  return rows
}

/** As it stands in the table. */
function timeAt(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  return sqlTime({ seconds, nanos: (ms - seconds * 1000) * 1e6 })
}
