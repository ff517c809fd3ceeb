import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type SourceList,
  analyticsKey,
  emptyRecord,
  encodeRecordProtobuf,
  ledgerKey,
  sourceLists,
} from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startProgram } from '../../../test/support/process.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { CommitBehindError, SinkUnavailableError } from '../src/errors.ts'
import { LedgerBook } from '../src/ledger/index.ts'
import { type Lease, LeaseStore } from '../src/lease/store.ts'
import { startLossyRedis } from './support/lossy-redis.ts'
import { runHere } from './support/run-command.ts'
import { elements, runPump } from './support/run-pump.ts'
import { createTestSink } from './support/test-sink.ts'

const source = sourceLists()[0] as SourceList
const { key } = source
/** Of the test's records. */
const MINUTE = Math.floor(1_790_000_000 / 60)
const RANGE = ['--from=2026-09-21T14:00Z', '--to=2026-09-21T15:00Z']
const SINKS = '{analytics-tyk-pump}:ledger:sinks'

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

const booked = (minute = MINUTE): Promise<Record<string, string>> => client.hgetall(ledgerKey(key, minute))
const leaseKeysLeft = (): Promise<string[]> => client.keys('*lease*')

/** Nothing waits any more, not even to be taken. */
async function untilAllSettled(): Promise<void> {
  await eventually(async () => {
    expect(await client.exists(key)).toBe(0)
    expect(await leaseKeysLeft()).toEqual([])
  }, 20_000)
}

describe('a commit with bookings', () => {
  const store = (): LeaseStore => new LeaseStore({ client, owner: 'me', sinks: ['A'], ownerTtlMs: 60_000 })
  async function take(from: LeaseStore, records: number): Promise<Lease> {
    await client.rpush(key, ...Array.from({ length: records }, (_, i) => `r${i}`))
    return (await from.take(source, 'one')) as Lease
  }
  const settle = (book: LedgerBook, records: number, minute = MINUTE): void => {
    for (let i = 0; i < records; i++) book.add('delivered', { error: null, seconds: minute * 60, apiId: 'api' }, 0)
  }

  it('books in the hash of the minute, which lives for seven days', async () => {
    const leases = store()
    const lease = await take(leases, 10)
    const book = new LedgerBook(0)
    settle(book, 3)
    settle(book, 1, MINUTE + 1)
    book.add('filtered', { error: null, seconds: MINUTE * 60, apiId: 'other' }, 0)
    await leases.commit(lease, 'A', 5, book.seal(5))
    expect(await booked()).toEqual({ 'delivered:A:api': '3', 'filtered:A:other': '1' })
    expect(await booked(MINUTE + 1)).toEqual({ 'delivered:A:api': '1' })
    expect(await client.ttl(ledgerKey(key, MINUTE))).toBeGreaterThan(7 * 86_400 - 10)
  })

  it('books once when it is repeated after a lost reply, and what a longer one adds', async () => {
    const leases = store()
    const lease = await take(leases, 10)
    const book = new LedgerBook(0)
    settle(book, 3)
    await leases.commit(lease, 'A', 3, book.seal(3))
    await leases.commit(lease, 'A', 3, book.seal(3))
    expect(await booked()).toEqual({ 'delivered:A:api': '3' })
    settle(book, 4)
    await leases.commit(lease, 'A', 7, book.seal(7))
    expect(await booked()).toEqual({ 'delivered:A:api': '7' })
    settle(book, 3)
    await leases.commit(lease, 'A', 10, book.seal(10))
    expect(await leases.commit(lease, 'A', 10, book.seal(10))).toBe(0)
    expect(await booked()).toEqual({ 'delivered:A:api': '10' })
  })

  it('books both stretches when the first call did not arrive', async () => {
    const leases = store()
    const lease = await take(leases, 10)
    const book = new LedgerBook(0)
    settle(book, 3)
    book.seal(3)
    settle(book, 4)
    await leases.commit(lease, 'A', 7, book.seal(7))
    expect(await booked()).toEqual({ 'delivered:A:api': '7' })
  })

  it('books again what a failover has lost, with the offset', async () => {
    const leases = store()
    const lease = await take(leases, 10)
    const book = new LedgerBook(0)
    for (let to = 1; to <= 6; to++) {
      settle(book, 1)
      await leases.commit(lease, 'A', to, book.seal(to))
      book.stored(to)
    }
    // The new master knows the first four commits.
    await client.hset(`{${key}}:lease:one:meta`, 'offset:A', 4)
    await client.hset(ledgerKey(key, MINUTE), 'delivered:A:api', 4)
    settle(book, 1)
    const behind = leases.commit(lease, 'A', 7, book.seal(7))
    await expect(behind).rejects.toThrow(CommitBehindError)
    expect(await booked()).toEqual({ 'delivered:A:api': '4' })
    book.rewind()
    await leases.commit(lease, 'A', 7, book.seal(7))
    expect(await booked()).toEqual({ 'delivered:A:api': '7' })
  })

  it('is not held up by a key of another kind', async () => {
    await client.set(ledgerKey(key, MINUTE), 'in the way')
    const leases = store()
    const lease = await take(leases, 3)
    const book = new LedgerBook(0)
    settle(book, 3)
    expect(await leases.commit(lease, 'A', 3, book.seal(3))).toBe(0)
  })

  it('books nothing for a hold that was lost', async () => {
    const leases = store()
    const lease = await take(leases, 3)
    await client.hset(`{${key}}:lease:one:meta`, 'owner:A', 'other#1')
    const book = new LedgerBook(0)
    settle(book, 3)
    await expect(leases.commit(lease, 'A', 3, book.seal(3))).rejects.toThrow('not in the hands')
    expect(await booked()).toEqual({})
  })
})

