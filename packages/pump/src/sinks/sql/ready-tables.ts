import { setImmediate as nextTurn } from 'node:timers/promises'
import { SinkRefusedError } from '../../errors.ts'
import type { Log } from '../../log/log.ts'
import { buildIndexes } from './build-indexes.ts'
import type { Database } from './database.ts'
import { isAboutTheRow } from './errors.ts'
import type { Index } from './tables.ts'
import { unlessAborted } from './unless-aborted.ts'

export interface ReadyTablesDeps {
  readonly database: Database
  readonly log: Log
  /** Resolves when nobody else of this process has the file. */
  readonly turn: (signal: AbortSignal) => Promise<void>
  /** Tables to complete besides those that are written to. */
  readonly others: () => readonly string[]
}

interface Building {
  readonly table: string
  readonly done: Promise<void>
}

/** The tables of an open file that have all their columns and indexes, or get them now. */
export class ReadyTables {
  readonly #deps: ReadyTablesDeps
  readonly #ready = new Set<string>()
  readonly #closing = new AbortController()
  #others: Set<string> | null = null
  #building: Building | null = null

  constructor(deps: ReadyTablesDeps) {
    this.#deps = deps
  }

  /**
   * Resolves when the tables can be written to, and the others are complete or cannot be. One that does not exist is
   * made when it is written to.
   *
   * @throws SinkUnavailableError when aborted; what is under way goes on and the next call waits for it again.
   * @throws SinkRefusedError when rows that are there break the unique index.
   */
  async wait(tables: Iterable<string>, signal: AbortSignal): Promise<void> {
    for (const table of tables) await this.#have(table, signal)
    this.#others ??= new Set(this.#deps.others())
    for (const table of this.#others) {
      await this.#have(table, signal).catch((err: unknown) => {
        if (signal.aborted || this.#closing.signal.aborted) throw err
        this.#deps.log.warn({ err, table }, 'a table that no record goes to cannot be completed and is left as it is')
      })
      this.#others.delete(table)
    }
  }

  /** Ends what is under way. */
  close(): void {
    this.#closing.abort()
  }

  async #have(table: string, signal: AbortSignal): Promise<void> {
    while (!this.#ready.has(table)) {
      const building = (this.#building ??= this.#begin(table))
      // What an earlier call has begun may be another table, whose trouble is not this one's.
      const done = building.table === table ? building.done : building.done.catch(() => undefined)
      await unlessAborted(done, signal, 'indexes are being built')
    }
  }

  #begin(table: string): Building {
    return { table, done: this.#complete(table).finally(() => (this.#building = null)) }
  }

  async #complete(table: string): Promise<void> {
    const { database, turn } = this.#deps
    const { signal } = this.#closing
    // There may be a table for every day of years: between two of them everything else gets its turn.
    await nextTurn()
    await turn(signal)
    signal.throwIfAborted()
    try {
      const missing = database.complete(table)
      if (missing.length > 0) await this.#buildApart(table, missing)
    } catch (cause) {
      // No record is guilty of that.
      if (isAboutTheRow(cause)) throw new SinkRefusedError(`table ${table} cannot be used`, { cause })
      throw cause
    }
    this.#ready.add(table)
  }

  async #buildApart(table: string, missing: readonly Index[]): Promise<void> {
    const { database, log } = this.#deps
    const indexes = missing.length
    log.info({ table, indexes }, 'building indexes of a table with many rows, its records wait')
    const startedAt = Date.now()
    const statements = missing.map(({ sql }) => sql)
    await buildIndexes(database.path, statements, this.#closing.signal)
    log.info({ table, indexes, seconds: (Date.now() - startedAt) / 1000 }, 'indexes built')
  }
}
