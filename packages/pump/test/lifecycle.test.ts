import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { analyticsKey, sourceLists } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startCluster } from '../../../test/support/cluster.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { type RedisServer, freePort, startRedis } from '../../../test/support/redis.ts'
import { cleanEnvironment, startService } from '../../../test/support/programs.ts'
import { startPump } from '../../../test/support/pump.ts'
import { SinkOptionError, SinkUnavailableError } from '../src/errors.ts'
import { LeaseInspector } from '../src/lease/index.ts'
import { elements, paths, runPump } from './support/run-pump.ts'
import { allDelivered, createTestSink } from './support/test-sink.ts'

const key = analyticsKey('msgpack')

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

describe('start', () => {
  it('stores its version and says what it does', async () => {
    await using running = await runPump({ redisPort: server.port, sinks: [createTestSink('a')] })
    await eventually(async () => expect(await client.get('version-check-pump')).toMatch(/^v\d+\.\d+\.\d+/))
    await eventually(() => expect(running.log()).toContain('message="Init Pump: A"'))
    await eventually(() => expect(running.log()).toContain('message="Starting purge loop @1, chunk size 0"'))
  })

  it('waits neither for Redis nor for a sink, and delivers once both are there', async () => {
    const port = await freePort()
    const sink = createTestSink('a')
    sink.check = () => Promise.reject(new SinkUnavailableError('not there'))
    await using running = await runPump({ redisPort: port, sinks: [sink] })
    await eventually(() => {
      expect(running.log()).toMatch(/Error on Purge Loop\. Is Temporal Storage down\?: connect ECONNREFUSED/)
      expect(running.pump.status()).toMatchObject({ ready: false, redis: { status: 'down' } })
      expect(running.pump.status().sinks['A']).toMatchObject({ status: 'failing', last_error: 'not there' })
    })
    await using late = await startRedis({ port })
    const pushing = new Redis(late.port, { protocol: 2 })
    await pushing.rpush(key, ...elements(3))
    pushing.disconnect()
    await eventually(() => expect(sink.paths()).toEqual(paths(3)))
    expect(running.pump.status()).toMatchObject({ ready: true, redis: { status: 'up' } })
  })

  it('is not ready while Redis answers and takes no writes', async () => {
    await using own = await startRedis()
    const changing = new Redis(own.port, { protocol: 2 })
    await using running = await runPump({ redisPort: own.port, sinks: [createTestSink('a')] })
    const ready = async (): Promise<object> => {
      const answer = await fetch(`http://127.0.0.1:${running.pump.healthPort}/ready`)
      return { code: answer.status, body: await answer.json() }
    }
    const isReady = { code: 200, body: { ready: true, redis: { status: 'up', last_error: null } } }
    await eventually(async () => expect(await ready()).toMatchObject(isReady))
    // A replica of a master that is not there.
    await changing.replicaof('127.0.0.1', 1)
    const last_error = expect.stringContaining('READONLY') as string
    await eventually(async () => {
      expect(await ready()).toMatchObject({ code: 503, body: { ready: false, redis: { status: 'down', last_error } } })
    })
    await changing.replicaof('NO', 'ONE')
    await eventually(async () => expect(await ready()).toMatchObject(isReady))
    changing.disconnect()
  })

  it('is not ready while one node of a cluster takes no writes to any of its lists, and says which', async () => {
    await using cluster = await startCluster()
    const storage = { analytics_storage_config: cluster.storage }
    const sinks = [createTestSink('a')]
    await using running = await runPump({ redisPort: server.port, sinks, conf: storage })
    const ready = async (): Promise<object> => {
      const answer = await fetch(`http://127.0.0.1:${running.pump.healthPort}/ready`)
      return { code: answer.status, body: await answer.json() }
    }
    const isReady = { code: 200, body: { ready: true, redis: { status: 'up', last_error: null } } }
    await eventually(async () => expect(await ready()).toMatchObject(isReady), 20_000)
    const refusals = [
      ['maxmemory', 'OOM'],
      ['min-replicas-to-write', 'NOREPLICAS'],
      ['maxmemory', 'OOM'],
    ] as const
    for (const [index, { client: node }] of cluster.nodes.entries()) {
      const [setting, refusal] = refusals[index]!
      await node.config('SET', setting, '1')
      const reason = new RegExp(`^${refusal} .*\\(list analytics-.* and \\d+ more\\)$`)
      await eventually(async () => {
        const redis = { status: 'down', last_error: expect.stringMatching(reason) as string }
        expect(await ready()).toMatchObject({ code: 503, body: { ready: false, redis } })
      })
      await node.config('SET', setting, '0')
      await eventually(async () => expect(await ready()).toMatchObject(isReady))
    }
  }, 90_000)

  it('is not ready while Redis cannot save to its disk', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tek-unsaved-'))
    await using own = await startRedis({ args: ['--dir', dir] })
    // A snapshot cannot take the place of a folder.
    await mkdir(join(dir, 'dump.rdb'))
    const changing = new Redis(own.port, { protocol: 2 })
    await changing.config('SET', 'save', '3600 1')
    await using running = await runPump({ redisPort: own.port, sinks: [createTestSink('a')] })
    await changing.bgsave()
    await eventually(async () => {
      const answer = await fetch(`http://127.0.0.1:${running.pump.healthPort}/ready`)
      const last_error = expect.stringMatching(/^MISCONF /) as string
      expect(await answer.json()).toMatchObject({ ready: false, redis: { status: 'down', last_error } })
    })
    changing.disconnect()
    await rm(dir, { recursive: true, force: true })
  })

  it('goes on after Redis was away', async () => {
    const port = await freePort()
    const sink = createTestSink('a')
    {
      await using first = await startRedis({ port })
      expect(first.port).toBe(port)
    }
    const before = await startRedis({ port })
    await using running = await runPump({ redisPort: port, sinks: [sink] })
    await eventually(() => expect(running.pump.status().redis.status).toBe('up'))
    await before.stop()
    await eventually(() => expect(running.pump.status().redis.status).toBe('down'))
    await using again = await startRedis({ port })
    const pushing = new Redis(again.port, { protocol: 2 })
    await pushing.rpush(key, ...elements(3))
    pushing.disconnect()
    await eventually(() => expect(sink.paths()).toEqual(paths(3)))
  })

  it('refuses options that cannot work, of all sinks at once, before anything is opened', async () => {
    const broken = (type: string) => ({
      ...createTestSink(type),
      create: () => {
        throw new SinkOptionError(`${type} cannot work`)
      },
    })
    const starting = runPump({ redisPort: server.port, sinks: [broken('x'), broken('y')] })
    await expect(starting).rejects.toThrow(
      'failed to process config: 2 problems\n  pumps.X.meta: x cannot work\n  pumps.Y.meta: y cannot work',
    )
  })

  it('signs in with a user and a password', async () => {
    await using locked = await startRedis({
      args: ['--user', 'default', 'off', '--user', 'tyk', 'on', '>pw', '~*', '+@all'],
    })
    const pushing = new Redis(locked.port, { protocol: 2, username: 'tyk', password: 'pw' })
    await pushing.rpush(key, ...elements(3))
    pushing.disconnect()
    const sink = createTestSink('a')
    const storage = { host: '127.0.0.1', port: locked.port, username: 'tyk', password: 'pw' }
    await using _ = await runPump({
      redisPort: locked.port,
      sinks: [sink],
      conf: { analytics_storage_config: storage },
    })
    await eventually(() => expect(sink.paths()).toEqual(paths(3)))
  })

  it('speaks to a cluster', async () => {
    await using node = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] })
    const pushing = new Redis(node.port, { protocol: 2 })
    await pushing.cluster('ADDSLOTSRANGE', 0, 16383)
    await eventually(async () => expect(await pushing.cluster('INFO')).toContain('cluster_state:ok'))
    await pushing.rpush(key, ...elements(30))
    await pushing.rpush(analyticsKey('msgpack', 3), ...elements(30, 30))
    await pushing.rpush(`{${key}}:lease:orphan`, ...elements(1, 60))
    const sink = createTestSink('a')
    await using _ = await runPump({
      redisPort: node.port,
      sinks: [sink],
      conf: { analytics_storage_config: { addrs: [`127.0.0.1:${node.port}`], enable_cluster: true } },
    })
    await eventually(async () => {
      expect(sink.paths().toSorted()).toEqual(paths(61).toSorted())
      expect(await pushing.keys('*lease*')).toEqual([])
    })
    pushing.disconnect()
  })
})