describe('a pump', () => {
  it('books delivered, filtered and dead records by API and sink, and elements that are none', async () => {
    const all = createTestSink('all')
    const some = createTestSink('some')
    all.answer = (batch) => batch.map(({ record }) => (record.path === '/r1' ? { rejected: 'no' } : 'delivered'))
    await client.rpush(key, ...elements(4, 0, { apiId: 'x' }), 'rubbish', ...elements(3, 4, { apiId: 'y:é' }))
    const minute = Math.floor(Date.now() / 60_000)
    await using _ = await runPump({
      redisPort: server.port,
      sinks: [all, some],
      entries: { some: { filters: { api_ids: ['x'] } } },
    })
    await untilAllSettled()
    expect(await booked()).toEqual({
      'delivered:ALL:x': '3',
      'dead:ALL:x': '1',
      'delivered:ALL:y:é': '3',
      'delivered:SOME:x': '4',
      'filtered:SOME:y:é': '3',
    })
    const arrived = [await booked(minute), await booked(minute + 1)].find((hash) => Object.keys(hash).length > 0)
    expect(arrived).toEqual({ 'dead:ALL:-': '1', 'dead:SOME:-': '1' })
  })

  it('books records in protobuf in the hash of their own list', async () => {
    const list = analyticsKey('protobuf')
    const timestamp = { seconds: MINUTE * 60 + 59, nanos: 999_999_999 }
    await client.rpush(list, Buffer.from(encodeRecordProtobuf({ ...emptyRecord(), apiId: 'p', timestamp })))
    await using _ = await runPump({ redisPort: server.port, sinks: [createTestSink('a')] })
    await eventually(async () =>
      expect(await client.hgetall(ledgerKey(list, MINUTE))).toEqual({ 'delivered:A:p': '1' }),
    )
    expect(await booked()).toEqual({})
  })

  it('books nothing when the ledger is off', async () => {
    const sink = createTestSink('a')
    await client.rpush(key, ...elements(3))
    await using _ = await runPump({ redisPort: server.port, sinks: [sink], conf: { ledger: false } })
    await untilAllSettled()
    expect(await client.keys('*ledger*')).toEqual([])
  })

  it('books every record once although replies to commits are lost', async () => {
    await using lossy = await startLossyRedis(server.port)
    const sink = createTestSink('a', { maxRecords: 20, inFlight: 2 })
    await using running = await runPump({ redisPort: lossy.port, sinks: [sink] })
    await eventually(async () => expect(await client.exists(SINKS)).toBe(1))
    lossy.loseReplies(`${key}}:ledger:`, 8)
    for (let part = 0; part < 20; part++) {
      await client.rpush(key, ...elements(100, part * 100, { apiId: `api-${part % 3}` }))
      await eventually(() => expect(running.pump.status().sinks['A']?.taken).toBeGreaterThanOrEqual(part * 100))
    }
    await untilAllSettled()
    expect(lossy.cuts()).toBeGreaterThan(3)
    expect(await booked()).toEqual({
      'delivered:A:api-0': '700',
      'delivered:A:api-1': '700',
      'delivered:A:api-2': '600',
    })
  })

  it('books every record once although it is killed again and again', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tek-ledger-'))
    const file = join(dir, 'sent')
    await client.rpush(key, ...elements(2_000, 0, { apiId: 'k' }))
    const sent = async (): Promise<number> => (await readFile(file, 'utf8').catch(() => '')).split('\n').length
    const script = fileURLToPath(new URL('./support/crashing-pump.ts', import.meta.url))
    for (let kill = 0; kill < 3; kill++) {
      await using program = startProgram(process.execPath, ['--conditions=source', script, `${server.port}`, file])
      const before = await sent()
      await eventually(async () => expect(await sent()).toBeGreaterThan(before + 200), 20_000)
      program.kill('SIGKILL')
      await program.exited()
      // What waits and what is booked are all there is, at every moment.
      const leases = (await client.keys('*:lease:*')).filter((one) => !one.endsWith(':meta'))
      const [left = 0] = await Promise.all(leases.map((one) => client.llen(one)))
      expect(Number((await booked())['delivered:A:k'])).toBe(2_000 - left)
    }
    const sink = createTestSink('a')
    await using _ = await runPump({ redisPort: server.port, sinks: [sink] })
    await untilAllSettled()
    expect(await booked()).toEqual({ 'delivered:A:k': '2000' })
    await rm(dir, { recursive: true, force: true })
  }, 90_000)
})

