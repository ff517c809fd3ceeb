import { Cluster, Redis } from 'ioredis'
import { expect } from 'vitest'
import { type DurableRedis, startDurableRedis } from './durable-redis.ts'
import { eventually } from './eventually.ts'
import { freePort } from './redis.ts'

/** Masters that share the slots of one cluster, each durable. */
export interface RedisCluster extends AsyncDisposable {
  /** For a program that is to use it. */
  readonly storage: { readonly addrs: readonly string[]; readonly enable_cluster: true }
  readonly nodes: readonly ClusterNode[]
  readonly client: Cluster
  /** The node that has the slot of a key. */
  nodeOf(key: string): Promise<ClusterNode>
  /** Keys of all nodes. */
  keys(pattern: string): Promise<string[]>
}

export interface ClusterNode extends DurableRedis {
  /** To this node alone. Commands wait while it is away. */
  readonly client: Redis
}

export interface ClusterOptions {
  /** Whether all nodes refuse while one is away, as is Redis's default; ours is that the others go on. */
  readonly fullCoverage?: boolean
}

const MASTERS = 3
const SLOTS = 16_384
const WAIT_MS = 60_000

/** Starts a cluster of three masters on the loopback. */
export async function startCluster({ fullCoverage = false }: ClusterOptions = {}): Promise<RedisCluster> {
  const nodes: ClusterNode[] = []
  for (let i = 0; i < MASTERS; i++) nodes.push(await startNode(fullCoverage))
  const [first] = nodes as [ClusterNode]
  for (const [i, { client, port }] of nodes.entries()) {
    const [from, to] = [i, i + 1].map((share) => Math.floor((share * SLOTS) / MASTERS)) as [number, number]
    await client.cluster('ADDSLOTSRANGE', from, to - 1)
    const [, bus] = (await client.config('GET', 'cluster-port')) as [string, string]
    if (i > 0) await first.client.call('CLUSTER', 'MEET', '127.0.0.1', `${port}`, bus)
  }
  for (const { client } of nodes) {
    await eventually(async () => {
      const info = await client.cluster('INFO')
      expect(info).toContain('cluster_state:ok')
      expect(info).toContain(`cluster_slots_ok:${SLOTS}`)
      expect(info).toContain(`cluster_known_nodes:${MASTERS}`)
    }, WAIT_MS)
  }
  const client = new Cluster(
    nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
    { redisOptions: { protocol: 2 } },
  )
  client.on('error', () => undefined)
  return {
    storage: { addrs: nodes.map(({ port }) => `127.0.0.1:${port}`), enable_cluster: true },
    nodes,
    client,
    async nodeOf(key) {
      const [any] = nodes as [ClusterNode]
      const slot = await any.client.cluster('KEYSLOT', key)
      const ranges = await any.client.cluster('SLOTS')
      const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2]?.[1]
      const node = nodes.find((one) => one.port === port)
      if (node === undefined) throw new Error(`no node has slot ${slot}`)
      return node
    },
    keys: async (pattern) => (await Promise.all(nodes.map((node) => node.client.keys(pattern)))).flat(),
    async [Symbol.asyncDispose]() {
      client.disconnect()
      for (const node of nodes) node.client.disconnect()
      for (const node of nodes) await node[Symbol.asyncDispose]()
    },
  }
}

async function startNode(fullCoverage: boolean): Promise<ClusterNode> {
  const options = {
    enabled: 'yes',
    'announce-ip': '127.0.0.1',
    // Ten thousand above its own by default, where there may be no such port.
    port: `${await freePort()}`,
    'node-timeout': '2000',
    'require-full-coverage': fullCoverage ? 'yes' : 'no',
  }
  const node = await startDurableRedis(Object.entries(options).flatMap(([name, value]) => [`--cluster-${name}`, value]))
  const client = new Redis(node.port, { protocol: 2, maxRetriesPerRequest: null, retryStrategy: () => 50 })
  client.on('error', () => undefined)
  return { ...node, client, [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]() }
}
