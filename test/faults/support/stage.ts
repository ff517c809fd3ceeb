import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AnalyticsRecord,
  LEDGER_IN,
  LEDGER_TTL_SECONDS,
  analyticsKey,
  emptyRecord,
  encodeRecord,
  ledgerKey,
  sourceLists,
} from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { expect } from 'vitest'
import { LeaseStore } from '../../../packages/pump/src/lease/index.ts'
import { eventually } from '../../support/eventually.ts'
import { startPump } from '../../support/pump.ts'
import type { Random } from '../../support/random.ts'
import { type CsvTarget, createCsvTarget } from './csv-target.ts'
import { type DurableRedis, startDurableRedis } from '../../support/durable-redis.ts'
import { type FaultyElasticsearch, REFUSED, startFaultyElasticsearch } from './elasticsearch.ts'
import { type FileGate, startFileGate } from './file-gate.ts'
import { type LedgerTotal, askLedger } from './ledger.ts'
import { type RedisCommand, type RedisProxy, startRedisProxy } from './redis-proxy.ts'
import { MOST_RSS_MB } from './settings.ts'
import { type Findings, type WatchedPump, watchPump } from './watched-pump.ts'
import { type HeldLease, type Whereabouts, findLeases, findRecords } from './whereabouts.ts'

export interface StageOptions {
  /** The version that Elasticsearch says it has. It decides how the pump speaks to it. */
  readonly version?: string
  /** Seconds that a source list lives, as a gateway sets it. */
  readonly ttlSeconds?: number
  /** In place of a scripted server for the first sink. */
  readonly first?: FaultyElasticsearch
  readonly index?: string
  /** Records per bulk request. */
  readonly bulkActions?: number
  /** Records in leases, over all pumps, beyond which the newest go to files. Absent: no cap. */
  readonly spillBeyond?: number
  /** More of pump.conf. */
  readonly conf?: Readonly<Record<string, unknown>>
  readonly random: Random
}

const DRAIN_MS = 90_000
/** Long: where it is not what a test is about, no list may run into it on a slow machine. */
const LIST_TTL_SECONDS = 3_600
const SINKS = ['FIRST', 'SECOND'] as const
type SinkName = (typeof SINKS)[number]
/** Under `pumps` in pump.conf. */
type SinkKey = 'first' | 'second'

const API = 'faults'
const LISTS = [analyticsKey('msgpack'), analyticsKey('msgpack', 3), analyticsKey('msgpack', 7)]
/** Seconds since the epoch of the first record's time; a thousand of them follow in each second. */
const FIRST_SECOND = 1_790_000_000
const PER_SECOND = 1_000

interface Parts {
  readonly redis: DurableRedis
  readonly proxy: RedisProxy
  readonly first: FaultyElasticsearch
  readonly second: CsvTarget
  readonly files: FileGate | null
  readonly spillFolder: string | null
}

/**
 * A durable Redis behind a proxy, an Elasticsearch for the first sink and a folder of CSV files for the second one, and
 * pumps as programs of their own. Everything is pushed to Redis directly; the pumps go through the proxy.
 *
 * Elasticsearch has every record once. A row has no id, so it comes once more where a lease changes hands between the
 * writing of its row and the acknowledgement of it, and never otherwise.
 */
export class Stage implements AsyncDisposable {
  readonly redis: DurableRedis
  readonly proxy: RedisProxy
  readonly first: FaultyElasticsearch
  readonly second: CsvTarget
  readonly pumps = new Set<WatchedPump>()
  client: Redis
  /** Records pushed over all rounds. */
  records = 0
  /** Rows that came again, over all rounds that were drained. */
  repeatedRows = 0
  /** False: no lease changes hands unacknowledged, so every row is there once. */
  mayRepeat = false
  readonly #options: StageOptions
  readonly #files: FileGate | null
  readonly #spillFolder: string | null
  readonly #findings: Findings = { peakRssMb: 0, untruths: [] }
  readonly #dead: number[] = []
  /** By path: how often the row may be there beyond once. */
  readonly #again = new Map<string, number>()
  /** What was done at an earlier look. It may not wait again, as long as Redis keeps what it was told. */
  readonly #acknowledged: Readonly<Record<SinkName, Set<string>>> = { FIRST: new Set(), SECOND: new Set() }
  /** As they were when a pump asked for those of the dead. */
  readonly #leases = new WeakMap<RedisCommand, ReadonlyMap<string, HeldLease>>()
  #port: number
  #haveSlept = false
  #isOver = false
  #pushed: string[] = []