describe('pump ledger', () => {
  const conf = (): object => ({
    analytics_storage_config: { host: '127.0.0.1', port: server.port },
    pumps: { es: { type: 'dummy' } },
  })
  const count = (fields: Readonly<Record<string, number>>, list = key): Promise<number> =>
    client.hset(ledgerKey(list, MINUTE), fields)
  const summary = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { output } = await runHere(['ledger', ...RANGE, '--json', ...args], conf())
    const lines = output.trim().split('\n')
    return JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>
  }

  it('says that all is complete', async () => {
    await count({ 'in:a': 90, 'delivered:ES:a': 80, 'filtered:ES:a': 7, 'dead:ES:a': 2, 'dropped:ES:a': 1 })
    await count({ 'in:b': 10, 'delivered:ES:b': 10 }, analyticsKey('protobuf', 3))
    const { code, output } = await runHere(['ledger', ...RANGE], conf())
    expect(output).toBe(
      'records from 2026-09-21T14:00Z to 2026-09-21T15:00Z, by their own time\n' +
        'SINK  API    IN   DELIVERED  FILTERED  DEAD  DROPPED  PENDING  COMPLETE\n' +
        'ES    a      90   80         7         2     1        0        100.00 %\n' +
        'ES    b      10   10         0         0     0        0        100.00 %\n' +
        'ES    total  100  90         7         2     1        0        100.00 %\n' +
        'ES: complete; none waits in Redis\n',
    )
    expect(code).toBe(0)
  })

  it('says what is pending and that it really waits', async () => {
    await count({ 'in:a': 10, 'delivered:ES:a': 7 })
    await client.rpush(key, ...elements(3))
    const { code, output } = await runHere(['ledger', ...RANGE], conf())
    expect(output).toContain('ES: 3 records pending; 3 records wait in Redis (3 in source lists, 0 in leases)\n')
    expect(output).toContain('70.00 %')
    expect(code).toBe(0)
  })

  it('counts what waits in leases, for each sink from its own offset', async () => {
    await count({ 'in:a': 10, 'delivered:ES:a': 7 })
    await client.rpush(key, ...elements(10))
    const leases = new LeaseStore({ client, owner: 'me', sinks: ['ES'], ownerTtlMs: 60_000 })
    const lease = (await leases.take(source, 'one')) as Lease
    await leases.commit(lease, 'ES', 7)
    expect(await summary()).toMatchObject({ pending: 3, waiting_in_leases: 3, waiting_in_lists: 0, missing: 0 })
  })

  it('names a hole, and ends with 2', async () => {
    await count({ 'in:a': 10, 'delivered:ES:a': 6 })
    const { code, output } = await runHere(['ledger', ...RANGE], conf())
    expect(output).toContain('ES: 4 records MISSING: written by gateways, booked nowhere, and not waiting; none waits')
    expect(code).toBe(2)
    await client.rpush(key, ...elements(1))
    expect(await summary()).toMatchObject({ pending: 4, missing: 3, completeness: 60 })
  })

  it('says plainly that gateways do not count', async () => {
    await count({ 'delivered:ES:go': 6 })
    const { code, output } = await runHere(['ledger', ...RANGE], conf())
    expect(output).toContain('ES    go   -   6          0         0     0        -        -\n')
    expect(output).toContain('ES: 6 records booked that no gateway counted')
    expect(output).not.toContain('complete;')
    expect(code).toBe(0)
  })

  it('shows one API, one sink, or lines by time', async () => {
    await count({ 'in:a': 1, 'in:b': 2, 'delivered:ES:a': 1, 'delivered:ES:b': 2, 'delivered:OLD:b': 2 })
    expect(await summary('--api=b', '--sink=es')).toMatchObject({ sink: 'ES', in: 2, missing: 0 })
    expect(await summary('--sink=OLD')).toMatchObject({ configured: false, delivered: 2, completeness: null })
    const { output } = await runHere(['ledger', ...RANGE, '--by=minute', '--sink=ES'], conf())
    expect(output).toContain('ES    2026-09-21T14:13Z  3   3')
    const hours = await runHere(['ledger', ...RANGE, '--by=hour', '--sink=ES'], conf())
    expect(hours.output).toContain('ES    2026-09-21T14:00Z  3   3')
  })

  it.each([
    [['--from=yesterday'], '--from: expected a time such as'],
    [['--by=day'], '--by: expected one of minute, hour, api, total'],
    [['--from=1h', '--to=2h'], '--from must be before --to'],
    [['--from=30d'], 'at most 7 days at a time'],
    [['--sink=NONE'], 'no such sink'],
  ])('refuses %j', async (args, message) => {
    const { code, output } = await runHere(['ledger', ...args], conf())
    expect(output).toContain(message)
    expect(code).toBe(1)
  })

  it('looks at the last hour when nothing else is asked for', async () => {
    const minute = Math.floor(Date.now() / 60_000)
    await client.hset(ledgerKey(key, minute - 5), { 'in:a': 2, 'delivered:ES:a': 2 })
    await client.hset(ledgerKey(key, minute - 70), { 'in:a': 9 })
    const { code, output } = await runHere(['ledger'], conf())
    expect(output).toContain('ES    a    2   2')
    expect(code).toBe(0)
  })

  it('expects nothing of a new sink from before it was there', async () => {
    await count({ 'in:a': 5, 'delivered:OLD:a': 5 })
    await client.hset(SINKS, { OLD: MINUTE - 100, ES: MINUTE + 5 })
    expect(await summary('--sink=ES')).toMatchObject({ in: 0, pending: 0, missing: 0 })
    await client.hset(SINKS, { OLD: MINUTE + 5 })
    expect(await summary('--sink=ES')).toMatchObject({ in: 5, missing: 5 })
  })

  it('sees no hole while records flow', async () => {
    const sink = createTestSink('dummy', { maxRecords: 50 })
    await using _ = await runPump({ redisPort: server.port, sinks: [sink], conf: { pumps: { es: { type: 'dummy' } } } })
    const stopped = new AbortController()
    const flow = (async () => {
      for (let part = 0; !stopped.signal.aborted; part++) {
        const raws = elements(50, part * 50, { apiId: 'f' })
        await client
          .multi()
          .hincrby(ledgerKey(key, MINUTE), 'in:f', raws.length)
          .rpush(key, ...raws)
          .exec()
      }
    })()
    for (let look = 0; look < 15; look++) expect(await summary()).toMatchObject({ missing: 0, uncounted: 0 })
    stopped.abort()
    await flow
    await untilAllSettled()
    await eventually(async () => expect(await summary()).toMatchObject({ pending: 0, missing: 0 }))
  }, 60_000)
})

