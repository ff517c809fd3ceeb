import type { SourceList } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { type ReportLeases, leaseKeys } from '../lease/index.ts'
import type { RunScript } from '../redis/define-scripts.ts'
import { type SpilledEntry, defineSettle, entriesOf, settleKeys, settledOf } from './entry.ts'
import { MissingRelease, waitingOf } from './release-missing.ts'

/** Which segments are given up without their files. */
interface MissingSelection {
  /** Names a folder that no running pump has: all that is in it. null: what is missed in folders that pumps have. */
  readonly folder: string | null
  /** null: for all. */
  readonly sink: string | null
}

export interface ReleasedMissing {
  /** By sink: given up, or what would be. */
  readonly sinks: ReadonlyMap<string, { readonly segments: number; readonly records: number }>
  /** Segments for which nothing waited, and of which Redis knew something still. */
  readonly forgotten: number
  /** Segments that changed while they were read, or that a running pump is writing. */
  readonly changing: number
  /** Segments of a folder that a running pump has after all. */
  readonly held: number
}

/** Of one segment that changes while it is read. */
const MOST_TRIES = 5

/** By sink: records. */
type Waiting = Readonly<Record<string, number>>

/**
 * Gives up what waits in segments whose files nobody has, for a person. It is booked, of its APIs if they are known, and
 * Redis forgets the segments.
 */
export class MissingGiver {
  readonly #client: Redis | Cluster
  readonly #settle: RunScript
  readonly #release: MissingRelease
  readonly #ledger: boolean
  readonly #report: ReportLeases

  /** @param ledger - What is given up is booked. */
  constructor(client: Redis | Cluster, ledger: boolean, report: ReportLeases = () => undefined) {
    this.#client = client
    this.#ledger = ledger
    this.#report = report
    this.#settle = defineSettle(client)
    this.#release = new MissingRelease(client)
  }

  /** With `apply` it is done; else only counted. */
  async run(sources: readonly SourceList[], selection: MissingSelection, apply: boolean): Promise<ReleasedMissing> {
    const sinks = new Map<string, { segments: number; records: number }>()
    const left = { forgotten: 0, changing: 0, held: 0 }
    for (const source of sources) {
      const meant = [...(await entriesOf(this.#client, source))].filter(([, entry]) => isMeant(entry, selection))
      for (const [at, [id, entry]] of meant.entries()) {
        this.#report(`segments of ${source.key} ${apply ? 'given up' : 'counted'}`, at, meant.length)
        const waiting = await this.#giveUp(source, id, entry, selection, apply)
        if (typeof waiting === 'string') left[waiting] += 1
        else {
          for (const [name, records] of Object.entries(waiting)) {
            const sum = sinks.get(name) ?? { segments: 0, records: 0 }
            sinks.set(name, { segments: sum.segments + 1, records: sum.records + records })
          }
        }
      }
    }
    return { sinks, ...left }
  }

  async #giveUp(
    source: SourceList,
    id: string,
    listed: SpilledEntry,
    selection: MissingSelection,
    apply: boolean,
  ): Promise<Waiting | 'forgotten' | 'changing' | 'held'> {
    const { sink } = selection
    let entry = listed
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      // What was made of the file and is lost since waits for it again; what is finished does not.
      const made = Object.keys(entry.back ?? {})
      const args = [id, '', 0, entry.folder, entry.place, '', 0, ...made]
      const settled = settledOf(await this.#settle(settleKeys(leaseKeys(source.key), id, made), args))
      if (settled.kind !== 'spilled' && settled.kind !== 'done' && settled.kind !== 'useless') {
        return settled.kind === 'busy' ? 'changing' : {}
      }
      entry = settled.entry
      // Of what counts for nothing the lease has the records.
      const counts = settled.kind === 'spilled'
      const offsets = counts ? waitingOf(entry, sink) : {}
      if (!isMeant(entry, selection) || (sink !== null && offsets[sink] === undefined)) return {}
      if (apply) {
        const isAbsent = selection.folder !== null
        const answer = await this.#release.run(source, id, settled, sink, counts && this.#ledger, isAbsent)
        if (answer === 'held') return 'held'
        // Of a folder that no pump has nothing changes: somebody has come.
        if (answer === 'changed' && isAbsent) return 'changing'
        if (answer === 'changed') continue
      }
      const waiting = Object.entries(offsets).map(([name, offset]) => [name, entry.total - offset] as const)
      return waiting.length === 0 ? 'forgotten' : Object.fromEntries(waiting)
    }
    return 'changing'
  }
}

function isMeant({ missing, folder }: SpilledEntry, selection: MissingSelection): boolean {
  return selection.folder === null ? missing !== undefined : folder === selection.folder
}
