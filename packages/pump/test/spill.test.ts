import { appendFile, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type SourceList, analyticsKey, decodeRecord, sourceLists } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startPump as startService } from '../../../test/support/pump.ts'
import { startProgram } from '../../../test/support/process.ts'
import { type RedisServer, freePort, startRedis } from '../../../test/support/redis.ts'
import { SinkUnavailableError } from '../src/errors.ts'
import type { SinkReport } from '../src/health/status.ts'
import { LeaseStore } from '../src/lease/index.ts'
import { DISK, type SpillFiles } from '../src/spill/index.ts'
import { decodeSpill } from '../src/spill/format.ts'
import type { SpilledEntry } from '../src/spill/store.ts'
import { startFakeElasticsearch } from './support/fake-elasticsearch.ts'
import { runHere } from './support/run-command.ts'
import { type RunOptions, type RunningPump, elements, paths, runPump } from './support/run-pump.ts'
import { type TestSink, allDelivered, createTestSink } from './support/test-sink.ts'

const key = analyticsKey('msgpack')
const away = (): Promise<never> => Promise.reject(new SinkUnavailableError('away'))

let server: RedisServer
let client: Redis
let folder: string
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
  folder = await mkdtemp(join(tmpdir(), 'tek-spill-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const capOf = (more: object = {}): object => ({
  lease_cap: { policy: 'spill', max_records: 40, spill_dir: folder, ...more },
})

const startPump = (sinks: readonly TestSink[], more: Partial<RunOptions> & { cap?: object } = {}) =>
  runPump({ redisPort: server.port, sinks, conf: capOf(more.cap), ...more })

const segments = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.segment')).toSorted()

const leftOver = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name !== 'folder.id').toSorted()

async function pathsInFiles(): Promise<string[]> {
  const files = await Promise.all((await segments()).map((name) => readFile(join(folder, name))))
  return files.flatMap((bytes) => decodeSpill(bytes).records.map(({ raw }) => decodeRecord(raw).path))
}

/** Pushes records in small lots, so that they become several leases. */
async function pushInLots(count: number, from = 0): Promise<void> {
  for (let at = from; at < from + count; at += 20) {
    await client.rpush(key, ...elements(20, at))
    await eventually(async () => expect(await client.exists(key)).toBe(0))
  }
}