describe('what a person does', () => {
  const conf = (): object => ({
    analytics_storage_config: { host: '127.0.0.1', port: server.port },
    pumps: { a: { type: 'dummy' } },
  })
  const rejecting = () => {
    const sink = createTestSink('a')
    sink.answer = (batch) => batch.map(() => ({ rejected: 'no' }))
    return sink
  }

  it('takes replayed letters out of the dead ones, and books what becomes of them', async () => {
    await client.rpush(key, ...elements(3, 0, { apiId: 'x' }))
    {
      await using _ = await runPump({ redisPort: server.port, sinks: [rejecting()] })
      await untilAllSettled()
    }
    expect(await booked()).toEqual({ 'dead:A:x': '3' })
    const replay = ['dead-letters', 'replay', '--all', '--yes']
    expect((await runHere(replay, conf())).code).toBe(0)
    expect(await booked()).toEqual({ 'dead:A:x': '0' })
    expect((await runHere(replay, conf())).code).toBe(0)
    expect(await booked()).toEqual({ 'dead:A:x': '0' })
    await using _ = await runPump({ redisPort: server.port, sinks: [createTestSink('a')] })
    await untilAllSettled()
    expect(await booked()).toEqual({ 'dead:A:x': '0', 'delivered:A:x': '3' })
  })

  it('books what it gives up for a sink that is gone', async () => {
    await client.rpush(key, ...elements(700, 0, { apiId: 'x' }), ...elements(5, 700, { apiId: 'y' }))
    const leases = new LeaseStore({ client, owner: 'dead', sinks: ['A', 'OLD'], ownerTtlMs: 1 })
    const lease = (await leases.take(source, 'one')) as Lease
    await leases.commit(lease, 'OLD', 100)
    await leases.commit(lease, 'A', 50)
    const { code, output } = await runHere(['leases', 'release', '--sink=OLD', '--yes'], conf())
    expect(output).toContain('gave up 605 records in 1 lease of sink OLD\n')
    expect(code).toBe(0)
    expect(await booked()).toEqual({ 'dropped:OLD:x': '600', 'dropped:OLD:y': '5' })
    // The other sink still has its own.
    expect(await client.llen(`{${key}}:lease:one`)).toBe(655)
  })

  it('books what a cap drops', async () => {
    const sink = createTestSink('a')
    sink.answer = () => Promise.reject(new SinkUnavailableError('away'))
    await client.rpush(key, ...elements(100, 0, { apiId: 'x' }))
    await using running = await runPump({
      redisPort: server.port,
      sinks: [sink],
      conf: { lease_cap: { policy: 'drop-oldest', max_records: 300 } },
    })
    for (let part = 1; part < 6; part++) {
      await client.rpush(key, ...elements(100, part * 100, { apiId: 'x' }))
      await eventually(async () => expect(await client.exists(key)).toBe(0))
    }
    await eventually(() => expect(running.pump.status().sinks['A']?.dropped).toBeGreaterThan(100))
    await eventually(async () => {
      const { taken = 0, dropped, pending } = running.pump.status().sinks['A'] ?? {}
      expect(taken).toBe(600)
      expect([dropped, Number((await booked())['dropped:A:x'])]).toEqual([taken - (pending ?? 0), dropped])
    })
  })
})