  private constructor(parts: Parts, options: StageOptions) {
    this.redis = parts.redis
    this.proxy = parts.proxy
    this.first = parts.first
    this.second = parts.second
    this.#files = parts.files
    this.#spillFolder = parts.spillFolder
    this.#options = options
    this.#port = this.redis.port
    this.client = connectTo(this.#port)
    this.proxy.look = (side, command, reply) => {
      if (command.name !== 'claim-leases') return undefined
      if (side === 'request') return this.#watched(() => this.#lookBeforeTakeOver(command))
      // Two lists come back, and the first one, of what was claimed, is not empty.
      return /^\*2\r\n\*[1-9]/.test(reply) ? this.#watched(() => this.#noteTakeOver(command)) : undefined
    }
  }

  static async create(options: StageOptions): Promise<Stage> {
    const spills = options.spillBeyond !== undefined
    const redis = await startDurableRedis()
    const proxy = await startRedisProxy(redis.port)
    const first = options.first ?? (await startFaultyElasticsearch(options.version))
    const second = await createCsvTarget()
    const files = spills ? await startFileGate() : null
    const spillFolder = spills ? await mkdtemp(join(tmpdir(), 'tek-spilled-')) : null
    return new Stage({ redis, proxy, first, second, files, spillFolder }, options)
  }

  /** Highest resident memory of any pump. */
  get peakRssMb(): number {
    return this.#findings.peakRssMb
  }

  /** Where the steps of work on spill files can be held. */
  get files(): FileGate {
    if (this.#files === null) throw new Error('the pumps of this stage do not spill')
    return this.#files
  }

  /** As a gateway does: to one of its lists, counted in the ledger, with a TTL, again and again until Redis has it. */
  async push(count: number, refusedShare = 0): Promise<void> {
    const { random, ttlSeconds = LIST_TTL_SECONDS } = this.#options
    const key = random.pick(LISTS)
    const paths = Array.from({ length: count }, (_, i) => {
      return random.next() < refusedShare ? `/${REFUSED}${this.records + i}` : `/r${this.records + i}`
    })
    const elements = paths.map((path, i) => elementOf(path, this.records + i))
    const counts = new Map<string, number>()
    for (let i = 0; i < count; i++) {
      const hash = ledgerKey(key, Math.floor(secondOf(this.records + i) / 60))
      counts.set(hash, (counts.get(hash) ?? 0) + 1)
    }
    this.records += count
    this.#pushed.push(...paths)
    await eventually(async () => {
      const all = this.client
        .multi()
        .rpush(key, ...elements)
        .expire(key, ttlSeconds)
      for (const [hash, records] of counts) {
        all.hincrby(hash, `${LEDGER_IN}${API}`, records).expire(hash, LEDGER_TTL_SECONDS)
      }
      await all.exec()
    }, 60_000)
  }

  /** Takes what waits in the source lists into leases for both sinks, as a pump does that is dead afterwards. */
  async lease(): Promise<void> {
    const store = new LeaseStore({ client: this.client, owner: `${hostname()}:0:before`, sinks: SINKS, ownerTtlMs: 1 })
    for (const source of sourceLists()) await store.take(source, `${Date.now().toString(36)}-${randomUUID()}`)
  }

  get #sinks(): Readonly<Record<SinkKey, object>> {
    const { index: index_name = 'records', bulkActions: bulk_actions = 50 } = this.#options
    const { url: elasticsearch_url } = this.first
    return {
      first: {
        type: 'elasticsearch',
        timeout: 2,
        meta: { elasticsearch_url, index_name, bulk_config: { bulk_actions } },
      },
      second: { type: 'csv', meta: { csv_dir: this.second.folder } },
    }
  }

  /** @param sinks - Those it has; what waits for others it leaves alone. */
  async startPump(sinks: readonly SinkKey[] = ['first', 'second']): Promise<WatchedPump> {
    const { conf, spillBeyond: max_records } = this.#options
    const cap = { lease_cap: { policy: 'spill', max_records, spill_dir: this.#spillFolder } }
    const pump = await startPump({
      redisPort: this.proxy.port,
      pumps: Object.fromEntries(sinks.map((sink) => [sink, this.#sinks[sink]])),
      conf: {
        ...conf,
        ...(max_records !== undefined && cap),
        analytics_storage_config: { host: '127.0.0.1', port: this.proxy.port, timeout: 2 },
      },
      ...(this.#files !== null && { env: this.#files.env }),
      unchecked: true,
    })
    const watched = watchPump(pump, this.#findings)
    this.pumps.add(watched)
    return watched
  }

  async kill(pump: WatchedPump): Promise<void> {
    this.mayRepeat = true
    pump.program.kill('SIGKILL')
    await this.#ended(pump)
  }

  /** SIGSTOP: it gives no sign, and when it wakes up it goes on with what it was doing. */
  sleep(pump: WatchedPump): void {
    this.mayRepeat = true
    this.#haveSlept = true
    pump.program.kill('SIGSTOP')
  }

  /** SIGTERM, and the exit code. */
  async stop(pump: WatchedPump): Promise<number | NodeJS.Signals> {
    // Before it has come that far the signal ends it as it ends every program.
    await pump.program.waitForLine(/Starting purge loop/, DRAIN_MS)
    pump.program.kill('SIGTERM')
    return this.#ended(pump)
  }

  async #ended(pump: WatchedPump): Promise<number | NodeJS.Signals> {
    const code = await pump.program.exited()
    pump.unwatch()
    this.pumps.delete(pump)
    this.#dead.push(pump.pid)
    await pump.stop()
    return code
  }

  /**
   * Makes the time pass after which a pump that gave no sign counts as dead: fifteen seconds that would otherwise be waited
   * for after every kill. An owner is named by its host, its process and a random text.
   */
  async bury(pids: readonly number[] = this.#dead): Promise<void> {
    for (const key of await this.client.keys('*:owners')) {
      const owners = await this.client.hkeys(key)
      const over = owners.filter((owner) => pids.some((pid) => owner.includes(`:${pid}:`)))
      for (const owner of over) await this.client.hset(key, owner, 1)
    }
  }

  async #lookBeforeTakeOver(command: RedisCommand): Promise<void> {
    this.#leases.set(command, await findLeases(this.client, 'SECOND'))
  }

  /**
   * Called before a pump knows which leases it has taken over. The one before is dead, or it lost them while it slept: then
   * what it had read already may come from it still.
   */
  async #noteTakeOver(command: RedisCommand): Promise<void> {
    const now = await findLeases(this.client, 'SECOND')
    await this.second.refresh()
    for (const [key, { holder, waiting }] of this.#leases.get(command) ?? []) {
      const after = now.get(key)
      // One that is gone was ended by whoever had it: nobody writes what every sink has acknowledged.
      if (after === undefined || after.holder === holder) continue
      for (const path of waiting) {
        if (this.#haveSlept || this.second.rows.has(path)) this.#again.set(path, (this.#again.get(path) ?? 0) + 1)
      }
    }
  }

  /** Nobody waits for what the proxy has done, so an error goes where it is seen. */
  async #watched(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!this.#isOver) this.#findings.untruths.push(String(error))
    }
  }

  async #places(): Promise<Readonly<Record<SinkName, Whereabouts>>> {
    const places = await findRecords(this.client, SINKS, this.#spillFolder)
    return Object.fromEntries(places) as Record<SinkName, Whereabouts>
  }

  /** Brings up to date what the targets have. It must be looked for in Redis before. */
  async #refresh(): Promise<void> {
    await this.first.refresh()
    await this.second.refresh()
  }

  #isStored(sink: SinkName, path: string): boolean {
    return (sink === 'FIRST' ? this.first.stored : this.second.rows).has(path)
  }

  /** Of each sink what is in its target more often than it may be. */
  #tooOften(): Readonly<Record<SinkName, readonly string[]>> {
    const { stored } = this.first
    const { rows } = this.second
    return {
      FIRST: [...stored].filter(([, ids]) => ids.length > 1).map(([path]) => path),
      SECOND: [...rows].filter(([path, count]) => count > 1 + (this.#again.get(path) ?? 0)).map(([path]) => path),
    }
  }

  /** Nothing that was pushed is nowhere, and nothing is anywhere too often; whatever else goes on. */
  async expectNothingLost(): Promise<void> {
    const places = await this.#places()
    await this.#refresh()
    const tooOften = this.#tooOften()
    for (const sink of SINKS) {
      const { waiting, dead } = places[sink]
      const lost = this.#pushed.filter((path) => !this.#isStored(sink, path) && !waiting.has(path) && !dead.has(path))
      const doubledLetters = [...dead].filter(([, count]) => count > 1).map(([path]) => path)
      const waitsAgain = [...waiting].filter((path) => this.#acknowledged[sink].has(path))
      const found = { sink, lost, tooOften: tooOften[sink], doubledLetters, waitsAgain }
      expect(found).toEqual({ sink, lost: [], tooOften: [], doubledLetters: [], waitsAgain: [] })
      for (const path of this.#pushed) if (!waiting.has(path)) this.#acknowledged[sink].add(path)
    }
    for (const [sink, { missing, uncounted, dropped }] of await this.ledger()) {
      expect({ sink, missing, uncounted, dropped }).toEqual({ sink, missing: 0, uncounted: 0, dropped: 0 })
    }
  }

  /** Every record of a sink is in its target, or a dead letter. */
  async expectDelivered(sink: SinkName): Promise<void> {
    const { waiting, dead } = (await this.#places())[sink]
    await this.#refresh()
    const missing = this.#pushed.filter((path) => !this.#isStored(sink, path) && !dead.has(path))
    const { untruths } = this.#findings
    const found = { sink, missing: missing.length, waiting: waiting.size, untruths }
    expect(found).toEqual({ sink, missing: 0, waiting: 0, untruths: [] })
  }

  /** Waits for `expectDelivered`. */
  delivered(sink: SinkName, timeoutMs = DRAIN_MS): Promise<void> {
    return eventually(() => this.expectDelivered(sink), timeoutMs, 100)
  }

  /**
   * While the first sink can do nothing, records reach the second one, also without any attempt of the first that begins or
   * ends meanwhile: so neither its answers nor its pauses are waited for.
   */
  async expectSecondGoesOn(pump: WatchedPump): Promise<void> {
    await eventually(async () => {
      const before = await pump.attempts('FIRST')
      await this.push(20)
      await this.delivered('SECOND')
      expect(await pump.attempts('FIRST')).toBe(before)
    }, DRAIN_MS)
  }

  /** What `pump ledger` says of each sink. */
  ledger(): Promise<ReadonlyMap<string, LedgerTotal>> {
    return askLedger(this.#port, this.#sinks, FIRST_SECOND, secondOf(this.records))
  }

  /** Ends all trouble, and waits until every record is in one place for good: in the target, or a dead letter. */
  async drain(): Promise<void> {
    await this.heal()
    await this.bury()
    if (this.pumps.size === 0) await this.startPump()
    await this.#allReady()
    for (const sink of SINKS) await this.delivered(sink)
    const places = await this.#places()
    await this.#refresh()
    const tooOften = this.#tooOften()
    for (const sink of SINKS) {
      const { dead } = places[sink]
      const notOnce = this.#pushed.filter((path) => this.#isStored(sink, path) === dead.has(path))
      expect({ sink, notOnce, tooOften: tooOften[sink] }).toEqual({ sink, notOnce: [], tooOften: [] })
    }
    if (!this.mayRepeat) expect([...this.#again.keys()]).toEqual([])
    this.repeatedRows += [...this.second.rows.values()].reduce((sum, count) => sum + count - 1, 0)
    await this.#expectBalance(places.FIRST.dead.size)
    await this.#expectNothingLeft()
    expect(this.#findings.untruths).toEqual([])
    expect(this.peakRssMb).toBeLessThan(MOST_RSS_MB)
  }

  async #expectBalance(dead: number): Promise<void> {
    const all = this.#pushed.length
    const rest = { filtered: 0, dropped: 0, pending: 0, uncounted: 0, no_records: 0, missing: 0 }
    const ledger = await this.ledger()
    expect(ledger.get('FIRST')).toMatchObject({ in: all, delivered: all - dead, dead, ...rest })
    expect(ledger.get('SECOND')).toMatchObject({ in: all, delivered: all, dead: 0, ...rest })
  }

  async #expectNothingLeft(): Promise<void> {
    expect(await this.client.keys('*:lease:*')).toEqual([])
    const folder = this.#spillFolder
    if (folder === null) return
    // A file whose pump was killed just after its records had gone back is found when the folder is looked through.
    await eventually(async () => {
      const files = await readdir(folder)
      expect(files.filter((name) => /\.(?:segment|damaged)$/.test(name))).toEqual([])
      // What was announced by a pump that was killed before it wrote may be remembered for a while, and counts for nothing.
      for (const key of await this.client.keys('*:spilled')) {
        for (const entry of await this.client.hvals(key)) expect(entry).not.toContain('"spilled"')
      }
      for (const pump of this.pumps) {
        const nothing = { segments: 0, records: 0, damaged_records: 0, missing_segments: 0 }
        expect((await pump.ready()).lease_cap?.spilled).toMatchObject(nothing)
      }
    }, DRAIN_MS)
  }

  async #allReady(): Promise<void> {
    const check = async (): Promise<void> => {
      for (const pump of this.pumps) expect(await pump.ready()).toMatchObject({ ready: true, redis: { status: 'up' } })
    }
    await eventually(check, DRAIN_MS, 300)
  }

  async heal(): Promise<void> {
    await this.redis.start()
    this.proxy.latencyMs = 0
    this.proxy.hang(false)
    this.proxy.away(false)
    await this.first.heal()
    await this.second.away(false)
    for (const pump of this.pumps) pump.program.kill('SIGCONT')
    await this.client.replicaof('NO', 'ONE')
  }

  /** Forgets what is done, so that the next look at everything is short. No pump may be running. */
  async clear(): Promise<void> {
    this.#pushed = []
    this.#dead.length = 0
    this.#again.clear()
    for (const sink of SINKS) this.#acknowledged[sink].clear()
    this.#haveSlept = false
    this.mayRepeat = false
    await this.first.clear()
    await this.second.clear()
    await this.client.flushall()
  }

  /** Another server takes the place of the one there was. */
  async moveTo(port: number): Promise<void> {
    for (const sink of SINKS) this.#acknowledged[sink].clear()
    this.client.disconnect()
    this.#port = port
    this.client = connectTo(port)
    this.proxy.lead(port)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    for (const pump of this.pumps) await this.kill(pump)
    this.client.disconnect()
    await this.proxy[Symbol.asyncDispose]()
    await this.redis[Symbol.asyncDispose]()
    await this.first[Symbol.asyncDispose]()
    await this.second[Symbol.asyncDispose]()
    await this.#files?.[Symbol.asyncDispose]()
    if (this.#spillFolder !== null) await rm(this.#spillFolder, { recursive: true, force: true })
  }
}

function connectTo(port: number): Redis {
  const client = new Redis(port, { protocol: 2, maxRetriesPerRequest: null, retryStrategy: () => 50 })
  // It is expected to go away; commands wait until it is back.
  client.on('error', () => undefined)
  return client
}

const secondOf = (serial: number): number => FIRST_SECOND + Math.floor(serial / PER_SECOND)

function elementOf(path: string, serial: number): Buffer {
  const timestamp = { seconds: secondOf(serial), nanos: serial }
  const fields = { path, rawPath: path, method: 'GET', responseCode: 200, apiId: API, timestamp }
  return Buffer.from(encodeRecord({ ...emptyRecord(), ...(fields satisfies Partial<AnalyticsRecord>) }))
}