describe('stop', () => {
  it('sends what waits for a fuller batch, and commits it', async () => {
    const sink = createTestSink('a', { flushIntervalMs: 3_600_000 })
    await client.rpush(key, ...elements(5))
    const running = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(() => expect(running.pump.status().sinks['A']?.taken).toBe(5))
    expect(sink.batches).toEqual([])
    await running[Symbol.asyncDispose]()
    expect(sink.paths()).toEqual(paths(5))
    expect(sink.closed).toBe(true)
    expect(await client.keys('*lease*')).toEqual([])
    await eventually(() =>
      expect(running.log()).toMatch(
        /Shutting down 1 pumps\.\.\..*\n(.*\n)*.*a pump gracefully stopped\..*\n(.*\n)*.*Tyk-pump stopped\./,
      ),
    )
  })

  it('leaves what a dead sink did not get to the next pump, within its deadline', async () => {
    const dead = createTestSink('a')
    const alive = createTestSink('b')
    dead.answer = () => new Promise(() => undefined)
    await client.rpush(key, ...elements(500))
    const running = await runPump({ redisPort: server.port, sinks: [dead, alive], timings: { stopMs: 1_000 } })
    await eventually(() => expect(alive.paths()).toEqual(paths(500)))
    await running[Symbol.asyncDispose]()
    await eventually(() => expect(running.log()).toContain('Tyk-pump stopped.'))

    const next = createTestSink('a')
    const other = createTestSink('b')
    await using _ = await runPump({ redisPort: server.port, sinks: [next, other] })
    await eventually(async () => expect(await client.keys('*lease*')).toEqual([]))
    expect(next.paths()).toEqual(paths(500))
    expect(other.paths()).toEqual([])
  })

  it('gives records back to their list that no sink has begun, where any other program finds them', async () => {
    const sink = createTestSink('a', { maxRecords: 10, maxBytes: 1000 })
    sink.answer = () => Promise.reject(new SinkUnavailableError('away'))
    await client.rpush(key, ...elements(5))
    const running = await runPump({
      redisPort: server.port,
      sinks: [sink],
      timings: { firstBackoffMs: 60_000, mostBackoffMs: 60_000 },
    })
    await eventually(() => expect(sink.batches.length).toBe(1))
    const raws = elements(5, 5)
    await client.rpush(key, ...raws)
    await eventually(() => expect(running.pump.status().sinks['A']?.taken).toBe(10))
    await running[Symbol.asyncDispose]()
    expect(await client.lrangeBuffer(key, 0, -1)).toEqual(raws)
    expect(running.pump.status().sinks['A']).toMatchObject({ taken: 10, pending: 10 })
  })
})