async function leased(): Promise<number> {
  const lists = (await client.keys('*:lease:*')).filter((name) => !name.endsWith(':meta'))
  const counts = await Promise.all(lists.map((name) => client.llen(name)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function expectNothingLeft(): Promise<void> {
  await eventually(async () => {
    expect(await leftOver()).toEqual([])
    expect(await client.keys('*lease*')).toEqual([])
    expect(await client.keys('*spilled*')).toEqual([])
  })
}

/** Of `/metrics`. */
async function metric({ pump }: RunningPump, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${pump.healthPort}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
}

function expectBalance(report: SinkReport | undefined): void {
  const { taken, delivered, filtered, dead_lettered, dropped, pending } = report as SinkReport
  expect(delivered + filtered + dead_lettered + dropped + pending).toBe(taken)
}

/** Ends with the records 0 to 99 taken, of which most lie in files, and no pump. */
async function leaveSpilled(): Promise<void> {
  const sink = createTestSink('a')
  sink.answer = away
  await using running = await startPump([sink])
  await pushInLots(100)
  await eventually(() => expect(running.pump.status().lease_cap?.spilled?.records).toBeGreaterThanOrEqual(60))
}

describe('spilled records', () => {
  it('are the newest, leave Redis at the cap, and come back by themselves', async () => {
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await startPump([sink])
    await pushInLots(200)
    await eventually(async () => {
      expect(await leased()).toBeLessThanOrEqual(40)
      expect((await segments()).length).toBeGreaterThanOrEqual(8)
      expectBalance(running.pump.status().sinks['A'])
    })
    expect(running.pump.status().lease_cap).toMatchObject({ policy: 'spill', blocked_since: null })
    await eventually(() =>
      expect(running.log()).toMatch(
        /level=warning message="lease cap reached, the newest records are spilled".*max_records=40/,
      ),
    )
    // Names of leases of one millisecond are in no order.
    const lists = (await client.keys('*:lease:*')).filter((name) => !name.endsWith(':meta'))
    const firsts = await Promise.all(lists.map((list) => client.lindexBuffer(list, 0)))
    expect(
      firsts.map((raw) => decodeRecord(raw as Buffer).path),
      'the oldest stay',
    ).toContain('/r0')
    sink.answer = allDelivered
    await eventually(() => expect(sink.delivered.length).toBe(200))
    expect(sink.paths().toSorted()).toEqual(paths(200).toSorted())
    await expectNothingLeft()
    expect(running.pump.status()).toMatchObject({
      lease_cap: { spilled: { segments: 0, records: 0, bytes: 0 } },
      sinks: { A: { delivered: 200, pending: 0, dropped: 0 } },
    })
    expectBalance(running.pump.status().sinks['A'])
    await eventually(() => expect(running.log()).toContain('spilled records are back in Redis'))
  })

  it('keep their offsets: a sink that has them does not get them again', async () => {
    const [a, b] = [createTestSink('a'), createTestSink('b')]
    a.answer = away
    await using running = await startPump([a, b])
    for (let at = 0; at < 120; at += 20) {
      await client.rpush(key, ...elements(20, at))
      await eventually(() => expect(b.delivered.length).toBe(at + 20))
    }
    await eventually(async () => {
      expect(await leased()).toBeLessThanOrEqual(40)
      expect(running.pump.status().lease_cap?.spilled?.records).toBeGreaterThanOrEqual(80)
    })
    a.answer = allDelivered
    await eventually(() => expect(a.delivered.length).toBe(120))
    await expectNothingLeft()
    expect(b.paths().toSorted()).toEqual(paths(120).toSorted())
    expect(a.paths().toSorted()).toEqual(paths(120).toSorted())
  })

  it('come back with their own ids after the pump was started anew', async () => {
    await leaveSpilled()
    expect((await segments()).length).toBeGreaterThan(0)
    const sink = createTestSink('a')
    await using running = await startPump([sink])
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(100).toSorted()))
    expect(new Set(sink.delivered.map(({ id }) => id)).size).toBe(100)
    await expectNothingLeft()
    expect(running.log()).not.toContain('damaged')
  })

  it('work with a cap in bytes', async () => {
    const sink = createTestSink('a')
    sink.answer = away
    await client.rpush(key, ...elements(2000))
    await using running = await startPump([sink], { cap: { max_records: 0, max_bytes: 200_000 } })
    await eventually(() => {
      const cap = running.pump.status().lease_cap
      expect(cap?.leased_bytes).toBeLessThanOrEqual(200_000)
      expect(cap?.spilled?.records).toBeGreaterThan(1000)
    })
    expect((await segments()).length).toBeGreaterThan(20)
    sink.answer = allDelivered
    await eventually(() => expect(sink.delivered.length).toBe(2000), 20_000)
    expect(sink.paths().toSorted()).toEqual(paths(2000).toSorted())
    await expectNothingLeft()
  })

  it('are listed and given up on the command line', async () => {
    await leaveSpilled()
    const conf = { analytics_storage_config: { host: '127.0.0.1', port: server.port }, pumps: { b: { type: 'dummy' } } }
    const list = await runHere(['leases', 'list'], conf)
    expect(list.output).toMatch(/^SPILLED FOR SINK +CONFIGURED +SEGMENTS +RECORDS +BYTES +FOLDER$/m)
    expect(list.output).toMatch(new RegExp(`^A +no +\\d+ +\\d\\d +\\d+ +\\S+:${folder}$`, 'm'))
    // The pump that wrote them counts as living for a moment.
    await eventually(async () => {
      const asked = await runHere(['leases', 'release', '--sink', 'a'], conf)
      expect(asked.output).toMatch(
        /^would give up (\d+ records? in \d+ leases? and )?\d\d records in \d+ spilled segments? of sink A; repeat with --yes to do it\n$/,
      )
    })
    const released = await runHere(['leases', 'release', '--sink', 'a', '--yes'], conf)
    expect([released.code, released.output]).toEqual([0, expect.stringContaining('gave up')])
    const sink = createTestSink('a')
    await using _ = await startPump([sink])
    await expectNothingLeft()
    expect(sink.paths()).toEqual([])
  })
})

describe('leases release', () => {
  it('names the sinks there are when nobody knows the one that is asked for', async () => {
    const conf = { analytics_storage_config: { host: '127.0.0.1', port: server.port }, pumps: { b: { type: 'dummy' } } }
    expect(await runHere(['leases', 'release', '--sink', 'bb', '--yes'], conf)).toMatchObject({
      code: 1,
      output: 'nothing waits for sink BB, which is not configured; known are B\n',
    })
    expect(await runHere(['leases', 'release', '--sink', 'b', '--yes'], conf)).toMatchObject({
      code: 0,
      output: 'nothing waits for sink B\n',
    })
  })

  it('says what it could not give up because it changed all the time, and ends with 1', async () => {
    const source = sourceLists()[0] as SourceList
    const store = new LeaseStore({ client, owner: 'dead', sinks: ['A'], ownerTtlMs: 1 })
    await client.rpush(key, ...elements(3000))
    await store.take(source, 'one')
    await eventually(async () => expect(Number(await client.hget(`{${key}}:owners`, 'dead'))).toBeLessThan(Date.now()))
    const meta = `{${key}}:lease:one:meta`
    const stop = new AbortController()
    const change = async (): Promise<void> => {
      // As a pump does that moves its offset and goes away, again and again.
      for (let i = 0; !stop.signal.aborted; i++) await client.hset(meta, 'offset:A', i % 1000)
    }
    const changing = change()
    const conf = { analytics_storage_config: { host: '127.0.0.1', port: server.port }, pumps: { b: { type: 'dummy' } } }
    const busy = await runHere(['leases', 'release', '--sink', 'a', '--yes'], conf)
    stop.abort()
    await changing
    expect(busy).toMatchObject({
      code: 1,
      output: expect.stringMatching(
        /^not given up, because it changed each time it was read: \d+ records in 1 lease of sink A; run this again$/m,
      ),
    })
    expect(busy.output).not.toContain('nothing waits')
    const again = await runHere(['leases', 'release', '--sink', 'a', '--yes'], conf)
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining('gave up') })
  })
})

describe('a pump with other sinks', () => {
  it('leaves files that are not for it, and says so; one that has the sink gets them', async () => {
    await leaveSpilled()
    const before = await segments()
    {
      await using running = await startPump([createTestSink('b')])
      await eventually(() => {
        expect(running.pump.status().lease_cap?.spilled?.waiting_for_sinks_not_configured).toBeGreaterThanOrEqual(60)
        expect(running.log()).toMatch(/message="spilled records wait for sinks that are not configured".* sinks=A/)
      })
      expect(await segments()).toEqual(before)
    }
    const sink = createTestSink('a')
    await using _ = await startPump([sink])
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(100).toSorted()))
    await expectNothingLeft()
  })

  it('gets its part of a file that is for others as well, once, and leaves theirs', async () => {
    {
      const [a, b] = [createTestSink('a'), createTestSink('b')]
      a.answer = away
      b.answer = away
      await using running = await startPump([a, b])
      await pushInLots(100)
      await eventually(() => expect(running.pump.status().lease_cap?.spilled?.records).toBeGreaterThanOrEqual(60))
    }
    const b = createTestSink('b')
    {
      await using _ = await startPump([b], { cap: { max_records: 500 } })
      await eventually(() => expect(b.paths().toSorted()).toEqual(paths(100).toSorted()))
      expect((await segments()).length).toBeGreaterThan(0)
    }
    const [a, again] = [createTestSink('a'), createTestSink('b')]
    await using _ = await startPump([a, again])
    await eventually(() => expect(a.paths().toSorted()).toEqual(paths(100).toSorted()))
    await expectNothingLeft()
    expect(again.paths()).toEqual([])
  })
})

