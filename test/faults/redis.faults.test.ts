/**
 * Redis in every kind of trouble while a real pump works: every record ends up in both targets, once. TEK_FAULT_TTL_SECONDS
 * is how long a source list lives in the test that outlasts it (8; a gateway's usual time is 60).
 */
import { Redis } from 'ioredis'
import { beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { redisSkipReason, startRedis } from '../support/redis.ts'
import { SEED, TTL_SECONDS, randomOf } from './support/settings.ts'
import { Stage } from './support/stage.ts'
import type { WatchedPump } from './support/watched-pump.ts'

beforeAll(() => console.log(`TEK_FAULT_SEED=${SEED} TEK_FAULT_TTL_SECONDS=${TTL_SECONDS}`))

const WAIT_MS = 60_000
const TEST_MS = 240_000
const AWAY_MS = TTL_SECONDS * 1_500

async function expectRedis(pump: WatchedPump, status: 'up' | 'down'): Promise<void> {
  await eventually(async () => {
    const { ready, redis } = await pump.ready()
    expect({ ready, redis: redis.status }).toEqual({ ready: status === 'up', redis: status })
  }, WAIT_MS)
}

/** Resolves once nothing waits in a source list any more. */
async function taken(stage: Stage): Promise<void> {
  await eventually(async () => expect(await stage.client.keys('analytics-*')).toEqual([]), WAIT_MS)
}

/** Resolves once the replica has everything that was written before. */
async function reachesReplica({ client }: Stage): Promise<void> {
  await client.set('mark', 1)
  expect(await client.wait(1, 10_000)).toBe(1)
}

describe.skipIf(redisSkipReason() ?? process.platform !== 'linux').concurrent('Redis', () => {
  it(
    'is killed and started again with its append-only file, in the middle of bulk requests and of commits',
    async () => {
      await using stage = await Stage.create({ random: randomOf('killed') })
      const pump = await stage.startPump()
      for (const moment of ['received', 'stored', 'answered'] as const) {
        const held = stage.first.hold(moment)
        await stage.push(150)
        await held.reached
        await stage.redis.kill()
        held.drop()
        await expectRedis(pump, 'down')
        await stage.redis.start()
        await expectRedis(pump, 'up')
      }
      await stage.drain()
    },
    TEST_MS,
  )

  it(
    "is away for longer than the gateway's TTL: what was taken does not expire",
    async () => {
      await using stage = await Stage.create({ random: randomOf('away'), ttlSeconds: TTL_SECONDS })
      const pump = await stage.startPump()
      await expectRedis(pump, 'up')
      await stage.first.misbehave('answers 503', false)
      await stage.push(200)
      await taken(stage)
      await stage.delivered('SECOND')
      await stage.redis.kill()
      // Redis counts by the clock, so the clock decides.
      const until = Date.now() + AWAY_MS
      await expectRedis(pump, 'down')
      await eventually(() => expect(Date.now()).toBeGreaterThan(until), WAIT_MS + AWAY_MS)
      await stage.redis.start()
      await stage.expectNothingLost()
      await stage.drain()
    },
    TEST_MS + AWAY_MS,
  )

  it(
    'cannot be reached for a while, but goes on',
    async () => {
      await using stage = await Stage.create({ random: randomOf('unreachable') })
      const pump = await stage.startPump()
      await stage.push(100)
      await taken(stage)
      stage.proxy.away(true)
      await stage.push(100)
      await expectRedis(pump, 'down')
      stage.proxy.away(false)
      await expectRedis(pump, 'up')
      await stage.drain()
    },
    TEST_MS,
  )

  it(
    'does not answer for longer than a command may take',
    async () => {
      await using stage = await Stage.create({ random: randomOf('silent') })
      const pump = await stage.startPump()
      const commit = stage.proxy.hold('request', ({ name }) => name.startsWith('commit-'))
      await stage.push(100)
      await commit.reached
      stage.proxy.hang(true)
      commit.cut()
      await stage.push(100)
      await pump.program.waitForLine(/Command timed out/, WAIT_MS)
      stage.proxy.hang(false)
      await stage.drain()
    },
    TEST_MS,
  )

  it(
    'answers each command two seconds late',
    async () => {
      await using stage = await Stage.create({ random: randomOf('late') })
      const pump = await stage.startPump()
      await stage.push(100)
      await stage.delivered('FIRST')
      // The client gives a command two seconds in this suite: just within, and just beyond.
      for (const latencyMs of [1_800, 2_200]) {
        stage.proxy.latencyMs = latencyMs
        await stage.push(100)
        if (latencyMs < 2_000) await stage.delivered('FIRST')
        expect((await pump.ready()).sinks.FIRST.status).toBe('ok')
        await stage.expectNothingLost()
      }
      await stage.drain()
    },
    TEST_MS,
  )

  it(
    'loses the answer to a take and to a commit',
    async () => {
      await using stage = await Stage.create({ random: randomOf('lost answers') })
      await stage.startPump()
      for (const start of ['take-', 'commit-', 'read-']) {
        for (const side of ['request', 'reply'] as const) {
          const held = stage.proxy.hold(
            side,
            ({ name }, reply) => name.startsWith(start) && !/^:(?:0|-1)\r/.test(reply),
          )
          await stage.push(60)
          await held.reached
          held.cut()
        }
      }
      await stage.drain()
    },
    TEST_MS,
  )

  it(
    'refuses every write for a while: READONLY',
    async () => {
      await using stage = await Stage.create({ random: randomOf('read-only') })
      const pump = await stage.startPump()
      const held = stage.first.hold('stored')
      await stage.push(100)
      await held.reached
      // A replica of a master that is not there.
      await stage.client.replicaof('127.0.0.1', 1)
      held.drop()
      // It goes on with what it holds, and cannot say so.
      await eventually(() => expect(stage.first.stored.size).toBe(100), WAIT_MS)
      await expectRedis(pump, 'down')
      await stage.expectNothingLost()
      await stage.client.replicaof('NO', 'ONE')
      await expectRedis(pump, 'up')
      await stage.push(100)
      await stage.drain()
    },
    TEST_MS,
  )

  it(
    'is out of memory: what is there is delivered',
    async () => {
      await using stage = await Stage.create({ random: randomOf('full') })
      await stage.client.config('SET', 'maxmemory-policy', 'noeviction')
      await stage.push(200)
      await stage.client.config('SET', 'maxmemory', 1)
      await stage.startPump()
      await stage.delivered('FIRST')
      await stage.delivered('SECOND')
      await stage.client.config('SET', 'maxmemory', 0)
      await stage.drain()
    },
    TEST_MS,
  )

  it.each([
    ['has everything', 0],
    ['lacks the last commits', 1],
  ])(
    'fails over to a replica that %s',
    async (_, lacking) => {
      await using stage = await Stage.create({ random: randomOf('failover') })
      await using replica = await startRedis()
      const there = new Redis(replica.port, { protocol: 2 })
      const pump = await stage.startPump()
      const commit = stage.proxy.hold('request', ({ name }) => name.startsWith('commit-'))
      await there.replicaof('127.0.0.1', stage.redis.port)
      await eventually(async () => expect(await there.info('replication')).toContain('master_link_status:up'), WAIT_MS)
      await stage.push(150)
      await commit.reached
      await reachesReplica(stage)
      // From here on it learns nothing more.
      if (lacking === 1) await there.replicaof('NO', 'ONE')
      commit.cut()
      if (lacking === 1) {
        await stage.delivered('FIRST')
        await stage.delivered('SECOND')
        // The replica does not know that they were written.
        stage.mayRepeat = true
      }
      stage.proxy.away(true)
      if (lacking === 0) {
        // Nothing writes any more but the replication itself.
        await reachesReplica(stage)
        await there.replicaof('NO', 'ONE')
      }
      await stage.redis.kill()
      await stage.moveTo(replica.port)
      stage.proxy.away(false)
      await expectRedis(pump, 'up')
      await stage.push(50)
      await stage.drain()
      there.disconnect()
    },
    TEST_MS,
  )
})
