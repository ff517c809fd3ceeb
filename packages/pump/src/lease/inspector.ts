import type { SourceList } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { type RunScript, defineScript } from '../redis/define-scripts.ts'
import { leaseKeys } from './keys.ts'
import { type Backlog, leaseIds } from './store.ts'

/** What waits for one sink, over all leases. */
export interface SinkBacklog {
  readonly sink: string
  /** In the hands of living pumps. */
  readonly held: Backlog
  /** In nobody's hands. */
  readonly waiting: Backlog
}

const NOTHING: Backlog = { leases: 0, records: 0 }

/** Leases as a person sees them, from outside of any pump. */
export class LeaseInspector {
  readonly #client: Redis | Cluster
  readonly #drop: RunScript

  constructor(client: Redis | Cluster) {
    this.#client = client
    this.#drop = defineScript(client, 'dropSink', new URL('./scripts/drop-sink.lua', import.meta.url))
  }

  /** What waits for a sink; with `apply` it also gives up what no living pump holds. `waiting` is what that is, or was. */
  async drop(sources: readonly SourceList[], sink: string, apply: boolean): Promise<SinkBacklog> {
    let [held, waiting] = [NOTHING, NOTHING]
    for (const source of sources) {
      const keys = leaseKeys(source.key)
      for await (const ids of leaseIds(this.#client, keys)) {
        const names = [keys.set, keys.owners, ...ids.flatMap((id) => [keys.list(id), keys.meta(id)])]
        const answer = (await this.#drop(names, [sink, apply ? 1 : 0, ...ids])) as number[]
        const [leases = 0, records = 0, heldLeases = 0, heldRecords = 0] = answer
        waiting = add(waiting, { leases, records })
        held = add(held, { leases: heldLeases, records: heldRecords })
      }
    }
    return { sink, held, waiting }
  }

  /** What waits for every sink that any lease names, by name. */
  async list(sources: readonly SourceList[]): Promise<SinkBacklog[]> {
    const names = new Set<string>()
    for (const source of sources) {
      const keys = leaseKeys(source.key)
      for await (const ids of leaseIds(this.#client, keys)) {
        const fields = await Promise.all(ids.map((id) => this.#client.hkeys(keys.meta(id))))
        for (const field of fields.flat()) if (field.startsWith('offset:')) names.add(field.slice('offset:'.length))
      }
    }
    const backlogs: SinkBacklog[] = []
    for (const name of [...names].toSorted()) backlogs.push(await this.drop(sources, name, false))
    return backlogs
  }
}

function add(sum: Backlog, more: Backlog): Backlog {
  return { leases: sum.leases + more.leases, records: sum.records + more.records }
}
