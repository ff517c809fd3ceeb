import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { expect } from 'vitest'
import { findRedisProgram } from '../../../scripts/redis/find-redis.ts'
import { eventually } from '../../support/eventually.ts'
import { type Program, startProgram } from '../../support/process.ts'
import { freePort, redisSkipReason } from '../../support/redis.ts'
import { type DurableRedis, startDurableRedis } from '../../support/durable-redis.ts'

export const MASTER_NAME = 'tek-master'

/** One master with a replica, both durable, and three Sentinels that watch them. */
export interface SentinelSet extends AsyncDisposable {
  /** host:port of each Sentinel. */
  readonly addresses: readonly string[]
  /** The master of the beginning. */
  readonly first: DurableRedis
  /** Its replica. */
  readonly second: DurableRedis
  /** To each of the two, whatever part it plays. Commands wait while it is away. */
  readonly clients: { readonly first: Redis; readonly second: Redis }
  /** Orders a failover as an operator does, or throws as long as the Sentinels will not. */
  failOver(): Promise<void>
  /** Resolves when the Sentinels name the second one as the master. */
  switched(): Promise<void>
}

const SENTINELS = 3
const QUORUM = 2
const WAIT_MS = 60_000
const dataDir = fileURLToPath(new URL('../../../.data', import.meta.url))

/** @param users - Names of users that may do everything; their passwords are their names. */
export async function startSentinelSet(users: readonly string[] = []): Promise<SentinelSet> {
  const accounts = users.flatMap((name) => ['--user', name, 'on', `>${name}`, '~*', '&*', '+@all'])
  const first = await startDurableRedis(accounts)
  const second = await startDurableRedis([...accounts, '--replicaof', '127.0.0.1', `${first.port}`])
  const clients = { first: connectTo(first.port), second: connectTo(second.port) }
  // A Sentinel learns of replicas when it asks the master, which it does every ten seconds: they must be there before.
  await eventually(
    async () => expect(await clients.second.info('replication')).toContain('master_link_status:up'),
    WAIT_MS,
  )
  const folder = await mkdtemp(join(tmpdir(), 'tek-sentinels-'))
  const programs: Program[] = []
  const asked: Redis[] = []
  for (let i = 0; i < SENTINELS; i++) {
    const port = await freePort()
    programs.push(await startSentinel(join(folder, `sentinel-${i}.conf`), port, first.port))
    asked.push(connectTo(port))
  }
  const [one] = asked as [Redis]
  for (const sentinel of asked) {
    await eventually(async () => {
      const { 'num-slaves': replicas, 'num-other-sentinels': others } = await masterOf(sentinel)
      expect({ replicas, others }).toEqual({ replicas: '1', others: `${SENTINELS - 1}` })
    }, WAIT_MS)
  }
  return {
    addresses: asked.map(({ options }) => `127.0.0.1:${options.port}`),
    first,
    second,
    clients,
    failOver: () => eventually(async () => void (await one.call('SENTINEL', 'FAILOVER', MASTER_NAME)), WAIT_MS, 200),
    switched: () =>
      eventually(async () => {
        for (const sentinel of asked) expect((await masterOf(sentinel))['port']).toBe(`${second.port}`)
      }, WAIT_MS),
    async [Symbol.asyncDispose]() {
      for (const client of [...asked, clients.first, clients.second]) client.disconnect()
      for (const program of programs) await program[Symbol.asyncDispose]()
      await first[Symbol.asyncDispose]()
      await second[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function startSentinel(path: string, port: number, masterPort: number): Promise<Program> {
  const program = findRedisProgram(dataDir)
  if (program === undefined) throw new Error(redisSkipReason())
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${MASTER_NAME} 1000`,
    `sentinel failover-timeout ${MASTER_NAME} 20000`,
  ]
  // It writes what it learns into its own configuration.
  await writeFile(path, `${lines.join('\n')}\n`)
  const sentinel = startProgram(program.path, [path, '--sentinel'])
  await sentinel.waitForLine(/\+monitor master/)
  return sentinel
}

async function masterOf(sentinel: Redis): Promise<Readonly<Record<string, string>>> {
  const flat = (await sentinel.call('SENTINEL', 'MASTER', MASTER_NAME)) as string[]
  return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]))
}

function connectTo(port: number): Redis {
  const client = new Redis(port, { protocol: 2, maxRetriesPerRequest: null, retryStrategy: () => 50 })
  client.on('error', () => undefined)
  return client
}
