import type { SourceList } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { leaseKeys } from '../lease/index.ts'
import { encodeTallies } from '../ledger/index.ts'
import { type RunScript, defineScript } from '../redis/define-scripts.ts'
import { type ReadEntry, type SpilledEntry, scriptFile } from './entry.ts'
import type { OffsetTallies } from './format.ts'
import { talliesOfMissing } from './tallies.ts'

/** So long a file may be away and come back: it is then known that its records were given up. */
const MARK_SECONDS = 30 * 86_400

/** Gives up segments whose files nobody has. One instance per client. */
export class MissingRelease {
  readonly #client: Redis | Cluster
  readonly #release: RunScript

  constructor(client: Redis | Cluster) {
    this.#client = client
    this.#release = defineScript(client, 'releaseMissing', scriptFile('release-missing'))
  }

  /**
   * `changed`: nothing was done, because the entry is not as it was read. `held`: nor then, because a running pump has
   * the folder.
   *
   * @param sink - null: for all.
   * @param ledger - What waits is booked as dropped.
   * @param isAbsent - Only if no running pump has the folder.
   */
  async run(
    source: SourceList,
    id: string,
    { entry, text }: ReadEntry,
    sink: string | null,
    ledger: boolean,
    isAbsent: boolean,
  ): Promise<'done' | 'changed' | 'held'> {
    const keys = leaseKeys(source.key)
    const known = await this.#client.hget(keys.tallies, id)
    const tallies = known === null ? null : (JSON.parse(known) as OffsetTallies)
    const dropped = talliesOfMissing(entry.total, ledger ? waitingOf(entry, sink) : {}, tallies)
    const { keys: hashes, args } = encodeTallies(source.key, dropped)
    const leases = Object.keys(entry.back ?? {})
    const made = leases.flatMap((lease) => [keys.meta(lease), keys.finished(lease)])
    const names = [keys.spilled, keys.tallies, keys.givenUp(id), keys.owners, keys.folders, ...made, ...hashes]
    const own = [id, text, sink ?? '', MARK_SECONDS, leases.length, isAbsent ? 1 : 0]
    const answer = Number(await this.#release(names, [...own, ...args]))
    return answer === 1 ? 'done' : answer === 0 ? 'changed' : 'held'
  }
}

/** By sink: from where on it waits for a segment, or did until it was given up by command. */
export function waitingOf({ offsets, given = {} }: SpilledEntry, sink: string | null): Record<string, number> {
  const all = Object.entries({ ...given, ...offsets })
  return Object.fromEntries(all.filter(([name]) => sink === null || name === sink))
}