describe('two pumps', () => {
  it('share a folder: every record is delivered, once', async () => {
    const [one, two] = [createTestSink('a'), createTestSink('a')]
    one.answer = away
    two.answer = away
    // Neither takes over what the other holds, however late this machine lets it give its signs.
    const timings = { ownerTtlMs: 60_000 }
    await using first = await startPump([one], { timings })
    await using second = await startPump([two], { timings })
    for (let i = 0; i < 10; i++) await client.rpush(analyticsKey('msgpack', i), ...elements(40, i * 40))
    await eventually(async () => {
      expect(await leased()).toBeLessThanOrEqual(40)
      expect((await segments()).length).toBeGreaterThan(10)
    }, 20_000)
    one.answer = allDelivered
    two.answer = allDelivered
    const sent = (): string[] => [...one.paths(), ...two.paths()]
    await eventually(() => expect(new Set(sent())).toEqual(new Set(paths(400))), 20_000)
    await expectNothingLeft()
    await eventually(() => {
      for (const { pump } of [first, second]) {
        expect(pump.status().sinks['A']).toMatchObject({ pending: 0 })
        expectBalance(pump.status().sinks['A'])
      }
    })
    // Nothing is under way any more that could still come.
    expect(sent().toSorted()).toEqual(paths(400).toSorted())
  })
})

describe('a cluster', () => {
  it('has leases, files and what Redis knows of them in the slot of their list', async () => {
    await using node = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] })
    const direct = new Redis(node.port, { protocol: 2 })
    await direct.cluster('ADDSLOTSRANGE', 0, 16383)
    await eventually(async () => expect(await direct.cluster('INFO')).toContain('cluster_state:ok'))
    const sink = createTestSink('a')
    sink.answer = away
    const storage = { addrs: [`127.0.0.1:${node.port}`], enable_cluster: true }
    await using running = await startPump([sink], { conf: { ...capOf(), analytics_storage_config: storage } })
    for (let i = 0; i < 10; i++) await direct.rpush(analyticsKey('msgpack', i), ...elements(20, i * 20))
    await eventually(() => {
      const cap = running.pump.status().lease_cap
      expect(cap?.leased_records).toBeLessThanOrEqual(40)
      expect(cap?.spilled?.records).toBeGreaterThanOrEqual(160)
    })
    sink.answer = allDelivered
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(200).toSorted()))
    await eventually(async () => expect(await leftOver()).toEqual([]))
    direct.disconnect()
  })
})

/** A pump that kills itself at one call of the file system. */
const script = fileURLToPath(new URL('support/spilling-pump.ts', import.meta.url))

describe('a pump that is killed while it spills', () => {
  const linesOf = async (file: string): Promise<string[]> =>
    (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '')

  it.each([
    ['away', 'create', 'before'],
    ['away', 'create', 'after'],
    ['away', 'write', 'before'],
    ['away', 'write', 'amid'],
    ['away', 'write', 'after'],
    ['away', 'sync', 'before'],
    ['away', 'sync', 'after'],
    ['away', 'rename', 'before'],
    ['away', 'rename', 'after'],
    ['away', 'syncFolder', 'before'],
    ['away', 'syncFolder', 'after'],
    // The first file is committed by then.
    ['away', 'create', 'again'],
    ['deliver', 'read', 'before'],
    ['deliver', 'read', 'after'],
    ['deliver', 'remove', 'before'],
    ['deliver', 'remove', 'after'],
    // The first file is out of Redis by then.
    ['deliver', 'remove', 'again'],
    ['deliver', 'syncFolder', 'before'],
    ['deliver', 'syncFolder', 'after'],
  ])('(its sink: %s) at %s, %s: nothing is lost', async (mode, op, when) => {
    const file = join(folder, '..', `${folder.split('/').at(-1)}.delivered`)
    if (mode === 'deliver') await leaveSpilled()
    const expected = mode === 'deliver' ? 100 : 200
    const args = ['--conditions=source', script, `${server.port}`, file, folder, mode, op, when]
    await using program = startProgram(process.execPath, args)
    if (mode === 'away')
      for (let i = 0; i < 10; i++) await client.rpush(analyticsKey('msgpack', i), ...elements(20, i * 20))
    expect(await program.exited()).toBe('SIGKILL')

    const sink = createTestSink('a')
    await using running = await startPump([sink])
    const sent = async (): Promise<string[]> => [
      ...(await linesOf(file)),
      ...sink.delivered.map(({ id, record }) => `${id} ${record.path}`),
    ]
    await eventually(async () => {
      const unique = new Set((await sent()).map((line) => line.slice(line.indexOf(' ') + 1)))
      expect([...unique].toSorted()).toEqual(paths(expected).toSorted())
    }, 15_000)
    await eventually(async () => {
      expect((await leftOver()).filter((name) => !name.endsWith('.writing'))).toEqual([])
      expect(await client.keys('*lease*')).toEqual([])
    }, 15_000)
    const all = await sent()
    // The same record has the same id, and nothing but what the killed pump had in flight came twice.
    expect(new Set(all).size).toBe(expected)
    expect(all.length - expected).toBeLessThanOrEqual(mode === 'deliver' ? 20 : 0)
    expect(running.log()).not.toContain('damaged')
    await rm(file, { force: true })
  })
})

