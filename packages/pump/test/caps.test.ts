import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SourceList, analyticsKey, emptyRecord, encodeRecord, sourceLists } from '@tek/analytics-record'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startPump } from '../../../test/support/pump.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { SinkUnavailableError } from '../src/errors.ts'
import type { SinkReport } from '../src/health/status.ts'
import { BLOCK, LeaseCap, LeaseStore, LeasedSize } from '../src/lease/index.ts'
import { createLog } from '../src/log/create-log.ts'
import { elements, paths, runPump } from './support/run-pump.ts'
import { allDelivered, createTestSink } from './support/test-sink.ts'

const key = analyticsKey('msgpack')
const away = (): Promise<never> => Promise.reject(new SinkUnavailableError('away'))

let server: RedisServer
let client: Redis
beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.port, { protocol: 2 })
})
afterAll(async () => {
  client.disconnect()
  await server.stop()
})
beforeEach(async () => {
  await client.flushall()
})

/** Records in leases, as Redis has them. */
async function leased(): Promise<number> {
  const lists = (await client.keys('*:lease:*')).filter((name) => !name.endsWith(':meta'))
  const counts = await Promise.all(lists.map((name) => client.llen(name)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function leasedMemory(): Promise<number> {
  const lists = (await client.keys('*:lease:*')).filter((name) => !name.endsWith(':meta'))
  const sizes = await Promise.all(lists.map((name) => client.memory('USAGE', name, 'SAMPLES', 0)))
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
}

/** What must hold at every look. */
function expectBalance(report: SinkReport | undefined): void {
  const { taken, delivered, filtered, dead_lettered, dropped, pending } = report as SinkReport
  expect(delivered + filtered + dead_lettered + dropped + pending).toBe(taken)
}

const lines = (log: string, message: string): string[] => log.split('\n').filter((line) => line.includes(message))

describe('what leases hold', () => {
  const storeOf = (redis: Redis | Cluster, owner: string): LeaseStore =>
    new LeaseStore({ client: redis, owner, sinks: ['A'], ownerTtlMs: 60_000 })
  const sources = sourceLists()
  const [first, second] = sources as [SourceList, SourceList]

  async function expectTruth(redis: Redis | Cluster): Promise<void> {
    const size = new LeasedSize(storeOf(redis, 'me'), sources)
    expect(await size.measure()).toBe(true)
    expect(size.total).toEqual({ bytes: 0, records: 0 })
    await redis.rpush(first.key, ...elements(300))
    await redis.rpush(second.key, ...elements(200))
    await storeOf(redis, 'me').take(first, 'one')
    await storeOf(redis, 'peer').take(second, 'two')
    await size.measure()
    const lists = [`{${first.key}}:lease:one`, `{${second.key}}:lease:two`]
    const memory = await Promise.all(lists.map((name) => redis.memory('USAGE', name, 'SAMPLES', 0)))
    const exact = (memory[0] ?? 0) + (memory[1] ?? 0)
    expect(size.total.records).toBe(500)
    expect(Math.abs(size.total.bytes - exact)).toBeLessThan(exact * 0.05)
  }

  it('is the memory that Redis gives them, of all pumps on the prefix', async () => {
    await expectTruth(client)
  })

  it('is known in a cluster, where every source list has its own slot', async () => {
    await using node = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] })
    const direct = new Redis(node.port, { protocol: 2 })
    await direct.cluster('ADDSLOTSRANGE', 0, 16383)
    await eventually(async () => expect(await direct.cluster('INFO')).toContain('cluster_state:ok'))
    const cluster = new Cluster([{ host: '127.0.0.1', port: node.port }], { redisOptions: { protocol: 2 } })
    await expectTruth(cluster)
    cluster.disconnect()
    direct.disconnect()
  })

  it('is estimated from the records where the command MEMORY is not allowed', async () => {
    await using locked = await startRedis({ args: ['--user', 'plain', 'on', '>pw', '~*', '+@all', '-memory'] })
    const plain = new Redis(locked.port, { protocol: 2, username: 'plain', password: 'pw' })
    const free = new Redis(locked.port, { protocol: 2 })
    await expect(plain.memory('USAGE', 'x')).rejects.toThrow(/NOPERM/)
    await plain.rpush(first.key, ...elements(300))
    await storeOf(plain, 'me').take(first, 'one')
    const size = new LeasedSize(storeOf(plain, 'me'), sources)
    await size.measure()
    const exact = (await free.memory('USAGE', `{${first.key}}:lease:one`, 'SAMPLES', 0)) ?? 0
    expect(Math.abs(size.total.bytes - exact)).toBeLessThan(exact * 0.2)
    plain.disconnect()
    free.disconnect()
  })

  it('is not measured again and again when there are very many leases', async () => {
    let now = 0
    const size = new LeasedSize(storeOf(client, 'me'), sources, () => (now += 100))
    for (let i = 0; i < 251; i++) {
      await client.rpush(first.key, 'x')
      await storeOf(client, 'me').take(first, `lease-${i}`)
    }
    expect(await size.measure()).toBe(true)
    expect(await size.measure()).toBe(false)
    size.add({ bytes: 10, records: 1 })
    expect(size.total.records).toBe(252)
    now += 10_000
    expect(await size.measure()).toBe(true)
    expect(size.total.records).toBe(251)
  })
})

