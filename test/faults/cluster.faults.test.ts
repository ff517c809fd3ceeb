/**
 * A real pump on a Redis Cluster of three masters: its leases are capped and spilled there, a node dies, and a list moves to
 * another node while it is shipped. Every record ends up in Elasticsearch, once.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { analyticsKey } from '@tek/analytics-record'
import { beforeAll, describe, expect, it } from 'vitest'
import { elements } from '../../packages/pump/test/support/run-pump.ts'
import { type ClusterOptions, type RedisCluster, startCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { startPump } from '../support/pump.ts'
import { redisSkipReason } from '../support/redis.ts'
import { type FaultyElasticsearch, startFaultyElasticsearch } from './support/elasticsearch.ts'
import { SEED } from './support/settings.ts'
import { type Findings, type WatchedPump, watchPump } from './support/watched-pump.ts'

beforeAll(() => console.log(`TEK_FAULT_SEED=${SEED}`))

const WAIT_MS = 90_000
const TEST_MS = 300_000
/** Records in leases, over all pumps, beyond which the newest go to files. */
const SPILL_BEYOND = 200
const LISTS = Array.from({ length: 10 }, (_, shard) => analyticsKey('msgpack', shard))

/** A cluster, an Elasticsearch, a folder for spilled records, and pumps. */
class ClusterStage implements AsyncDisposable {
  readonly cluster: RedisCluster
  readonly first: FaultyElasticsearch
  readonly folder: string
  readonly pumps = new Set<WatchedPump>()
  readonly #findings: Findings = { peakRssMb: 0, untruths: [] }
  #pushed = 0

  private constructor(cluster: RedisCluster, first: FaultyElasticsearch, folder: string) {
    this.cluster = cluster
    this.first = first
    this.folder = folder
  }

  static async create(options: ClusterOptions = {}): Promise<ClusterStage> {
    const cluster = await startCluster(options)
    return new ClusterStage(cluster, await startFaultyElasticsearch(), await mkdtemp(join(tmpdir(), 'tek-spilled-')))
  }