describe('a pump that is killed while files come back, and a Redis that loses everything', () => {
  it.each([
    ['read', 'before'],
    ['read', 'after'],
    ['remove', 'before'],
    ['remove', 'after'],
    ['remove', 'again'],
    ['syncFolder', 'after'],
  ])('at %s, %s: no record is lost that was in a file', async (op, when) => {
    await leaveSpilled()
    const wereInFiles = await pathsInFiles()
    const file = `${folder}.delivered`
    const args = ['--conditions=source', script, `${server.port}`, file, folder, 'deliver', op, when]
    {
      await using program = startProgram(process.execPath, args)
      expect(await program.exited()).toBe('SIGKILL')
    }
    await client.flushall()
    const sink = createTestSink('a')
    await using _ = await startPump([sink])
    await expectNothingLeft()
    const sent = (await readFile(file, 'utf8').catch(() => '')).split('\n').map((line) => line.split(' ')[1] ?? '')
    expect([...sent, ...sink.paths()]).toEqual(expect.arrayContaining(wereInFiles))
    await rm(file, { force: true })
  })
})

it('a pump that finds files of a dead one spills in a Redis that is out of memory', async () => {
  await leaveSpilled()
  await client.del(...(await client.keys('*:owners')))
  await client.rpush(key, ...elements(40, 100))
  await client.config('SET', 'maxmemory', '1')
  try {
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await startPump([sink])
    await eventually(async () => {
      expect(await client.exists(key)).toBe(0)
      expect(await leased()).toBeLessThanOrEqual(40)
    })
    expect(running.log()).not.toContain('could not be dealt with')
  } finally {
    await client.config('SET', 'maxmemory', '0')
  }
})

describe('a file that counts for nothing', () => {
  async function runToItsEnd(file: string, mode: string, op: string, when: string): Promise<void> {
    const args = ['--conditions=source', script, `${server.port}`, file, folder, mode, op, when]
    await using program = startProgram(process.execPath, args)
    if (mode === 'away')
      for (let i = 0; i < 10; i++) await client.rpush(analyticsKey('msgpack', i), ...elements(20, i * 20))
    expect(await program.exited()).toBe('SIGKILL')
  }

  it('counts for nothing after a second kill, just before it is removed, and after its lease is finished', async () => {
    const file = `${folder}.delivered`
    await runToItsEnd(file, 'away', 'rename', 'after')
    const [useless] = await segments()
    expect(useless).toBeDefined()
    await runToItsEnd(file, 'deliver', 'remove', 'before')
    expect(await segments()).toContain(useless)
    const sent = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '')
    const first = createTestSink('a')
    {
      // It has nothing to do with files, and finishes the lease.
      await using _ = await runPump({ redisPort: server.port, sinks: [first] })
      await eventually(async () => expect(await client.keys('*lease*')).toEqual([]))
    }
    const second = createTestSink('a')
    await using _ = await startPump([second])
    await expectNothingLeft()
    // What the second pump has comes from files that were written after that one.
    const afterwards = [...first.paths(), ...second.paths()]
    expect(afterwards.toSorted()).toEqual([...new Set(afterwards)].toSorted())
    const all = new Set([...sent.map((line) => line.split(' ')[1] ?? ''), ...afterwards])
    expect([...all].toSorted()).toEqual(paths(200).toSorted())
    await rm(file, { force: true })
  })
})