describe('taking a part of a list', () => {
  const source = sourceLists()[0] as SourceList
  const store = (): LeaseStore => new LeaseStore({ client, owner: 'me', sinks: ['A'], ownerTtlMs: 60_000 })

  it('takes the oldest that fit, and leaves the others their TTL', async () => {
    const raws = elements(130)
    await client.rpush(key, ...raws)
    await client.expire(key, 60)
    const taken = await store().takePart(source, 'one', { bytes: Infinity, records: 120 })
    expect(taken).toMatchObject({ lease: { total: 120 }, rest: 10 })
    expect(await client.lrangeBuffer(`{${key}}:lease:one`, 0, -1)).toEqual(raws.slice(0, 120))
    expect(await client.lrangeBuffer(key, 0, -1)).toEqual(raws.slice(120))
    expect(await client.ttl(key)).toBeGreaterThan(50)
    expect(await client.ttl(`{${key}}:lease:one`)).toBe(-1)
  })

  it('takes one record however long it is, and all of a list that fits', async () => {
    await client.rpush(key, 'x'.repeat(5_000), 'y', 'z')
    expect(await store().takePart(source, 'one', { bytes: 100, records: 10 })).toMatchObject({ rest: 2 })
    expect(await store().takePart(source, 'two', { bytes: 1_000, records: 10 })).toMatchObject({
      lease: { total: 2 },
      rest: 0,
    })
    expect(await store().takePart(source, 'three', { bytes: 1_000, records: 10 })).toBeNull()
  })

  it('works in a Redis that is out of memory', async () => {
    await client.rpush(key, ...elements(100))
    await client.config('SET', 'maxmemory', '1')
    try {
      expect(await store().takePart(source, 'one', { bytes: Infinity, records: 60 })).toMatchObject({ rest: 40 })
    } finally {
      await client.config('SET', 'maxmemory', '0')
    }
  })
})

