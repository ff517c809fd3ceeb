import { analyticsKey, emptyRecord, encodeRecord } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type RedisServer, freePort, startRedis } from '../../../test/support/redis.ts'
import { type DeadLetter, createRedisStore } from '../src/dead-letters/index.ts'
import { deadLetterKeys } from '../src/lease/index.ts'
import type { Verdict } from '../src/sinks/types.ts'
import { type CommandResult, commandRunner, runHere } from './support/run-command.ts'
import { elements, paths, runPump } from './support/run-pump.ts'
import { allDelivered, createTestSink } from './support/test-sink.ts'

const never = new AbortController().signal
const key = analyticsKey('msgpack')
const source = { key, serialisation: 'msgpack' as const }
const keys = deadLetterKeys('analytics-')

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
beforeEach(() => client.flushall())

/** Sinks A and B, as the pumps of these tests have. */
const conf = () => ({
  analytics_storage_config: { host: '127.0.0.1', port: server.port },
  pumps: { a: { type: 'dummy' }, b: { type: 'dummy' } },
})

/** What the program does, in this process: starting it a hundred times would take minutes. */
const run = (...args: string[]): Promise<CommandResult> => runHere(['dead-letters', ...args], conf())

async function keep(letters: readonly Partial<DeadLetter>[]): Promise<void> {
  const store = createRedisStore({ client, keys, maxEntries: 100_000, maxBytes: 1e9 })
  const [raw = Buffer.alloc(0)] = elements(1)
  const common = { raw, source, sink: 'A', reason: 'mapping conflict', errorType: 'x_exception', index: null }
  await store.push(
    letters.map((changes) => ({ ...common, ...changes })),
    never,
  )
}

const idsIn = (output: string): string[] => output.match(/^[0-9a-f]{12}(?= )/gm) ?? []
const letterCount = (): Promise<number> => client.llen(keys.list)

/** Rejects everything, as long as it is told to. */
function moodySink(type: string) {
  const sink = createTestSink(type)
  const state = { sink, rejecting: true }
  sink.answer = (batch): Verdict[] =>
    batch.map(() => (state.rejecting ? { rejected: 'mapping conflict', errorType: 'x_exception' } : 'delivered'))
  return state
}

describe('dead-letters list', () => {
  it('says that there are none', async () => {
    expect(await run('list')).toEqual({ code: 0, output: 'no dead letters\n' })
  })

  it('shows the newest first, with the reason on one line, and says what can be done', async () => {
    await keep([{ reason: 'one\n"two"' }])
    await keep([{ sink: null, errorType: 'undecodable', raw: Buffer.from('rubbish') }])
    const { code, output } = await run('list')
    expect(code).toBe(0)
    const [heading, first, second, summary, advice] = output.split('\n')
    expect(heading).toMatch(/^ID +TIME +SINK +TYPE +BYTES +REASON$/)
    expect(first).toMatch(/^[0-9a-f]{12} +\S+Z +- +undecodable +7 +mapping conflict$/)
    expect(second).toMatch(/^[0-9a-f]{12} +\S+Z +A +x_exception +\d+ +one "two"$/)
    expect(summary).toBe(`2 dead letters in the Redis list ${keys.list}`)
    expect(advice).toMatch(/show ID .* replay .* drop/)
  })

  it.each([
    [['--sink=b'], ['2']],
    [['--sink=-'], ['3']],
    [['--reason=CONFLICT'], ['1', '2']],
    [['--reason', 'y_exc'], ['3']],
    [['--older-than=1h'], []],
    [['--newer-than=1h', '--sink=a'], ['1']],
    [['--all'], ['1', '2', '3']],
  ])('with %j shows those that fit', async (flags, expected) => {
    await keep([
      { index: '1' },
      { index: '2', sink: 'B' },
      { index: '3', sink: null, reason: 'other', errorType: 'y_exception' },
    ])
    const { output } = await run('list', '--json', ...flags)
    const shown = output.split('\n').filter((line) => line !== '')
    expect(shown.map((line) => (JSON.parse(line) as { index: string }).index).toSorted()).toEqual(expected)
  })

  it('shows as many as it is told to, and says how many there are', async () => {
    await keep(elements(60).map((raw) => ({ raw })))
    expect(idsIn((await run('list')).output)).toHaveLength(50)
    const { output } = await run('list', '--limit=2')
    expect(idsIn(output)).toHaveLength(2)
    expect(output).toContain('60 dead letters in the Redis list')
    expect(output).toContain('2 shown: --limit=0 shows all')
    expect(idsIn((await run('list', '--limit=0')).output)).toHaveLength(60)
  })

  it('says how many were dropped for want of room', async () => {
    await client.hset(keys.counts, 'evicted', 7)
    await keep([{}])
    expect((await run('list')).output).toContain('7 older ones were dropped')
  })

  it('ends with 1 without Redis', async () => {
    await using runner = await commandRunner({
      ...conf(),
      analytics_storage_config: { host: '127.0.0.1', port: await freePort() },
    })
    const { code, output } = await runner.run('dead-letters', 'list')
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(/the Redis list \S+ cannot be asked: connect ECONNREFUSED/),
    ])
  })
})