describe('records that are back in Redis', () => {
  /** Ends with a pump that has put files back and whose sink hangs. */
  async function startWithRecordsBack() {
    await leaveSpilled()
    const sink = createTestSink('a', { maxRecords: 1 })
    const gate = Promise.withResolvers<void>()
    sink.answer = async (batch) => {
      await gate.promise
      return batch.map(() => 'delivered' as const)
    }
    // Room for all of them at once.
    const running = await startPump([sink], { cap: { max_records: 500 } })
    await eventually(async () => {
      expect(await leased()).toBe(100)
      expect(running.pump.status().lease_cap?.spilled?.segments).toBe(0)
    })
    return { sink, gate, pump: running }
  }

  it('stay in their files until they are delivered: a Redis that loses everything costs nothing of them', async () => {
    const { sink, gate, pump } = await startWithRecordsBack()
    await using running = pump
    const names = await segments()
    expect(names.length).toBeGreaterThan(5)
    const files = await pathsInFiles()
    await client.flushall()
    // It stops amid a lease, so that there is a commit of a part of it.
    const amid = Promise.withResolvers<void>()
    sink.answer = async (batch) => {
      if (batch[0]?.record.path === files[2]) await amid.promise
      return batch.map(() => 'delivered' as const)
    }
    gate.resolve()
    const message = 'lease is gone from Redis, its records come back from their file'
    await eventually(() => expect(running.log()).toContain(message))
    amid.resolve()
    await eventually(() => expect(sink.paths()).toEqual(expect.arrayContaining(files)))
    await expectNothingLeft()
    expectBalance(running.pump.status().sinks['A'])
  })

  it('come back from their file when their lease alone is lost', async () => {
    const { sink, gate, pump } = await startWithRecordsBack()
    await using running = pump
    const lists = (await client.keys('*:lease:*')).filter((name) => !name.endsWith(':meta'))
    const entries = Object.values(await client.hgetall(`{${key}}:spilled`)).map(
      (text) => JSON.parse(text) as SpilledEntry,
    )
    const lost = lists.filter((name) =>
      entries.some(({ back = {} }) => Object.keys(back).some((id) => name.endsWith(id))),
    )
    expect(lost.length).toBeGreaterThan(5)
    await client.del(...lost, ...lost.map((name) => `${name}:meta`))
    gate.resolve()
    await eventually(() => expect([...new Set(sink.paths())].toSorted()).toEqual(paths(100).toSorted()))
    await expectNothingLeft()
    expect(running.log()).not.toContain('records are lost')
    expectBalance(running.pump.status().sinks['A'])
  })

  it('come back from their files when Redis starts with an older copy of itself, as a replica may be', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tek-redis-copy-'))
    const options = { port: await freePort(), args: ['--dir', dir] }
    const [held, sink] = [createTestSink('a'), createTestSink('a', { maxRecords: 1 })]
    const gate = Promise.withResolvers<void>()
    held.answer = away
    sink.answer = async (batch) => {
      await gate.promise
      return batch.map(() => 'delivered' as const)
    }
    await using first = await startRedis(options)
    const direct = new Redis(options.port, { protocol: 2 })
    direct.on('error', () => undefined)
    await direct.rpush(key, ...elements(80))
    {
      await using running = await startPump([held], { redisPort: options.port })
      await eventually(() => expect(running.pump.status().lease_cap?.spilled?.records).toBeGreaterThanOrEqual(40))
    }
    await direct.save()
    const inFiles = await pathsInFiles()
    await using running = await startPump([sink], { redisPort: options.port, cap: { max_records: 500 } })
    await eventually(() => expect(running.pump.status().sinks['A']).toMatchObject({ taken: 80, pending: 80 }))
    first.kill('SIGKILL')
    await first.stop()
    await using _ = await startRedis(options)
    gate.resolve()
    await eventually(() => expect([...new Set(sink.paths())].toSorted()).toEqual(paths(80).toSorted()), 20_000)
    await eventually(async () => {
      expect(await leftOver()).toEqual([])
      expect(await direct.keys('*lease*')).toEqual([])
      expect(await direct.keys('*spilled*')).toEqual([])
    }, 20_000)
    expect(inFiles.length).toBeGreaterThanOrEqual(40)
    expectBalance(running.pump.status().sinks['A'])
    direct.disconnect()
    await rm(dir, { recursive: true, force: true })
  })

  it('are not new to a sink that has them, also when another pump takes them over', async () => {
    {
      const [a, b] = [createTestSink('a'), createTestSink('b')]
      a.answer = away
      await using running = await startPump([a, b])
      for (let at = 0; at < 120; at += 20) {
        await client.rpush(key, ...elements(20, at))
        await eventually(() => expect(b.delivered.length).toBe(at + 20))
      }
      await eventually(() => expect(running.pump.status().lease_cap?.spilled?.records).toBeGreaterThanOrEqual(80))
    }
    const [held, a, b] = [createTestSink('a'), createTestSink('a'), createTestSink('b')]
    const gate = Promise.withResolvers<void>()
    held.answer = async (batch) => {
      await gate.promise
      return batch.map(() => 'delivered' as const)
    }
    await using first = await startPump([held, createTestSink('b')], { cap: { max_records: 500 } })
    await eventually(async () => expect(await leased()).toBe(120))
    await using _ = await runPump({ redisPort: server.port, sinks: [a, b] })
    await eventually(async () => {
      if (a.delivered.length < 120) await client.del(`{${key}}:owners`)
      expect(a.paths().toSorted()).toEqual(paths(120).toSorted())
    })
    gate.resolve()
    await expectNothingLeft()
    expect(b.paths()).toEqual([])
    expect(first.log()).not.toContain('records are lost')
  })

  it('come back once, whichever pump delivers them and is killed', async () => {
    const { gate, pump } = await startWithRecordsBack()
    await using running = pump
    const sink = createTestSink('a')
    // A pump that knows nothing of the folder takes the leases over as if the first were dead.
    await using _ = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(async () => {
      if (sink.delivered.length < 100) await client.del(`{${key}}:owners`)
      expect(sink.paths().toSorted()).toEqual(paths(100).toSorted())
    })
    gate.resolve()
    await expectNothingLeft()
    expect(running.log()).not.toContain('records are lost')
    expect(running.pump.status().sinks['A']).toMatchObject({ dropped: 0, pending: 0 })
  })

  it('cost no look at the folder for each of them', async () => {
    await leaveSpilled()
    let looks = 0
    const spillFiles: SpillFiles = {
      ...DISK,
      list: (path) => {
        looks += 1
        return DISK.list(path)
      },
    }
    const sink = createTestSink('a')
    await using _ = await startPump([sink], { spillFiles, timings: { recoverEveryMs: 60_000, ownerTtlMs: 900 } })
    await eventually(() => expect(sink.delivered.length).toBe(100))
    await expectNothingLeft()
    // Once for what was left half written, once for the files.
    expect(looks).toBe(2)
  })
})

describe('what a live sink has not read', () => {
  it('stays in Redis as long as there is something that only a dead one waits for', async () => {
    const [a, b] = [createTestSink('a'), createTestSink('b', { maxRecords: 10 })]
    a.answer = away
    await using running = await startPump([a, b])
    for (let at = 0; at < 40; at += 20) {
      await client.rpush(key, ...elements(20, at))
      await eventually(() => expect(b.delivered.length).toBe(at + 20))
    }
    const gate = Promise.withResolvers<void>()
    b.answer = async (batch) => {
      await gate.promise
      return batch.map(() => 'delivered' as const)
    }
    await pushInLots(40, 40)
    await eventually(async () => expect(await leased()).toBeLessThanOrEqual(40))
    expect((await pathsInFiles()).toSorted()).toEqual(paths(40).toSorted())
    gate.resolve()
    await eventually(() => expect(b.paths().toSorted()).toEqual(paths(80).toSorted()))
    a.answer = allDelivered
    await eventually(() => expect(a.paths().toSorted()).toEqual(paths(80).toSorted()))
    await expectNothingLeft()
    expectBalance(running.pump.status().sinks['B'])
  })

  it('comes back from its files although Redis is full of what only a dead one waits for', async () => {
    const [a, b] = [createTestSink('a'), createTestSink('b', { maxRecords: 10 })]
    a.answer = away
    const gate = Promise.withResolvers<void>()
    b.answer = async (batch) => {
      await gate.promise
      return batch.map(() => 'delivered' as const)
    }
    await using running = await startPump([a, b])
    await pushInLots(120)
    await eventually(async () => {
      expect(await leased()).toBeLessThanOrEqual(40)
      expect((await pathsInFiles()).length).toBeGreaterThanOrEqual(80)
    })
    gate.resolve()
    await eventually(() => expect(b.paths().toSorted()).toEqual(paths(120).toSorted()))
    expect(a.paths()).toEqual([])
    await eventually(async () => expect(await leased()).toBeLessThanOrEqual(40))
    a.answer = allDelivered
    await eventually(() => expect(a.paths().toSorted()).toEqual(paths(120).toSorted()))
    await expectNothingLeft()
    expect(b.paths().length, 'each of them once').toBe(120)
    for (const sink of ['A', 'B']) expectBalance(running.pump.status().sinks[sink])
  })
})

