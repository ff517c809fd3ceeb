import { RecordBlock, type SourceList } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import { Tally, encodeEntries } from '../ledger/index.ts'
import { type RunScript, type ScriptArgument, defineScript } from '../redis/define-scripts.ts'
import { readElements } from './element.ts'
import { type LeaseKeys, leaseKeys } from './keys.ts'
import { type Backlog, leaseIds } from './store.ts'

/** What waits for one sink, over all leases. */
export interface SinkBacklog {
  readonly sink: string
  /** In the hands of living pumps. */
  readonly held: Backlog
  /** In nobody's hands. */
  readonly waiting: Backlog
  /** In nobody's hands, and not given up, because the leases changed each time they were read. */
  readonly busy: Backlog
}

const NOTHING: Backlog = { leases: 0, records: 0 }

interface Dropped {
  readonly waiting: Backlog
  readonly held: Backlog
  /** Nothing was done: the lease was not as it was read. */
  readonly changed: boolean
}

/** What waits for a sink in one lease, as it was read. */
interface Waiting {
  readonly offset: number
  readonly total: number
  readonly tally: Tally
}

const RECORDS_PER_READ = 500

/** Of one lease that changes while it is read. */
const MOST_TRIES = 5

/** Called now and then: what is being done, how many leases that was done to, and how many there are. */
export type ReportLeases = (doing: string, done: number, total: number) => void

/** Leases as a person sees them, from outside of any pump. */
export class LeaseInspector {
  readonly #client: Redis | Cluster
  readonly #drop: RunScript
  readonly #report: ReportLeases
  readonly #ledger: boolean

  /** @param ledger - What is given up is booked. */
  constructor(client: Redis | Cluster, report: ReportLeases = () => undefined, ledger = false) {
    this.#client = client
    this.#ledger = ledger
    this.#drop = defineScript(client, 'dropSink', new URL('./scripts/drop-sink.lua', import.meta.url))
    this.#report = report
  }

  /** What waits for a sink; with `apply` it also gives up what no living pump holds. `waiting` is what that is, or was. */
  async drop(sources: readonly SourceList[], sink: string, apply: boolean): Promise<SinkBacklog> {
    let [held, waiting, busy] = [NOTHING, NOTHING, NOTHING]
    const drop = (keys: LeaseKeys, ids: readonly string[]): Promise<Dropped> =>
      this.#run(keys, ids, [sink, apply ? 1 : 0])
    await this.#forEach(sources, `leases of ${sink} ${apply ? 'given up' : 'counted'}`, async (keys, ids) => {
      if (!apply || !this.#ledger) {
        const answer = await drop(keys, ids)
        waiting = add(waiting, answer.waiting)
        held = add(held, answer.held)
        return
      }
      for (const id of ids) {
        const answer = await this.#dropBooked(keys, id, sink)
        waiting = add(waiting, answer.changed ? NOTHING : answer.waiting)
        held = add(held, answer.held)
        busy = add(busy, answer.changed ? answer.waiting : NOTHING)
      }
    })
    return { sink, held, waiting, busy }
  }

  /** Reads what is given up first, because the ledger has to know of which APIs it is. */
  async #dropBooked(keys: LeaseKeys, id: string, sink: string): Promise<Dropped> {
    for (let tries = 1; ; tries++) {
      const before = await this.#run(keys, [id], [sink, 0])
      if (before.waiting.leases === 0) return before
      const found = await this.#readWaiting(keys, id, sink)
      const ledger = encodeEntries(keys.source, sink, found.tally, 1)
      const bookings = [found.offset, found.total, ...ledger.args]
      const dropped = await this.#run(keys, [id], [sink, 1], ledger.keys, bookings)
      if (!dropped.changed) return dropped
      if (tries === MOST_TRIES) return { ...before, changed: true }
    }
  }

  /** From the back, where nothing moves while others trim the front. */
  async #readWaiting(keys: LeaseKeys, id: string, sink: string): Promise<Waiting> {
    // In one step: between two, the lease may be trimmed for other sinks, and its total would be wrong.
    const asked = this.#client.multi().hmget(keys.meta(id), `offset:${sink}`, 'acked').llen(keys.list(id))
    const [fields, length] = (await asked.exec()) ?? []
    const [offset, acked] = ((fields?.[1] ?? []) as (string | null)[]).map(Number)
    const total = (acked ?? 0) + Number(length?.[1] ?? 0)
    const tally = new Tally()
    const serialisation = keys.source.endsWith('_protobuf') ? 'protobuf' : 'msgpack'
    for (let left = total - (offset ?? 0); left > 0; left -= RECORDS_PER_READ) {
      const to = Math.max(0, left - RECORDS_PER_READ)
      const raws = await this.#client.lrangeBuffer(keys.list(id), -left, -to - 1)
      for (const element of readElements(new RecordBlock(raws), serialisation)) {
        tally.addElement('dropped', element, Date.now())
      }
    }
    return { offset: offset ?? 0, total, tally }
  }

  async #run(
    keys: LeaseKeys,
    ids: readonly string[],
    [sink, apply]: readonly [string, number],
    hashes: readonly string[] = [],
    bookings: readonly ScriptArgument[] = [],
  ): Promise<Dropped> {
    const names = [
      keys.set,
      keys.owners,
      keys.spilled,
      ...ids.flatMap((id) => [keys.list(id), keys.meta(id), keys.finished(id)]),
      ...hashes,
    ]
    const answer = (await this.#drop(names, [sink, apply, ids.length, ...ids, ...bookings])) as number[]
    const [leases = 0, records = 0, heldLeases = 0, heldRecords = 0, changed = 0] = answer
    return {
      waiting: { leases, records },
      held: { leases: heldLeases, records: heldRecords },
      changed: changed === 1,
    }
  }

  /** What waits for every sink that any lease names, by name. */
  async list(sources: readonly SourceList[]): Promise<SinkBacklog[]> {
    const names = new Set<string>()
    await this.#forEach(sources, 'leases looked through', async (keys, ids) => {
      const fields = await Promise.all(ids.map((id) => this.#client.hkeys(keys.meta(id))))
      for (const field of fields.flat()) if (field.startsWith('offset:')) names.add(field.slice('offset:'.length))
    })
    const backlogs: SinkBacklog[] = []
    for (const name of [...names].toSorted()) backlogs.push(await this.drop(sources, name, false))
    return backlogs
  }

  /** Visits all leases, as many at a time as one call of a script may have. */
  async #forEach(
    sources: readonly SourceList[],
    doing: string,
    visit: (keys: LeaseKeys, ids: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const all = sources.map(({ key }) => leaseKeys(key))
    const counts = await Promise.all(all.map(({ set }) => this.#client.scard(set)))
    const total = counts.reduce((sum, count) => sum + count, 0)
    let done = 0
    for (const keys of all) {
      for await (const ids of leaseIds(this.#client, keys)) {
        await visit(keys, ids)
        done += ids.length
        this.#report(doing, done, total)
      }
    }
  }
}

function add(sum: Backlog, more: Backlog): Backlog {
  return { leases: sum.leases + more.leases, records: sum.records + more.records }
}