describe('the policy block', () => {
  const cap = { lease_cap: { policy: 'block', max_records: 50 } }

  it('takes up to the cap, leaves the rest its TTL, says so once, and goes on by itself', async () => {
    const sink = createTestSink('a')
    sink.answer = away
    await client.rpush(key, ...elements(40))
    await using running = await runPump({ redisPort: server.port, sinks: [sink], conf: cap })
    await eventually(() => expect(running.pump.status().sinks['A']?.taken).toBe(40))
    expect(running.pump.status().lease_cap).toMatchObject({ policy: 'block', max_bytes: null, reached: false })
    await client
      .multi()
      .rpush(key, ...elements(40, 40))
      .expire(key, 100)
      .exec()
    await eventually(() =>
      expect(running.pump.status().lease_cap).toMatchObject({ untaken_records: 30, reached: true }),
    )
    expect(await client.llen(key)).toBe(30)
    expect(await client.ttl(key)).toBeGreaterThan(50)
    const status = running.pump.status().lease_cap
    expect(status).toMatchObject({ max_records: 50, leased_records: 50, blocked_since: expect.stringMatching(/Z$/) })
    await eventually(() => expect(running.pump.status().lease_cap?.blocked_takings).toBeGreaterThan(3))
    const message = 'lease cap reached, no more is taken: source lists live by their own TTL'
    await eventually(() =>
      expect(lines(running.log(), message)).toEqual([
        expect.stringMatching(/leased_records=50 .*max_records=50 .*untaken=30/),
      ]),
    )
    sink.answer = allDelivered
    await eventually(() => expect(sink.paths()).toEqual(paths(80)))
    await eventually(() => {
      expect(running.pump.status().lease_cap).toMatchObject({ blocked_since: null, untaken_records: 0, reached: false })
    })
    await eventually(() => expect(running.log()).toContain('below the lease cap again, records are taken'))
  })

  it('keeps the bytes below the cap however long the lists are', async () => {
    const sink = createTestSink('a')
    sink.answer = away
    for (let i = 0; i < 10; i++) await client.rpush(analyticsKey('msgpack', i), ...elements(100, i * 100))
    await using running = await runPump({
      redisPort: server.port,
      sinks: [sink],
      conf: { lease_cap: { max_bytes: 100_000 } },
    })
    await eventually(() => expect(running.pump.status().lease_cap?.blocked_takings).toBeGreaterThan(0))
    expect(await leasedMemory()).toBeLessThan(110_000)
    expect(await leasedMemory()).toBeGreaterThan(80_000)
    sink.answer = allDelivered
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(1000).toSorted()))
  })

  it('counts what other pumps hold', async () => {
    const [one, two] = [createTestSink('a'), createTestSink('a')]
    one.answer = away
    two.answer = away
    await client.rpush(key, ...elements(50))
    await using _ = await runPump({ redisPort: server.port, sinks: [one], conf: cap })
    await eventually(async () => expect(await leased()).toBe(50))
    await client.rpush(key, ...elements(10, 50))
    await using second = await runPump({ redisPort: server.port, sinks: [two], conf: cap })
    await eventually(() => expect(second.pump.status().lease_cap?.blocked_takings).toBeGreaterThan(0))
    expect(second.pump.status().sinks['A']?.taken).toBe(0)
    expect(await client.llen(key)).toBe(10)
  })
})