describe('the ledger', () => {
  /** What is booked under a name of the ledger, over all lists and minutes. */
  async function booked(): Promise<Record<string, number>> {
    const sums: Record<string, number> = {}
    for (const name of await client.keys('*:ledger:*')) {
      if (name.endsWith(':sinks')) continue
      for (const [field, count] of Object.entries(await client.hgetall(name))) {
        sums[field] = (sums[field] ?? 0) + Number(count)
      }
    }
    return sums
  }

  async function leaveSpilledOfApi(): Promise<void> {
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await startPump([sink])
    for (let at = 0; at < 100; at += 20) {
      await client.rpush(key, ...elements(20, at, { apiId: at < 60 ? 'one' : 'two' }))
      await eventually(async () => expect(await client.exists(key)).toBe(0))
    }
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.records).toBeGreaterThanOrEqual(60))
  }

  it('has as dropped what was given up by command in files, by API', async () => {
    await leaveSpilledOfApi()
    const conf = { analytics_storage_config: { host: '127.0.0.1', port: server.port }, pumps: { b: { type: 'dummy' } } }
    await eventually(async () => {
      const released = await runHere(['leases', 'release', '--sink', 'a', '--yes'], conf)
      expect(released.output).toContain('nothing waits for sink A')
    })
    const sink = createTestSink('a')
    await using _ = await startPump([sink])
    await expectNothingLeft()
    expect(sink.paths()).toEqual([])
    await eventually(async () => expect(await booked()).toEqual({ 'dropped:A:one': 60, 'dropped:A:two': 40 }))
  })

  it('has as dropped what is damaged, of the API it was of', async () => {
    await leaveSpilledOfApi()
    const [name = ''] = await segments()
    const path = join(folder, name)
    const bytes = await readFile(path)
    const at = Math.floor(bytes.length / 2)
    bytes[at] = (bytes[at] ?? 0) ^ 4
    await writeFile(path, bytes)
    const sink = createTestSink('a')
    await using _ = await startPump([sink])
    await eventually(() => expect(sink.delivered.length).toBe(99))
    await eventually(async () => {
      const { 'delivered:A:one': one = 0, 'delivered:A:two': two = 0, ...others } = await booked()
      expect(one + two).toBe(99)
      expect(others).toEqual(one === 59 ? { 'dropped:A:one': 1 } : { 'dropped:A:two': 1 })
    })
  })

  it('has as dropped what cannot be read at all, of no API', async () => {
    await leaveSpilledOfApi()
    const [name = ''] = await segments()
    await writeFile(join(folder, name), 'rubbish')
    const sink = createTestSink('a')
    await using running = await startPump([sink])
    await eventually(async () => expect(await client.keys('*lease*')).toEqual([]))
    const lost = await eventually(() => {
      const found = running.pump.status().lease_cap?.spilled?.damaged_records ?? 0
      expect(found).toBeGreaterThan(0)
      expect(sink.delivered.length).toBe(100 - found)
      return found
    })
    await eventually(async () => expect(await booked()).toMatchObject({ 'dropped:A:-': lost }))
  })
})

describe('the program', () => {
  it('killed amid spilling and started again has every record in Elasticsearch, once', async () => {
    await using es = await startFakeElasticsearch()
    await es.away(true)
    const options = {
      redisPort: server.port,
      pumps: { es: { type: 'elasticsearch', meta: { elasticsearch_url: es.url } } },
      conf: { lease_cap: { policy: 'spill', max_bytes: 50_000, spill_dir: folder } },
    }
    const raws = elements(400)
    {
      await using first = await startService(options)
      for (let at = 0; at < 400; at += 100) await client.rpush(key, ...raws.slice(at, at + 100))
      await eventually(async () => expect((await segments()).length).toBeGreaterThan(3), 20_000, 2)
      first.program.kill('SIGKILL')
      await first.program.exited()
    }
    await es.away(false)
    await using _ = await startService(options)
    // The leases of the killed pump count as held for 15 seconds.
    await eventually(() => expect(es.documents.length).toBe(400), 60_000)
    expect(new Set(es.documents.map(({ id }) => id)).size).toBe(400)
    await eventually(async () => {
      expect((await leftOver()).filter((name) => !name.endsWith('.writing'))).toEqual([])
      expect(await client.keys('*lease*')).toEqual([])
    }, 20_000)
  }, 120_000)
})