describe('a pump whose configuration lacks a sink', () => {
  const away = (): Promise<never> => Promise.reject(new SinkUnavailableError('away'))

  /** Ends with records that wait for sink B, while A has them all. */
  async function leaveBacklog(): Promise<void> {
    const b = createTestSink('b')
    const a = createTestSink('a')
    b.answer = away
    await client.rpush(key, ...elements(20))
    await using _ = await runPump({ redisPort: server.port, sinks: [a, b] })
    await eventually(() => expect(a.paths()).toEqual(paths(20)))
    await eventually(() => expect(b.batches.length).toBeGreaterThan(0))
  }

  it('leaves the backlog of that sink in Redis, says so, and a pump that has the sink delivers it', async () => {
    await leaveBacklog()
    const a = createTestSink('a')
    {
      await using running = await runPump({ redisPort: server.port, sinks: [a] })
      const backlog = { B: { leases: 1, records: 20 } }
      await eventually(() =>
        expect(running.pump.status()).toMatchObject({ leases: 0, waiting_for_sinks_not_configured: backlog }),
      )
      await client.rpush(key, ...elements(5, 20))
      await eventually(() => expect(a.paths()).toEqual(paths(5, 20)))
      const warnings = /level=warning message="records wait for sinks that are not configured".*/g
      expect(running.log().match(warnings)).toEqual([expect.stringMatching(/records=20 sinks=B/)])
    }
    const b = createTestSink('b')
    await using running = await runPump({ redisPort: server.port, sinks: [a, b] })
    await eventually(async () => expect(await client.keys('*lease*')).toEqual([]))
    expect(b.paths()).toEqual(paths(20))
    expect(a.paths()).toEqual(paths(5, 20))
    expect(running.pump.status().waiting_for_sinks_not_configured).toEqual({})
  })

  it('leaves also a backlog of which no sink has begun anything', async () => {
    const b = createTestSink('b', { maxRecords: 1, maxBytes: 1 })
    b.answer = away
    await client.rpush(key, ...elements(1))
    {
      const timings = { firstBackoffMs: 60_000, mostBackoffMs: 60_000, returnWithinMs: -1 }
      await using running = await runPump({ redisPort: server.port, sinks: [b], timings })
      await eventually(() => expect(b.batches.length).toBe(1))
      await client.rpush(key, ...elements(5, 1))
      await eventually(() => expect(running.pump.status().sinks['B']?.taken).toBe(6))
    }
    expect(await client.exists(key)).toBe(0)
    await using running = await runPump({ redisPort: server.port, sinks: [createTestSink('a')] })
    await eventually(() =>
      expect(running.pump.status().waiting_for_sinks_not_configured).toEqual({ B: { leases: 2, records: 6 } }),
    )
  })

  it('shares a lease with a pump that has the sink: neither waits for the other', async () => {
    await leaveBacklog()
    const slow = createTestSink('c')
    slow.answer = away
    await using _ = await runPump({ redisPort: server.port, sinks: [slow] })
    await eventually(() => expect(slow.batches.length).toBeGreaterThan(0))
    const b = createTestSink('b')
    await using __ = await runPump({ redisPort: server.port, sinks: [b] })
    await eventually(() => expect(b.paths()).toEqual(paths(20)))
    expect(slow.paths()).toEqual([])
    slow.answer = allDelivered
    await eventually(() => expect(slow.paths()).toEqual(paths(20)))
    await eventually(async () => expect(await client.keys('*lease*')).toEqual([]))
  })

  it('takes over what a pump leaves that shared a lease with it', async () => {
    await leaveBacklog()
    const [mine, theirs] = [createTestSink('c'), createTestSink('b')]
    mine.answer = away
    theirs.answer = away
    const other = await runPump({ redisPort: server.port, sinks: [theirs] })
    await eventually(() => expect(theirs.batches.length).toBeGreaterThan(0))
    const b = createTestSink('b')
    await using running = await runPump({ redisPort: server.port, sinks: [mine, b] })
    await client.rpush(key, ...elements(1, 20))
    await eventually(() => expect([...b.paths(), ...theirs.batches.flat()]).toContain('/r20'))
    await other[Symbol.asyncDispose]()
    await eventually(() => expect(b.paths().toSorted()).toEqual(paths(21).toSorted()))
    expect(running.log()).not.toContain('lease lost')
  })
})

