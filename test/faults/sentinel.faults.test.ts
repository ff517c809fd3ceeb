/**
 * A real gateway and a real pump behind Sentinels, in the middle of whose work the master changes: by order, and by death.
 * Replication is asynchronous, so a master may take with it what it has not told its replica. The tests know for each
 * record whether that can be: what the replica had, and what was sent when the old master could not be written to any
 * more, is in Elasticsearch once. The rest is counted, and printed.
 */
import { LEDGER_IN } from '@tek/analytics-record'
import type { Redis } from 'ioredis'
import { beforeAll, describe, expect, it } from 'vitest'
import { runHere } from '../../packages/pump/test/support/run-command.ts'
import { eventually } from '../support/eventually.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Pump, startPump } from '../support/pump.ts'
import { redisSkipReason } from '../support/redis.ts'
import { type Upstream, startUpstream } from '../support/upstream.ts'
import { type FaultyElasticsearch, startFaultyElasticsearch } from './support/elasticsearch.ts'
import { MASTER_NAME, type SentinelSet, startSentinelSet } from './support/sentinels.ts'
import { SEED } from './support/settings.ts'
import { type Findings, type WatchedPump, watchPump } from './support/watched-pump.ts'

beforeAll(() => console.log(`TEK_FAULT_SEED=${SEED}`))

const WAIT_MS = 90_000
const TEST_MS = 300_000
const API = 'faults'

const definition = (targetUrl: string): object => ({
  name: API,
  api_id: API,
  org_id: 'org',
  active: true,
  use_keyless: true,
  proxy: { listen_path: '/faults/', target_url: targetUrl, strip_listen_path: false },
  version_data: { not_versioned: true, versions: { Default: { name: 'Default' } } },
})

/** Requests to a gateway, whose records a pump takes to Elasticsearch; Redis is where the Sentinels say. */
class Chain implements AsyncDisposable {
  readonly sentinels: SentinelSet
  readonly first: FaultyElasticsearch
  readonly pump: WatchedPump
  readonly #upstream: Upstream
  readonly #gateway: Gateway
  readonly #findings: Findings
  readonly #storage: object
  #sent = 0