describe('damaged files', () => {
  async function startAfter(
    damage: (path: string) => Promise<void>,
  ): Promise<{ sink: TestSink; running: RunningPump }> {
    await leaveSpilled()
    const [name = ''] = await segments()
    await damage(join(folder, name))
    const sink = createTestSink('a')
    const running = await startPump([sink])
    await eventually(async () => {
      expect(await segments()).toEqual([])
      expect(await client.keys('*lease*')).toEqual([])
    })
    return { sink, running }
  }

  it('with a flipped bit lose that record alone, and are set aside', async () => {
    const { sink, running } = await startAfter(async (path) => {
      const bytes = await readFile(path)
      const at = Math.floor(bytes.length / 2)
      bytes[at] = (bytes[at] ?? 0) ^ 4
      await writeFile(path, bytes)
    })
    await eventually(() => expect(sink.delivered.length).toBe(99))
    await eventually(() =>
      expect(running.log()).toMatch(
        /level=error message="a file of spilled records is damaged: its good records are delivered, the others are lost".* good=\d+ lost=1/,
      ),
    )
    expect(await leftOver()).toEqual([expect.stringMatching(/\.segment\.damaged$/)])
    expect(running.pump.status().lease_cap?.spilled).toMatchObject({ damaged_records: 1, segments: 0 })
    await running[Symbol.asyncDispose]()
  })

  it('with a torn end keep what comes before it', async () => {
    const { sink, running } = await startAfter(async (path) => {
      const { length } = await readFile(path)
      await truncate(path, Math.floor(length / 2))
    })
    const lost = running.pump.status().lease_cap?.spilled?.damaged_records ?? 0
    expect(lost).toBeGreaterThan(0)
    await eventually(() => expect(sink.delivered.length).toBe(100 - lost))
    await running[Symbol.asyncDispose]()
  })

  it('of which nothing can be read are set aside by name', async () => {
    const { sink, running } = await startAfter((path) => writeFile(path, 'rubbish'))
    await eventually(() => expect(running.log()).toContain('the damaged file of spilled records is set aside'))
    expect(sink.delivered.length).toBeGreaterThan(80)
    await running[Symbol.asyncDispose]()
  })

  it('may have more at their end than was written', async () => {
    const { sink, running } = await startAfter((path) => appendFile(path, 'more'))
    await eventually(() => expect(sink.delivered.length).toBe(100))
    expect(await leftOver()).toEqual([expect.stringMatching(/\.damaged$/)])
    await running[Symbol.asyncDispose]()
  })

  it('that are missing are missed', async () => {
    await leaveSpilled()
    const [name = ''] = await segments()
    await rm(join(folder, name))
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await startPump([sink])
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBe(1))
    expect(await metric(running, 'tyk_pump_spill_missing_segments')).toBe(1)
    expect(await metric(running, 'tyk_pump_spill_unreadable_segments')).toBe(0)
    await eventually(() =>
      expect(running.log()).toMatch(/level=error message="files of spilled records are missing from their folder"/),
    )
  })
})

