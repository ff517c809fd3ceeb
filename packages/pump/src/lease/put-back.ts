import { hash } from 'node:crypto'
import { RecordBlock, type SourceList } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { type EncodedBookings, Tally, encodeEntries } from '../ledger/index.ts'
import { type RunScript, defineScript } from '../redis/define-scripts.ts'
import { readElements } from './element.ts'
import { leaseKeys } from './keys.ts'

/** Puts records back for some sinks alone. Whichever pump has those sinks recovers them, as it does a dead pump's. */
export class RecordReturn {
  readonly #putBack: RunScript

  constructor(client: Redis | Cluster) {
    this.#putBack = defineScript(client, 'putBack', new URL('./scripts/put-back.lua', import.meta.url))
  }

  /**
   * True: they are safe in a lease. The same records put back twice are one lease as long as that waits, also in a
   * file. False: nothing was done, because such a lease is under way.
   *
   * @param deadFor - The sink for which the ledger has them as dead; null: it has not.
   */
  async putBack(
    source: SourceList,
    sinks: readonly string[],
    raws: readonly Buffer[],
    deadFor: string | null = null,
  ): Promise<boolean> {
    const keys = leaseKeys(source.key)
    const id = leaseId(sinks, raws)
    const ledger = deadFor === null ? NO_ENTRIES : encodeEntries(source.key, deadFor, tallyOf(source, raws), -1)
    const names = [keys.list(id), keys.meta(id), keys.set, keys.spilled, keys.owners, ...ledger.keys]
    const answer = await this.#putBack(names, [id, sinks.length, ...ledger.args, ...sinks, ...raws])
    return Number(answer) >= 0
  }
}

const NO_ENTRIES: EncodedBookings = { keys: [], args: [0, 0] }

function tallyOf({ serialisation }: SourceList, raws: readonly Buffer[]): Tally {
  const tally = new Tally()
  for (const element of readElements(new RecordBlock(raws), serialisation)) {
    // What is no record was booked under the minute of its arrival, which nobody knows any more.
    if (element.error === null) tally.addElement('dead', element, 0)
  }
  return tally
}

function leaseId(sinks: readonly string[], raws: readonly Buffer[]): string {
  const parts = raws.map((raw) => hash('sha256', raw))
  return `replay-${hash('sha256', [...sinks, ...parts].join('\n')).slice(0, 24)}`
}