  private constructor(
    sentinels: SentinelSet,
    first: FaultyElasticsearch,
    upstream: Upstream,
    gateway: Gateway,
    pump: Pump,
  ) {
    this.sentinels = sentinels
    this.first = first
    this.#upstream = upstream
    this.#gateway = gateway
    this.#findings = { peakRssMb: 0, untruths: [] }
    this.pump = watchPump(pump, this.#findings)
    this.#storage = { addrs: sentinels.addresses, master_name: MASTER_NAME }
  }

  /** Both programs are told of the Sentinels by Tyk's variables. */
  static async start(): Promise<Chain> {
    const sentinels = await startSentinelSet(['gateway', 'pump'])
    const first = await startFaultyElasticsearch()
    const upstream = await startUpstream((_, response) => void response.end('ok'))
    const addresses = sentinels.addresses.join(',')
    const gateway = await startGateway({
      apis: { 'faults.json': definition(upstream.url) },
      conf: { storage: { type: 'redis', timeout: 2 }, enable_metrics: true },
      env: {
        TYK_GW_STORAGE_ADDRS: addresses,
        TYK_GW_STORAGE_MASTERNAME: MASTER_NAME,
        TYK_GW_STORAGE_USERNAME: 'gateway',
        TYK_GW_STORAGE_PASSWORD: 'gateway',
      },
    })
    const pump = await startPump({
      redisPort: 1,
      pumps: pumpsOf(first),
      conf: { analytics_storage_config: { type: 'redis', timeout: 2 } },
      env: {
        TYK_PMP_ANALYTICSSTORAGECONFIG_ADDRS: addresses,
        TYK_PMP_ANALYTICSSTORAGECONFIG_MASTERNAME: MASTER_NAME,
        TYK_PMP_ANALYTICSSTORAGECONFIG_USERNAME: 'pump',
        TYK_PMP_ANALYTICSSTORAGECONFIG_PASSWORD: 'pump',
      },
    })
    return new Chain(sentinels, first, upstream, gateway, pump)
  }

  /** Sends requests, and returns the paths of their records. */
  async send(count: number): Promise<string[]> {
    const paths = Array.from({ length: count }, (_, i) => `/faults/r${this.#sent + i}`)
    this.#sent += count
    for (const path of paths) {
      const answer = await fetch(`${this.#gateway.url}${path}`)
      expect(answer.status).toBe(200)
      await answer.body?.cancel()
    }
    return paths
  }

  /** Sends requests until it is told to stop, and returns their paths then. */
  keepSending(): { stop(): Promise<string[]> } {
    const over = new AbortController()
    const work = async (): Promise<string[]> => {
      const paths: string[] = []
      while (!over.signal.aborted) paths.push(...(await this.send(1)))
      return paths
    }
    const sending = work()
    // Of a test that has failed meanwhile nobody asks any more.
    sending.catch(() => undefined)
    return {
      stop: () => {
        over.abort()
        return sending
      },
    }
  }

  /** Resolves when a server has been told of so many records. A batch and its number are one transaction. */
  async knows(client: Redis, records: number): Promise<void> {
    await eventually(async () => expect(await recordsIn(client)).toBe(records), WAIT_MS)
  }

  /** Ships 100 records and stops in the middle of 100 more, all of which the replica has been told of. */
  async stopInTheMiddle(): Promise<{ before: string[]; held: ReturnType<FaultyElasticsearch['hold']> }> {
    const { clients } = this.sentinels
    const before = await this.send(100)
    await this.expectDelivered(before, clients.first)
    const held = this.first.hold('stored')
    before.push(...(await this.send(100)))
    await held.reached
    await this.knows(clients.second, 200)
    return { before, held }
  }

  get sent(): number {
    return this.#sent
  }

  isStored(path: string): boolean {
    return this.first.stored.has(path)
  }

  /** Waits until these are in Elasticsearch; then nothing is there twice, and nothing is left to be done. */
  async expectDelivered(paths: readonly string[], master = this.sentinels.clients.second): Promise<void> {
    const missing = (): string[] => paths.filter((path) => !this.isStored(path))
    await eventually(() => expect(missing()).toEqual([]), WAIT_MS, 100)
    await eventually(async () => {
      expect(await master.keys('*:lease:*')).toEqual([])
      expect(await master.keys('analytics-*')).toEqual([])
      const { ready, redis, sinks } = await this.pump.ready()
      expect({ ready, redis: redis.status, pending: sinks.FIRST.pending }).toEqual({
        ready: true,
        redis: 'up',
        pending: 0,
      })
    }, WAIT_MS)
    expect([...this.first.stored].filter(([, ids]) => ids.length > 1)).toEqual([])
    expect(this.#findings.untruths).toEqual([])
  }

  /** Says what became of records that the old master may have taken with it, and returns how many it has. */
  async tellLosses(what: string, atRisk: readonly string[]): Promise<number> {
    // Its ledger went back to the same instant as its lists. What the gateway sends again, not knowing whether it arrived, may come
    // last of all.
    const known = await eventually(async () => {
      const told = await recordsIn(this.sentinels.clients.second)
      const { missing, uncounted, dropped, pending, in: written } = await this.ledger()
      expect({ missing, uncounted, dropped, pending, written }).toEqual({ ...NOTHING, written: told })
      return told
    }, WAIT_MS)
    const lost = atRisk.filter((path) => !this.isStored(path)).length
    console.log(
      `${what}: ${this.sent} records, ${atRisk.length} of them written while the old master could take them with it, ` +
        `${lost} lost; the new one has been told of ${known}`,
    )
    return lost
  }

  async gatewayMetric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#gateway.url}/metrics`)).text()
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
  }

  /** What `pump ledger` says, asked through the Sentinels. */
  async ledger(): Promise<Readonly<Record<string, number>>> {
    const conf = { analytics_storage_config: this.#storage, pumps: pumpsOf(this.first) }
    const { output } = await runHere(['ledger', '--json', '--by=total'], conf)
    const lines = output.split('\n').filter((line) => line.startsWith('{'))
    return JSON.parse(lines.at(-1) ?? '{}') as Record<string, number>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pump.unwatch()
    await this.#gateway.stop()
    await this.pump.stop()
    await this.#upstream[Symbol.asyncDispose]()
    await this.first[Symbol.asyncDispose]()
    await this.sentinels[Symbol.asyncDispose]()
  }
}

const NOTHING = { missing: 0, uncounted: 0, dropped: 0, pending: 0 }

const pumpsOf = ({ url }: FaultyElasticsearch): Readonly<Record<string, object>> => ({
  first: {
    type: 'elasticsearch',
    timeout: 2,
    meta: { elasticsearch_url: url, index_name: 'records', bulk_config: { bulk_actions: 50 } },
  },
})

/** Records that a server has been told of, by the ledger. */
async function recordsIn(client: Redis): Promise<number> {
  let records = 0
  for (const key of await client.keys('*:ledger:[0-9]*')) {
    for (const [field, count] of Object.entries(await client.hgetall(key))) {
      if (field.startsWith(LEDGER_IN)) records += Number(count)
    }
  }
  return records
}

/** Connections that a user has to a server. */
async function connectionsOf(user: 'gateway' | 'pump', client: Redis): Promise<number> {
  const lines = String(await client.client('LIST')).split('\n')
  return lines.filter((line) => line.includes(` user=${user} `)).length
}

const roleOf = async (client: Redis): Promise<string> => String(((await client.call('ROLE')) as unknown[])[0])

/** As the Sentinels do when they have watched it for a while. From then on it takes no writes, and has what the new one has. */
async function demote({ clients, second }: SentinelSet): Promise<void> {
  await clients.first.call('REPLICAOF', '127.0.0.1', `${second.port}`)
  await eventually(async () => expect(await roleOf(clients.first)).toBe('slave'), WAIT_MS)
}

describe.skipIf(redisSkipReason() ?? process.platform !== 'linux').concurrent('Sentinels', () => {
  it(
    'move the master by order while records are shipped: gateway and pump go with it at once',
    async () => {
      await using chain = await Chain.start()
      const { clients, failOver, switched } = chain.sentinels
      const { before, held } = await chain.stopInTheMiddle()
      // The Sentinels make the old master a replica only after seconds, here not before they may: until then it takes
      // writes that it will forget.
      await clients.first.call('ACL', 'SETUSER', 'default', '-slaveof', '-replicaof')
      const sending = chain.keepSending()
      await failOver()
      held.drop()
      await switched()
      for (const user of ['gateway', 'pump'] as const) {
        await eventually(async () => {
          expect(await connectionsOf(user, clients.second)).toBeGreaterThan(0)
          expect(await connectionsOf(user, clients.first)).toBe(0)
        }, WAIT_MS)
      }
      const atRisk = await sending.stop()
      const after = await chain.send(100)
      expect(await roleOf(clients.first)).toBe('master')
      await clients.first.call('ACL', 'SETUSER', 'default', '+@all')
      await demote(chain.sentinels)
      after.push(...(await chain.send(100)))
      await chain.expectDelivered([...before, ...after])
      await chain.tellLosses('a failover by order', atRisk)
    },
    TEST_MS,
  )

  it(
    'make the replica the master when the master is killed while records are shipped',
    async () => {
      await using chain = await Chain.start()
      const { clients, first, switched } = chain.sentinels
      const { before, held } = await chain.stopInTheMiddle()
      const sending = chain.keepSending()
      await eventually(async () => expect(await recordsIn(clients.first)).toBeGreaterThan(200), WAIT_MS)
      await first.kill()
      const atRisk = await sending.stop()
      held.drop()
      // The gateway keeps them until there is a master again.
      const after = await chain.send(100)
      await switched()
      await first.start()
      after.push(...(await chain.send(100)))
      await demote(chain.sentinels)
      await chain.expectDelivered([...before, ...after])
      await chain.tellLosses('a master that was killed', atRisk)
    },
    TEST_MS,
  )

  it(
    'make a replica the master that lacks the last records: those alone are lost, and two counts tell how many',
    async () => {
      await using chain = await Chain.start()
      const { clients, first, switched } = chain.sentinels
      const before = await chain.send(100)
      await chain.expectDelivered(before, clients.first)
      await chain.knows(clients.second, 100)
      // From here on it learns nothing more, and the pump takes nothing: of what is in its memory, nothing is lost.
      chain.pump.program.kill('SIGSTOP')
      await clients.second.replicaof('NO', 'ONE')
      const atRisk = await chain.send(50)
      await chain.knows(clients.first, 150)
      await first.kill()
      chain.pump.program.kill('SIGCONT')
      const after = await chain.send(100)
      await switched()
      await chain.expectDelivered([...before, ...after])
      expect(await chain.tellLosses('a replica that was behind', atRisk)).toBe(50)
      expect((await chain.pump.ready()).sinks.FIRST).toMatchObject({ taken: 200, delivered: 200, dropped: 0 })
      // The gateway was told that they were written, and the ledger has not heard of them.
      const written = await chain.gatewayMetric('tyk_gateway_records_written_total')
      expect(written - (await recordsIn(clients.second))).toBe(50)
    },
    TEST_MS,
  )
})