  async startPump(spills: boolean): Promise<WatchedPump> {
    const bulk = { elasticsearch_url: this.first.url, index_name: 'records', bulk_config: { bulk_actions: 50 } }
    const pump = await startPump({
      redisPort: 1,
      pumps: { first: { type: 'elasticsearch', timeout: 2, meta: bulk } },
      conf: {
        analytics_storage_config: { type: 'redis', timeout: 2 },
        ...(spills && { lease_cap: { policy: 'spill', max_records: SPILL_BEYOND, spill_dir: this.folder } }),
      },
      env: {
        TYK_PMP_ANALYTICSSTORAGECONFIG_ADDRS: this.cluster.storage.addrs.join(','),
        TYK_PMP_ANALYTICSSTORAGECONFIG_ENABLECLUSTER: 'true',
      },
    })
    const watched = watchPump(pump, this.#findings)
    this.pumps.add(watched)
    return watched
  }

  /** To each of these lists so many records. Redis has them when it returns. */
  async push(count: number, lists: readonly string[] = LISTS): Promise<void> {
    for (const list of lists) {
      const records = elements(count, this.#pushed)
      this.#pushed += count
      await eventually(() => this.cluster.client.rpush(list, ...records), WAIT_MS)
    }
  }

  /** kill -9; what it held is free at once, as it would be after the time in which it had to give a sign. */
  async kill(pump: WatchedPump): Promise<void> {
    pump.program.kill('SIGKILL')
    await pump.program.exited()
    pump.unwatch()
    this.pumps.delete(pump)
    await pump.stop()
    const { client } = this.cluster
    for (const key of await this.cluster.keys('*:owners')) {
      for (const owner of await client.hkeys(key)) if (owner.includes(`:${pump.pid}:`)) await client.hset(key, owner, 1)
    }
  }

  /** Everything is in Elasticsearch once, and nothing is left in Redis or in files. */
  async drained(): Promise<void> {
    const paths = Array.from({ length: this.#pushed }, (_, i) => `/r${i}`)
    const { stored } = this.first
    await eventually(() => expect(paths.filter((path) => !stored.has(path))).toEqual([]), WAIT_MS, 200)
    await eventually(async () => {
      expect(await this.cluster.keys('*:lease:*')).toEqual([])
      expect(await this.segments()).toEqual([])
      for (const pump of this.pumps) {
        const { ready, sinks } = await pump.ready()
        expect({ ready, pending: sinks.FIRST.pending, dropped: sinks.FIRST.dropped }).toEqual({
          ready: true,
          pending: 0,
          dropped: 0,
        })
      }
    }, WAIT_MS)
    expect([...stored].filter(([, ids]) => ids.length > 1)).toEqual([])
    expect(this.#findings.untruths).toEqual([])
  }

  async segments(): Promise<string[]> {
    return (await readdir(this.folder)).filter((name) => name.endsWith('.segment'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pump of this.pumps) {
      pump.unwatch()
      await pump.stop()
    }
    await this.first[Symbol.asyncDispose]()
    await this.cluster[Symbol.asyncDispose]()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** As `drained` says it, but for records that cannot be reached now. */
const reachable = (stage: ClusterStage, count: number): Promise<void> =>
  eventually(() => expect(stage.first.stored.size).toBe(count), WAIT_MS)

describe.skipIf(redisSkipReason() ?? process.platform !== 'linux').concurrent('a cluster', () => {
  it(
    'has its leases spilled beyond the cap, and gets them back; its pump is killed in between',
    async () => {
      await using stage = await ClusterStage.create()
      const pump = await stage.startPump(true)
      await stage.first.misbehave('answers 503', false)
      for (let i = 0; i < 4; i++) await stage.push(20)
      await eventually(async () => {
        const { lease_cap: cap } = await pump.ready()
        expect(cap?.spilled.records).toBeGreaterThanOrEqual(800 - SPILL_BEYOND)
      }, WAIT_MS)
      // The entries of files are where their lists are.
      for (const { client } of stage.cluster.nodes) {
        await eventually(async () => expect(await client.keys('*:spilled')).not.toEqual([]), WAIT_MS)
      }
      await stage.kill(pump)
      const second = await stage.startPump(true)
      await stage.push(20)
      await eventually(async () => {
        expect((await second.ready()).lease_cap?.spilled.records).toBeGreaterThanOrEqual(1_000 - SPILL_BEYOND)
      }, WAIT_MS)
      await stage.first.heal()
      await eventually(() => expect(stage.first.stored.size).toBeGreaterThan(200), WAIT_MS, 5)
      await stage.kill(second)
      const third = await stage.startPump(true)
      await stage.drained()
      expect((await third.ready()).lease_cap?.spilled).toMatchObject({ segments: 0, records: 0, missing_segments: 0 })
    },
    TEST_MS,
  )

  it.each([
    ['the others go on', false],
    ['all of them refuse', true],
  ])(
    'loses a node, and %s: /ready says so, and when the node is back nothing is lost',
    async (_, fullCoverage) => {
      await using stage = await ClusterStage.create({ fullCoverage })
      const [list = ''] = LISTS
      const node = await stage.cluster.nodeOf(list)
      const elsewhere: string[] = []
      for (const other of LISTS) if ((await stage.cluster.nodeOf(other)) !== node) elsewhere.push(other)
      expect(elsewhere.length).toBeGreaterThan(0)
      const pump = await stage.startPump(false)
      await stage.push(20)
      await reachable(stage, 200)
      const held = stage.first.hold('stored')
      await stage.push(20)
      await held.reached
      await node.kill()
      held.drop()
      await eventually(async () => {
        const { ready, redis } = await pump.ready()
        expect({ ready, redis: redis.status }).toEqual({ ready: false, redis: 'down' })
        expect(redis.last_error).toMatch(/list analytics-tyk-system-analytics|CLUSTERDOWN/)
      }, WAIT_MS)
      if (!fullCoverage) {
        await stage.push(20, elsewhere)
        await eventually(async () => {
          for (const other of elsewhere) expect(await stage.cluster.client.exists(other)).toBe(0)
        }, WAIT_MS)
      }
      await node.start()
      await stage.push(20)
      await stage.drained()
    },
    TEST_MS,
  )

  it(
    'moves a list, its leases and its files to another node while they are shipped',
    async () => {
      await using stage = await ClusterStage.create()
      const pump = await stage.startPump(true)
      await stage.first.misbehave('answers 503', false)
      const [list = ''] = LISTS
      for (let i = 0; i < 20; i++) {
        await stage.push(20, [list])
        await eventually(async () => expect(await stage.cluster.client.exists(list)).toBe(0), WAIT_MS)
      }
      await eventually(async () => expect((await pump.ready()).lease_cap?.spilled.segments).toBeGreaterThan(3), WAIT_MS)
      const from = await stage.cluster.nodeOf(list)
      const to = stage.cluster.nodes.find((node) => node !== from)!
      await stage.first.heal()
      await moveSlot(stage.cluster, list, to)
      expect(await stage.cluster.nodeOf(list)).toBe(to)
      await stage.push(20)
      await stage.drained()
    },
    TEST_MS,
  )
})

/** As an operator moves a slot: key by key, while clients are sent from one node to the other. */
async function moveSlot(cluster: RedisCluster, key: string, to: RedisCluster['nodes'][number]): Promise<void> {
  const from = await cluster.nodeOf(key)
  const slot = await from.client.cluster('KEYSLOT', key)
  const [fromId, toId] = [await from.client.cluster('MYID'), await to.client.cluster('MYID')]
  await to.client.call('CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', fromId)
  await from.client.call('CLUSTER', 'SETSLOT', `${slot}`, 'MIGRATING', toId)
  for (;;) {
    const keys = (await from.client.call('CLUSTER', 'GETKEYSINSLOT', `${slot}`, '3')) as string[]
    if (keys.length === 0) break
    await from.client.call('MIGRATE', '127.0.0.1', `${to.port}`, '', '0', '5000', 'KEYS', ...keys)
  }
  for (const { client } of [to, ...cluster.nodes.filter((node) => node !== to)]) {
    await client.call('CLUSTER', 'SETSLOT', `${slot}`, 'NODE', toId)
  }
}