describe('taking below a cap', () => {
  it('does not let one source list wait for another', async () => {
    const sources = sourceLists()
    // The second one comes first at the first taking.
    const [quick, slow] = sources as [SourceList, SourceList]
    const store = new LeaseStore({ client, owner: 'me', sinks: ['A'], ownerTtlMs: 60_000 })
    await client.rpush(slow.key, ...elements(10))
    await client.rpush(quick.key, ...elements(10, 10))
    const gate = Promise.withResolvers<void>()
    const cap = new LeaseCap({
      store,
      sources,
      size: new LeasedSize(store, sources),
      limits: { bytes: 100_000_000, records: Infinity },
      policy: BLOCK,
      takePart: async (source, most) => {
        if (source === slow) await gate.promise
        return store.takePart(source, `of-${source.key}`, most)
      },
      onTrouble: (error) => {
        throw error
      },
      isStopping: () => false,
      logEveryMs: 1000,
      log: createLog({ level: 'debug', format: 'text' }, () => undefined),
    })
    const taking = cap.takeAll()
    await eventually(async () => expect(await client.exists(quick.key)).toBe(0))
    expect(await client.llen(slow.key)).toBe(10)
    gate.resolve()
    await taking
    expect(await client.exists(slow.key)).toBe(0)
  })

  it('does not wait for what the policy does, which it asks for once at a time', async () => {
    const sources = sourceLists()
    const store = new LeaseStore({ client, owner: 'me', sinks: ['A'], ownerTtlMs: 60_000 })
    const gate = Promise.withResolvers<void>()
    let reliefs = 0
    let leases = 0
    const cap = new LeaseCap({
      store,
      sources,
      size: new LeasedSize(store, sources),
      limits: { bytes: 100_000_000, records: Infinity },
      policy: {
        ...BLOCK,
        relieve: () => {
          reliefs += 1
          return gate.promise
        },
      },
      takePart: (source, most) => store.takePart(source, `lease-${leases++}`, most),
      onTrouble: (error) => {
        throw error
      },
      isStopping: () => false,
      logEveryMs: 1000,
      log: createLog({ level: 'debug', format: 'text' }, () => undefined),
    })
    for (let i = 0; i < 3; i++) {
      await client.rpush(key, ...elements(10, i * 10))
      await cap.takeAll()
      expect(await client.exists(key)).toBe(0)
    }
    expect(reliefs).toBe(1)
    // The policy still works: whoever stops does not wait for it.
    await cap.settled()
    expect(reliefs).toBe(1)
    gate.resolve()
    await eventually(async () => {
      await cap.takeAll()
      expect(reliefs).toBe(2)
    })
  })
})

describe('a pump that slept', () => {
  it.each(['block', 'drop-oldest'])(
    '(policy %s) counts nothing as dropped that another has delivered',
    async (policy) => {
      const [slow, quick] = [createTestSink('a', { maxRecords: 10 }), createTestSink('a')]
      const gate = Promise.withResolvers<void>()
      slow.answer = async (batch) => {
        await gate.promise
        return batch.map(() => 'delivered' as const)
      }
      const conf = { lease_cap: { policy, max_records: 50 } }
      await client.rpush(key, ...elements(40))
      await using first = await runPump({ redisPort: server.port, sinks: [slow], conf })
      await eventually(() => expect(slow.batches.length).toBe(1))
      await using _ = await runPump({ redisPort: server.port, sinks: [quick], conf })
      await eventually(async () => {
        // What everybody sees of a pump that gives no sign of life.
        if (quick.delivered.length === 0) await client.del(`{${key}}:owners`)
        expect(quick.paths()).toEqual(paths(40))
        expect(await client.keys('*lease*')).toEqual([])
      })
      slow.answer = allDelivered
      gate.resolve()
      await eventually(() => expect(first.pump.status().sinks['A']).toMatchObject({ pending: 0 }))
      expectBalance(first.pump.status().sinks['A'])
      expect(first.pump.status().sinks['A']).toMatchObject({ dropped: 0 })
      expect(first.log()).not.toContain('records are lost')
    },
  )
})