describe('dead-letters show', () => {
  const detailed = Buffer.from(
    encodeRecord({
      ...emptyRecord(),
      path: '/secret',
      rawRequest: 'R0VUIC8=',
      tags: ['t'],
      timestamp: { seconds: 1e9, nanos: 0 },
    }),
  )

  it('shows the record, and bodies and bytes only when asked', async () => {
    await keep([{ raw: detailed }])
    const [id = ''] = idsIn((await run('list')).output)
    const { output, code } = await run('show', id)
    expect(code).toBe(0)
    expect(JSON.parse(output)).toMatchObject({
      id,
      sink: 'A',
      reason: 'mapping conflict',
      record_time: '2001-09-09T01:46:40.000Z',
      record: { path: '/secret', tags: ['t'], raw_request: '8 characters, --raw shows them' },
    })
    expect(output).not.toContain('R0VUIC8=')
    const whole = JSON.parse((await run('show', id, '--raw')).output) as { raw: string; record: object }
    expect(Buffer.from(whole.raw, 'base64')).toEqual(detailed)
    expect(whole.record).toMatchObject({ raw_request: 'R0VUIC8=' })
  })

  it('shows what is no record, and says when there is no such letter', async () => {
    await keep([{ raw: Buffer.from('rubbish'), sink: null }])
    expect(JSON.parse((await run('show', '--sink=-', '--raw')).output)).toMatchObject({
      record: null,
      raw: 'cnViYmlzaA==',
    })
    expect(await run('show', 'ffffffffffff')).toEqual({
      code: 1,
      output: expect.stringContaining('there is no such dead letter: dead-letters list shows all') as string,
    })
  })
})

describe('dead-letters drop', () => {
  it('says what it would do, and does it with --yes', async () => {
    await keep([{}, { sink: 'B' }, { sink: 'B', raw: Buffer.from('x') }])
    expect(await run('drop', '--sink=b')).toEqual({
      code: 0,
      output: 'would give up 2 dead letters; repeat with --yes to do it\n',
    })
    expect(await letterCount()).toBe(3)
    const { code, output } = await run('drop', '--sink=b', '--yes')
    expect([code, output]).toEqual([0, expect.stringContaining('gave up 2 dead letters\n')])
    expect(output).toMatch(/level=error message="dead letters are dropped".*deadLetters=2/)
    expect(await letterCount()).toBe(1)
    expect((await run('drop', '--sink=b', '--yes')).output).toBe('no such dead letter: dead-letters list shows all\n')
  })

  it('wants to know which', async () => {
    expect(await run('drop', '--yes')).toEqual({
      code: 1,
      output: expect.stringContaining('dead-letters drop needs to know which: an ID, or one of --sink') as string,
    })
  })
})