describe('trouble', () => {
  it('a file that cannot be read: those after it come back, and it does when it can be read', async () => {
    await leaveSpilled()
    const [worst = ''] = await segments()
    let broken = true
    const spillFiles: SpillFiles = {
      ...DISK,
      read: (path) => {
        if (broken && path.endsWith(worst)) {
          return Promise.reject(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }))
        }
        return DISK.read(path)
      },
    }
    const sink = createTestSink('a')
    await using running = await startPump([sink], { spillFiles })
    await eventually(async () => {
      expect(await segments()).toEqual([worst])
      expect(running.pump.status().lease_cap?.spilled).toMatchObject({ segments: 1, unreadable_segments: 1 })
      expect(await client.keys('*lease*')).toEqual([])
    })
    expect(await metric(running, 'tyk_pump_spill_unreadable_segments')).toBe(1)
    expect(await metric(running, 'tyk_pump_spill_missing_segments')).toBe(0)
    const message = 'a file of spilled records cannot be read: it is passed over, and tried again'
    const told = (): string[] =>
      running
        .log()
        .split('\n')
        .filter((line) => line.includes(message))
    await eventually(() => expect(told()).toEqual([expect.stringMatching(/level=error .*EIO/)]))
    broken = false
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(100).toSorted()))
    await expectNothingLeft()
    expect(running.pump.status().lease_cap?.spilled).toMatchObject({ unreadable_segments: 0 })
  })

  describe('a disk that hangs', () => {
    /** Calls for segments hang from now on, until they are let go. */
    function hangingDisk() {
      const gate = Promise.withResolvers<void>()
      let calls = 0
      const spillFiles: SpillFiles = {
        ...DISK,
        create: async (path) => {
          if (path.includes('.segment')) {
            calls += 1
            await gate.promise
          }
          return DISK.create(path)
        },
      }
      return { spillFiles, letGo: () => gate.resolve(), calls: () => calls }
    }

    it('does not keep records in the source lists, nor the stop; nothing is lost', async () => {
      const { spillFiles, letGo, calls } = hangingDisk()
      const sink = createTestSink('a')
      sink.answer = away
      const running = await startPump([sink], { spillFiles, cap: { max_records: 100 } })
      await pushInLots(120)
      await eventually(() => expect(calls()).toBe(1))
      // Up to twice the cap.
      await pushInLots(60, 120)
      // It ends while the call hangs, which is let go after that alone.
      await running[Symbol.asyncDispose]()
      await eventually(() => expect(running.log()).toContain('Tyk-pump stopped.'))
      const next = createTestSink('a')
      await using _ = await startPump([next])
      await eventually(() => expect(next.paths().toSorted()).toEqual(paths(180).toSorted()))
      letGo()
      await eventually(async () => expect(await client.keys('*lease*')).toEqual([]))
    })

    it('counts as one that refuses after a while: sinks get what was to be spilled, and it goes on later', async () => {
      const { spillFiles, letGo, calls } = hangingDisk()
      const sink = createTestSink('a')
      sink.answer = away
      const timings = { attemptTimeoutMs: 300, heldRetryMs: 50 }
      await using running = await startPump([sink], { spillFiles, timings })
      await pushInLots(60)
      await eventually(() => {
        expect(running.log()).toMatch(/records cannot be spilled: look at the disk.*no answer from the disk in 300 ms/)
      })
      sink.answer = allDelivered
      await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(60).toSorted()))
      expect(calls(), 'it is not asked for more meanwhile').toBe(1)
      sink.answer = away
      letGo()
      await pushInLots(100, 60)
      await eventually(() => expect(running.pump.status().lease_cap?.spilled?.segments).toBeGreaterThan(0))
      sink.answer = allDelivered
      await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(160).toSorted()))
      await eventually(async () => expect(await client.keys('*lease*')).toEqual([]))
      expectBalance(running.pump.status().sinks['A'])
    })
  })

  describe.skipIf(process.platform === 'win32')('a folder on a disk that is gone', () => {
    const options = (): Parameters<typeof startService>[0] => ({
      redisPort: server.port,
      pumps: { dummy: { type: 'dummy' } },
      conf: { lease_cap: { policy: 'spill', max_records: 40, spill_dir: folder } },
    })
    /** A named pipe that nobody writes to: whoever opens it to read waits for ever, in a thread of the process. */
    const hang = async (name: string): Promise<void> => {
      expect(await startProgram('mkfifo', [join(folder, name)]).exited()).toBe(0)
    }

    it('does not keep the process, which ends in order when it is told to', async () => {
      await hang(`mika0000-000000000000~00000000@${encodeURIComponent(key)}.segment`)
      await using pump = await startService(options())
      await pump.program.waitForLine(/no answer from the disk/, 60_000)
      pump.program.kill('SIGTERM')
      expect(await pump.program.exited()).toBe(0)
      await eventually(() =>
        expect(pump.program.output()).toMatch(
          /Tyk-pump stopped\.(.*\n)*.*level=error message="a disk or name server does not answer, and is not waited for".* calls=/,
        ),
      )
    }, 120_000)

    it('does not keep a start that is refused', async () => {
      await hang('folder.id')
      await using pump = await startService({ ...options(), unchecked: true })
      expect(await pump.program.exited()).toBe(1)
      await pump.program.waitForLine(/lease_cap\.spill_dir .*no answer from the disk/)
    }, 120_000)
  })

  it('a full disk: records stay in Redis, no more is taken, and it goes on when there is room', async () => {
    let full = true
    const spillFiles: SpillFiles = {
      ...DISK,
      create: async (path) => {
        const writer = await DISK.create(path)
        const write = async (bytes: Buffer): Promise<void> => {
          if (full && path.includes('.segment')) {
            throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
          }
          await writer.write(bytes)
        }
        return { ...writer, write }
      },
    }
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await startPump([sink], { spillFiles, timings: { heldRetryMs: 300 } })
    for (let i = 0; i < 10; i++) await client.rpush(analyticsKey('msgpack', i), ...elements(20, i * 20))
    await eventually(() => {
      expect(running.log()).toMatch(/records cannot be spilled: look at the disk, or choose another spill_dir".*ENOSPC/)
      expectBalance(running.pump.status().sinks['A'])
    })
    await client.rpush(key, ...elements(20, 200))
    await eventually(() => expect(running.pump.status().lease_cap?.blocked_takings).toBeGreaterThan(0))
    expect(await leftOver()).toEqual([])
    full = false
    await eventually(async () => {
      expect((await segments()).length).toBeGreaterThan(0)
      expect(await leased()).toBeLessThanOrEqual(40)
    })
    sink.answer = allDelivered
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(220).toSorted()))
    await expectNothingLeft()
  })

  it('spill_max_bytes reached: as with block', async () => {
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await startPump([sink], { cap: { spill_max_bytes: 30_000 } })
    for (let i = 0; i < 10; i++) {
      await client.rpush(key, ...elements(20, i * 20))
      await eventually(async () => {
        const left = await client.llen(key)
        expect(left === 0 || (running.pump.status().lease_cap?.blocked_takings ?? 0) > 0).toBe(true)
      })
    }
    await eventually(() => {
      expect(running.pump.status().lease_cap?.untaken_records).toBeGreaterThan(0)
      expect(running.log()).toContain('spilled records have reached spill_max_bytes: no more is taken')
    })
    expect(running.pump.status().lease_cap?.spilled?.bytes).toBeLessThanOrEqual(30_000)
    sink.answer = allDelivered
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(200).toSorted()))
    await expectNothingLeft()
  })

  it('a Redis that was emptied: the files are all there is, and are delivered', async () => {
    await leaveSpilled()
    await client.flushall()
    const sink = createTestSink('a')
    await using running = await startPump([sink])
    await eventually(() => expect(sink.delivered.length).toBeGreaterThanOrEqual(60))
    await expectNothingLeft()
    expect(new Set(sink.paths()).size).toBe(sink.delivered.length)
    await eventually(() => expect(running.log()).toContain('Redis does not know a file of spilled records'))
  })

  it('a Redis that is away while records are spilled: nothing is lost or counted twice', async () => {
    const port = await freePort()
    await using redis = await startRedis({ port })
    const direct = new Redis(port, { protocol: 2 })
    const sink = createTestSink('a')
    sink.answer = away
    let pause = false
    const spillFiles: SpillFiles = {
      ...DISK,
      rename: async (from, to) => {
        await DISK.rename(from, to)
        if (!pause || !to.includes('.segment')) return
        pause = false
        // All connections of the pump are cut when it goes on to the removal.
        await direct.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      },
    }
    await using running = await startPump([sink], { redisPort: port, spillFiles })
    await direct.rpush(key, ...elements(40))
    await eventually(() => expect(running.pump.status().sinks['A']?.taken).toBe(40))
    pause = true
    for (let i = 0; i < 6; i++) await direct.rpush(analyticsKey('msgpack', i), ...elements(20, 40 + i * 20))
    await eventually(() => {
      expect(pause).toBe(false)
      expect(running.pump.status().lease_cap?.spilled?.records).toBeGreaterThan(0)
      expectBalance(running.pump.status().sinks['A'])
    })
    sink.answer = allDelivered
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(160).toSorted()))
    await eventually(async () => expect(await leftOver()).toEqual([]))
    expectBalance(running.pump.status().sinks['A'])
    direct.disconnect()
    expect(redis.port).toBe(port)
  })
})