describe('the policy drop-oldest', () => {
  const cap = { lease_cap: { policy: 'drop-oldest', max_records: 50 } }

  it('takes in parts that Redis can copy in a moment', async () => {
    const sink = createTestSink('a')
    sink.answer = away
    const raw = Buffer.from(
      encodeRecord({
        ...emptyRecord(),
        rawRequest: 'x'.repeat(100_000),
        timestamp: { seconds: 1_790_000_000, nanos: 0 },
      }),
    )
    await client.rpush(key, ...Array.from({ length: 100 }, () => raw))
    const conf = { lease_cap: { policy: 'drop-oldest', max_bytes: 100_000_000 } }
    await using running = await runPump({ redisPort: server.port, sinks: [sink], conf })
    await eventually(async () => expect(await leased()).toBe(100))
    expect(running.pump.status().leases).toBe(3)
  })

  it('gives up the oldest for the sink that has not delivered them, and counts every one', async () => {
    const [a, b] = [createTestSink('a'), createTestSink('b')]
    a.answer = away
    await client.rpush(key, ...elements(40))
    await using running = await runPump({ redisPort: server.port, sinks: [a, b], conf: cap })
    await eventually(() => expect(b.paths()).toEqual(paths(40)))
    await client.rpush(key, ...elements(40, 40))
    await eventually(async () => {
      expectBalance(running.pump.status().sinks['A'])
      expect(running.pump.status().sinks['A']).toMatchObject({ taken: 80, dropped: 30, pending: 50 })
      expect(await leased()).toBe(50)
    })
    const message = 'lease cap reached, the oldest records are dropped'
    await eventually(() =>
      expect(lines(running.log(), message)).toEqual([
        expect.stringMatching(/max_records=50 .*records=30 sinks="A=30"/),
      ]),
    )
    a.answer = allDelivered
    await eventually(() => expect(a.paths().toSorted()).toEqual(paths(50, 30).toSorted()))
    expect(b.paths()).toEqual(paths(80))
    expect(running.pump.status().sinks).toMatchObject({
      A: { taken: 80, delivered: 50, dropped: 30, pending: 0 },
      B: { taken: 80, delivered: 80, dropped: 0, pending: 0 },
    })
    await eventually(async () => expect(await client.keys('*lease*')).toEqual([]))
  })

  it('keeps the bytes at the cap while records go on coming', async () => {
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await runPump({
      redisPort: server.port,
      sinks: [sink],
      conf: { lease_cap: { policy: 'drop-oldest', max_bytes: 60_000 } },
    })
    for (let i = 0; i < 20; i++) {
      await client.rpush(key, ...elements(50, i * 50))
      await eventually(async () => expect(await client.exists(key)).toBe(0))
      expectBalance(running.pump.status().sinks['A'])
    }
    await eventually(async () => expect(await leasedMemory()).toBeLessThan(62_000))
    sink.answer = allDelivered
    await eventually(() => expect(running.pump.status().sinks['A']).toMatchObject({ taken: 1000, pending: 0 }))
    const { delivered, dropped } = running.pump.status().sinks['A'] as SinkReport
    expect(delivered + dropped).toBe(1000)
    // A segment that lost its first records is read again, behind what was read of the next ones.
    expect(new Set(sink.paths())).toEqual(new Set(paths(delivered, dropped)))
  })

  it('drops nothing that is in flight', async () => {
    const sink = createTestSink('a', { maxRecords: 10 })
    const gate = Promise.withResolvers<void>()
    sink.answer = async (batch) => {
      await gate.promise
      return batch.map(() => 'delivered' as const)
    }
    await client.rpush(key, ...elements(30))
    await using running = await runPump({ redisPort: server.port, sinks: [sink], conf: cap })
    await eventually(() => expect(sink.batches.length).toBe(1))
    for (let i = 0; i < 3; i++) {
      await client.rpush(key, ...elements(30, 30 + i * 30))
      await eventually(async () => expect(await client.exists(key)).toBe(0))
    }
    await eventually(() => expect(running.pump.status().sinks['A']).toMatchObject({ taken: 120, dropped: 70 }))
    gate.resolve()
    await eventually(() => expect(running.pump.status().sinks['A']).toMatchObject({ pending: 0, delivered: 50 }))
    expect(sink.paths()).toEqual([...paths(30), ...paths(20, 100)])
  })

  it('drops of its own leases alone', async () => {
    const [mine, theirs] = [createTestSink('a'), createTestSink('a')]
    mine.answer = away
    theirs.answer = away
    await client.rpush(key, ...elements(40))
    // It takes no more than it has: the cap holds for all pumps.
    const full = { lease_cap: { policy: 'block', max_records: 40 } }
    await using other = await runPump({ redisPort: server.port, sinks: [theirs], conf: full })
    await eventually(() => expect(other.pump.status().sinks['A']?.taken).toBe(40))
    await using running = await runPump({ redisPort: server.port, sinks: [mine], conf: cap })
    for (let i = 0; i < 3; i++) await client.rpush(analyticsKey('msgpack', i), ...elements(20, 40 + i * 20))
    await eventually(async () => expect(await leased()).toBeLessThanOrEqual(50), 15_000)
    mine.answer = allDelivered
    theirs.answer = allDelivered
    await eventually(() => {
      expectBalance(running.pump.status().sinks['A'])
      expect(other.pump.status().sinks['A']).toMatchObject({ pending: 0, dropped: 0 })
      expect(running.pump.status().sinks['A']).toMatchObject({ pending: 0 })
    })
    expect(theirs.paths()).toEqual(expect.arrayContaining(paths(40)))
    const { taken, delivered, dropped } = running.pump.status().sinks['A'] as SinkReport
    expect(delivered + dropped).toBe(taken)
    expect(other.log()).not.toContain('lease lost')
  })
})