describe('dead-letters replay', () => {
  /** Ends with 20 records that A has and B has refused. */
  async function refuse(records = elements(20)): Promise<void> {
    const [a, b] = [createTestSink('a'), moodySink('b')]
    await client.rpush(key, ...records)
    await using running = await runPump({ redisPort: server.port, sinks: [a, b.sink] })
    await eventually(() => expect(running.pump.status().sinks['B']).toMatchObject({ dead_lettered: 20, pending: 0 }))
    await eventually(() => expect(a.paths()).toHaveLength(20))
    await eventually(async () => expect(await client.keys('*lease*')).toEqual([]))
  }

  it('says what it would do, then gives each record to the sink that refused it and to no other', async () => {
    await refuse()
    expect(await run('replay', '--all')).toEqual({
      code: 0,
      output: 'would send 20 dead letters to B again; repeat with --yes to do it\n',
    })
    const { code, output } = await run('replay', '--sink=b', '--yes')
    expect([code, output]).toEqual([0, expect.stringContaining('put 20 dead letters back for B: a running pump')])
    expect(await letterCount()).toBe(0)
    const [a, b] = [createTestSink('a'), createTestSink('b')]
    await using running = await runPump({ redisPort: server.port, sinks: [a, b] })
    await eventually(() => expect(b.paths().toSorted()).toEqual(paths(20).toSorted()))
    await eventually(async () => expect(await client.keys('*lease*')).toEqual([]))
    expect(a.paths()).toEqual([])
    expect(running.pump.status().sinks['A']).toMatchObject({ taken: 0 })
  })

  it('gives a record to no other sink either when the pump that has it stops or is replaced', async () => {
    await refuse()
    await run('replay', '--all', '--yes')
    const away = createTestSink('b')
    away.answer = () => new Promise(() => undefined)
    {
      const timings = { returnWithinMs: 3_600_000, stopMs: 500 }
      await using _ = await runPump({ redisPort: server.port, sinks: [createTestSink('a'), away], timings })
      await eventually(() => expect(away.batches.length).toBeGreaterThan(0))
    }
    expect(await client.exists(key)).toBe(0)
    const [a, c] = [createTestSink('a'), createTestSink('c')]
    {
      await using running = await runPump({ redisPort: server.port, sinks: [a, c] })
      const waiting = { B: { leases: 1, records: 20 } }
      await eventually(() => expect(running.pump.status()).toMatchObject({ waiting_for_sinks_not_configured: waiting }))
    }
    const b = createTestSink('b')
    await using _ = await runPump({ redisPort: server.port, sinks: [a, b, c] })
    await eventually(() => expect(b.paths().toSorted()).toEqual(paths(20).toSorted()))
    expect([a.paths(), c.paths()]).toEqual([[], []])
  })

  it('makes a dead letter again of what is refused again', async () => {
    await refuse()
    await run('replay', '--all', '--yes')
    const [a, b] = [createTestSink('a'), moodySink('b')]
    await using running = await runPump({ redisPort: server.port, sinks: [a, b.sink] })
    await eventually(async () => expect(await letterCount()).toBe(20))
    b.rejecting = false
    // Until the pump has committed that they were refused, they count as on their way.
    await eventually(async () => expect((await run('replay', '--all', '--yes')).code).toBe(0))
    await eventually(() => expect(b.sink.paths().toSorted()).toEqual(paths(20).toSorted()))
    expect(running.pump.status().sinks['B']).toMatchObject({ taken: 40, delivered: 20, dead_lettered: 20, pending: 0 })
  })

  it('gives what was no record to every sink: a newer version may read it', async () => {
    await keep([{ sink: null, raw: elements(1)[0] ?? Buffer.alloc(0) }])
    await run('replay', '--sink=-', '--yes')
    const [a, b] = [createTestSink('a'), createTestSink('b')]
    await using _ = await runPump({ redisPort: server.port, sinks: [a, b] })
    await eventually(() => expect([a.paths(), b.paths()]).toEqual([['/r0'], ['/r0']]))
  })

  it('leaves alone what no sink or no list of this configuration is for, and says so', async () => {
    const other = { key: 'other-tyk-system-analytics', serialisation: 'msgpack' as const }
    await keep([{ sink: 'OLD' }, { source: other, raw: Buffer.from('x') }, {}])
    expect(await run('replay', '--all', '--yes')).toEqual({
      code: 1,
      output: [
        'put 1 dead letter back for A: a running pump delivers them within seconds, leases list shows what waits',
        'left alone 1 dead letter: other-tyk-system-analytics is no list of this configuration (key_prefix)',
        'left alone 1 dead letter: sink OLD is not configured: configure it again, or drop them',
        '',
      ].join('\n'),
    })
    expect(await letterCount()).toBe(2)
  })

  it('loses nothing and sends nothing else when it is killed at any moment', async () => {
    const count = 5_000
    await keep(elements(count).map((raw) => ({ raw, sink: 'B' })))
    await using runner = await commandRunner(conf())
    const [a, b] = [createTestSink('a'), createTestSink('b', { maxRecords: 1000 })]
    let kills = 0
    for (let left = count; left > 0; left = await letterCount()) {
      await using program = runner.start('dead-letters', 'replay', '--all', '--yes')
      // Each time a little further: at another of its steps.
      const goal = left - Math.min(left, 1 + kills * 400)
      await eventually(async () => expect(await letterCount()).toBeLessThanOrEqual(goal), 20_000, 1)
      program.kill('SIGKILL')
      if ((await program.exited()) === 'SIGKILL') kills += 1
    }
    expect(kills).toBeGreaterThan(2)
    await using _ = await runPump({ redisPort: server.port, sinks: [a, b] })
    await eventually(async () => expect(await client.keys('*lease*')).toEqual([]), 20_000)
    // The id is made of the bytes: where ids are known, twice is once.
    expect([...new Set(b.delivered.map(({ id }) => id))]).toHaveLength(count)
    expect(b.delivered.length - count).toBeLessThanOrEqual(kills * 100)
    expect(a.paths()).toEqual([])
  })

  it('takes letters out of a file, too', async () => {
    const settings = { ...conf(), dead_letters: { destination: 'file', file: 'letters.ndjson' } }
    await using runner = await commandRunner(settings)
    const b = moodySink('b')
    await client.rpush(key, ...elements(3))
    const deadLetters = { destination: 'file', file: `${runner.dir}/letters.ndjson` }
    await using _ = await runPump({ redisPort: server.port, sinks: [b.sink], conf: { dead_letters: deadLetters } })
    await eventually(async () => expect(idsIn((await runner.run('dead-letters', 'list')).output)).toHaveLength(3))
    b.sink.answer = allDelivered
    expect((await runner.run('dead-letters', 'replay', '--all', '--yes')).output).toContain('put 3 dead letters back')
    await eventually(() => expect(b.sink.paths().toSorted()).toEqual(paths(3)))
    expect((await runner.run('dead-letters', 'list')).output).toBe('no dead letters\n')
  })
})