describe('leases on the command line', () => {
  async function runLeases(args: readonly string[]): Promise<{ code: number | string; output: string }> {
    const dir = await mkdtemp(join(tmpdir(), 'tek-leases-'))
    const conf = join(dir, 'pump.conf')
    const storage = { host: '127.0.0.1', port: server.port }
    await writeFile(conf, JSON.stringify({ analytics_storage_config: storage, pumps: { a: { type: 'dummy' } } }))
    await using program = startService('pump', ['leases', ...args, '--conf', conf], {
      cwd: dir,
      env: cleanEnvironment(),
    })
    const code = await program.exited()
    await rm(dir, { recursive: true })
    return { code, output: program.output() }
  }

  it('are listed by sink, and given up for one sink only with --yes', async () => {
    const [a, gone] = [createTestSink('a'), createTestSink('gone')]
    gone.answer = () => Promise.reject(new SinkUnavailableError('away'))
    await client.rpush(key, ...elements(20))
    {
      await using _ = await runPump({ redisPort: server.port, sinks: [a, gone] })
      await eventually(() => expect(a.paths()).toEqual(paths(20)))
      const { code, output } = await runLeases(['release', '--sink', 'gone', '--yes'])
      expect([code, output]).toEqual([
        1,
        expect.stringContaining('left alone, in the hands of a running pump: 20 records in 1 lease of sink GONE'),
      ])
    }
    expect((await runLeases(['list'])).output).toBe(
      [
        'SINK  CONFIGURED  HELD LEASES  RECORDS  WAITING LEASES  RECORDS',
        'A     yes         0            0        0               0',
        'GONE  no          0            0        1               20',
        '',
      ].join('\n'),
    )
    const asked = await runLeases(['release', '--sink', 'gone'])
    expect(asked).toEqual({
      code: 0,
      output: 'would give up 20 records in 1 lease of sink GONE; repeat with --yes to do it\n',
    })
    const released = await runLeases(['release', '--sink', 'gone', '--yes'])
    expect(released.output).toMatch(
      /level=error message="records of a released sink are dropped".*records=20 sink=GONE/,
    )
    expect(released.code).toBe(0)
    expect(await client.keys('*lease*')).toEqual([])
    expect((await runLeases(['list'])).output).toBe('no leases: nothing waits for any sink\n')
  })

  it('are counted while a long look at them lasts', async () => {
    await client.sadd(`{${key}}:leases`, ...Array.from({ length: 600 }, (_, i) => `id${i}`))
    for (let i = 0; i < 600; i++) {
      await client.rpush(`{${key}}:lease:id${i}`, 'x')
      await client.hset(`{${key}}:lease:id${i}:meta`, 'acked', 0, 'total', 1, 'offset:GONE', 0)
    }
    const seen: [string, number, number][] = []
    const inspector = new LeaseInspector(client, (...report) => void seen.push(report))
    expect(await inspector.list(sourceLists())).toMatchObject([
      { sink: 'GONE', waiting: { leases: 600, records: 600 } },
    ])
    const doing = seen.map(([what]) => what)
    expect(new Set(doing)).toEqual(new Set(['leases looked through', 'leases of GONE counted']))
    expect(seen.every(([, done, total]) => done > 0 && total === 600)).toBe(true)
    expect(seen.at(-1)?.[1]).toBeGreaterThanOrEqual(600)
  })

  it('cannot be looked at without Redis', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tek-leases-'))
    const env = cleanEnvironment({ TYK_PMP_ANALYTICSSTORAGECONFIG_PORT: `${await freePort()}` })
    await using program = startService('pump', ['leases', 'list'], { cwd: dir, env })
    expect(await program.exited()).toBe(1)
    await program.waitForLine(/Redis cannot be asked: connect ECONNREFUSED/)
    await rm(dir, { recursive: true })
  })
})