describe('a cap that cannot work', () => {
  it('is refused at start with key, variable and cure', async () => {
    await using pump = await startPump({
      redisPort: server.port,
      pumps: { dummy: { type: 'dummy' } },
      conf: { lease_cap: { policy: 'spill' } },
      unchecked: true,
    })
    expect(await pump.program.exited()).toBe(1)
    expect(pump.program.output()).toBe(
      [
        'failed to process config: 2 problems',
        '  lease_cap.policy (TYK_PMP_LEASECAP_POLICY): "spill" needs a cap: set lease_cap.max_bytes (TYK_PMP_LEASECAP_MAXBYTES) or max_records (TYK_PMP_LEASECAP_MAXRECORDS)',
        '  lease_cap.spill_dir (TYK_PMP_LEASECAP_SPILLDIR): policy "spill" needs a folder for its files that outlives the pump, got ""',
        '',
      ].join('\n'),
    )
  })

  it.each([
    [
      { policy: 'drop' },
      'lease_cap.policy (TYK_PMP_LEASECAP_POLICY): expected one of block, drop-oldest, spill, got "drop"',
    ],
    [{ policy: 'drop-oldest' }, 'lease_cap.policy (TYK_PMP_LEASECAP_POLICY): "drop-oldest" needs a cap'],
    [
      { max_bytes: 1, spill_dir: 'x' },
      'lease_cap.spill_dir (TYK_PMP_LEASECAP_SPILLDIR): has no effect with policy "block"',
    ],
    [
      { spill_max_bytes: 1 },
      'lease_cap.spill_max_bytes (TYK_PMP_LEASECAP_SPILLMAXBYTES): has no effect with policy "block"',
    ],
    [{ max_bytes: -1 }, 'lease_cap.max_bytes (TYK_PMP_LEASECAP_MAXBYTES): expected an integer from 0'],
  ])('%j is refused', async (leaseCap, problem) => {
    const starting = runPump({ redisPort: server.port, sinks: [createTestSink('a')], conf: { lease_cap: leaseCap } })
    await expect(starting).rejects.toThrow(problem)
  })

  it('also when nothing can be written to the folder', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tek-cap-'))
    await writeFile(join(dir, 'file'), '')
    const folder = join(dir, 'file', 'spill')
    const starting = runPump({
      redisPort: server.port,
      sinks: [createTestSink('a')],
      conf: { lease_cap: { policy: 'spill', max_bytes: 1000, spill_dir: folder } },
    })
    await expect(starting).rejects.toThrow(
      /lease_cap\.spill_dir \(TYK_PMP_LEASECAP_SPILLDIR\): expected a folder that can be written, got ".*": .*file is no folder; let the user of the pump write there, or choose another folder/,
    )
    await rm(dir, { recursive: true })
  })
})