describe('the program', () => {
  it('ends within ten seconds of SIGTERM whatever purge_delay says, although Elasticsearch and Redis are away', async () => {
    await using pump = await startPump({
      redisPort: await freePort(),
      pumps: { es: { type: 'elasticsearch', meta: { elasticsearch_url: `http://127.0.0.1:${await freePort()}` } } },
      conf: { purge_delay: 60 },
    })
    pump.program.kill('SIGTERM')
    expect(await pump.program.exited()).toBe(0)
    await pump.program.waitForLine('Tyk-pump stopped.')
  })

  it('says how to choose another port when the health port is taken', async () => {
    await using first = await startPump({ redisPort: server.port, pumps: { dummy: { type: 'dummy' } } })
    const port = Number(new URL(first.healthUrl).port)
    await using second = await startPump({
      redisPort: server.port,
      pumps: { dummy: { type: 'dummy' } },
      conf: { health_check_endpoint_port: port },
      unchecked: true,
    })
    expect(await second.program.exited()).toBe(1)
    await second.program.waitForLine('TYK_PMP_HEALTHCHECKENDPOINTPORT')
  })

  it('lists every problem of its configuration, without secrets, and ends', async () => {
    await using pump = await startPump({
      redisPort: server.port,
      pumps: { dummy: { type: 'dummy', timeout: 'soon' } },
      conf: { analytics_storage_config: { port: '6379a', password: 12345 } },
      env: { TYK_PMP_PURGEDELAY: 'often' },
      unchecked: true,
    })
    expect(await pump.program.exited()).toBe(1)
    expect(pump.program.output()).toBe(
      [
        'failed to process config: 4 problems',
        '  purge_delay (TYK_PMP_PURGEDELAY): expected an integer, got "often"',
        '  analytics_storage_config.port (TYK_PMP_ANALYTICSSTORAGECONFIG_PORT): expected an integer, got "6379a"',
        '  analytics_storage_config.password (TYK_PMP_ANALYTICSSTORAGECONFIG_PASSWORD): expected a text, got a hidden value',
        '  pumps.DUMMY.timeout (TYK_PMP_PUMPS_DUMMY_TIMEOUT): expected an integer, got "soon"',
        '',
      ].join('\n'),
    )
  })
})
