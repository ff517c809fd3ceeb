import { analyticsKey, emptyRecord, encodeRecord } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { SinkBatchTooLargeError, SinkRefusedError, SinkUnavailableError } from '../src/errors.ts'
import type { Verdict } from '../src/sinks/types.ts'
import { elements, paths, runPump } from './support/run-pump.ts'
import { allDelivered, createTestSink } from './support/test-sink.ts'

const key = analyticsKey('msgpack')
const DEAD = '{analytics-tyk-pump}:dead-letters'

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

const deadLetters = async (): Promise<Record<string, string>[]> =>
  (await client.lrange(DEAD, 0, -1)).map((text) => JSON.parse(text) as Record<string, string>)

const leaseKeysLeft = (): Promise<string[]> => client.keys('*lease*')

describe('delivery', () => {
  it('brings every record of every list to every sink, in order, and leaves nothing in Redis', async () => {
    const a = createTestSink('a')
    const b = createTestSink('b')
    await client.rpush(key, ...elements(250))
    await client.rpush(analyticsKey('msgpack', 7), ...elements(3, 1000))
    await using _ = await runPump({ redisPort: server.port, sinks: [a, b] })
    await eventually(async () => {
      for (const sink of [a, b]) {
        expect(sink.paths().filter((path) => path.length < 6 && !path.startsWith('/r1000'))).toEqual(
          expect.arrayContaining(paths(250)),
        )
        expect(sink.paths().length).toBe(253)
      }
      expect(await leaseKeysLeft()).toEqual([])
    })
    expect(a.batches.every((batch) => batch.length <= 100)).toBe(true)
  })

  it('keeps the order of a list', async () => {
    const sink = createTestSink('a', { maxRecords: 7 })
    await client.rpush(key, ...elements(100))
    await using _ = await runPump({ redisPort: server.port, sinks: [sink], conf: { purge_chunk: 10 } })
    await eventually(() => expect(sink.paths()).toEqual(paths(100)))
  })

  it('sends records again that the target wants later, and only those', async () => {
    const sink = createTestSink('a')
    let first = true
    sink.answer = (batch) => {
      const verdict = (index: number): Verdict => (first && index === 1 ? 'retry' : 'delivered')
      const verdicts = batch.map((_, index) => verdict(index))
      first = false
      return verdicts
    }
    await client.rpush(key, ...elements(3))
    await using _ = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(() => expect(sink.batches).toEqual([['/r0', '/r1', '/r2'], ['/r1']]))
    await eventually(async () => expect(await leaseKeysLeft()).toEqual([]))
  })

  it('tells a sink which batches may have arrived before, from this pump or from the one before it', async () => {
    const sink = createTestSink('a')
    sink.answer = () => Promise.reject(new SinkUnavailableError('no answer'))
    await client.rpush(key, ...elements(3))
    {
      await using _ = await runPump({ redisPort: server.port, sinks: [sink] })
      await eventually(() => expect(sink.batches.length).toBeGreaterThan(1))
      expect(sink.again.slice(0, 2)).toEqual([false, true])
    }
    const next = createTestSink('a')
    await using _ = await runPump({ redisPort: server.port, sinks: [next] })
    await eventually(() => expect(next.paths()).toEqual(paths(3)))
    await client.rpush(key, ...elements(1, 3))
    await eventually(() => expect(next.again).toEqual([true, false]))
  })

  it('turns a rejected record into a dead letter with its bytes, and delivers its neighbours', async () => {
    const sink = createTestSink('a')
    sink.answer = (batch) =>
      batch.map(({ record }) => (record.path === '/r1' ? { rejected: 'mapping conflict' } : 'delivered'))
    const raws = elements(3)
    await client.rpush(key, ...raws)
    await using running = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(async () => {
      expect(sink.paths()).toEqual(['/r0', '/r2'])
      const expected = { source: key, sink: 'A', reason: 'mapping conflict', raw: raws[1]?.toString('base64') }
      expect(await deadLetters()).toEqual([expect.objectContaining(expected)])
      expect(await leaseKeysLeft()).toEqual([])
    })
    expect(running.pump.status().sinks['A']).toMatchObject({ taken: 3, delivered: 2, dead_lettered: 1, pending: 0 })
  })

  it('dead-letters an element that is no record once for all sinks, and goes on', async () => {
    const a = createTestSink('a')
    const b = createTestSink('b')
    const [first, second] = elements(2)
    await client.rpush(key, first as Buffer, 'rubbish', second as Buffer)
    await using running = await runPump({ redisPort: server.port, sinks: [a, b] })
    await eventually(async () => {
      expect(a.paths()).toEqual(['/r0', '/r1'])
      expect(b.paths()).toEqual(['/r0', '/r1'])
      const letters = await deadLetters()
      expect(letters).toEqual([expect.objectContaining({ source: key, sink: null })])
      expect(Buffer.from(letters[0]?.['raw'] ?? '', 'base64').toString()).toBe('rubbish')
    })
    await eventually(() =>
      expect(running.log()).toMatch(/level=error message="Couldn't unmarshal analytics data:.*analytic_key=/),
    )
  })

  it('tries a target that is away again until it is back, and says so', async () => {
    const sink = createTestSink('a')
    sink.answer = () => Promise.reject(new SinkUnavailableError('connection refused'))
    await client.rpush(key, ...elements(5))
    await using running = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(() => expect(sink.batches.length).toBeGreaterThan(3))
    expect(running.pump.status()).toMatchObject({ ready: false, sinks: { A: { status: 'failing', pending: 5 } } })
    expect(running.pump.status().sinks['A']?.last_error).toBe('connection refused')
    sink.answer = allDelivered
    await eventually(() => expect(sink.paths()).toEqual(paths(5)))
    expect(running.log().match(/Error Writing to: a pump - Error:connection refused/g)).toHaveLength(1)
    await eventually(() => expect(running.pump.status()).toMatchObject({ ready: true, sinks: { A: { pending: 0 } } }))
  })

  it('waits as long as the target asks', async () => {
    const sink = createTestSink('a')
    sink.answer = () => Promise.reject(new SinkUnavailableError('busy', { retryAfterMs: 3_600_000 }))
    await client.rpush(key, ...elements(1))
    await using _ = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(() => expect(sink.batches.length).toBe(1))
    await client.rpush(key, ...elements(1, 1))
    await eventually(async () => expect(await client.exists(key)).toBe(0))
    expect(sink.batches.length).toBe(1)
  })

  it('holds everything while the target refuses, without dropping or dead-lettering', async () => {
    const sink = createTestSink('a')
    sink.answer = () => Promise.reject(new SinkRefusedError('401 Unauthorized'))
    await client.rpush(key, ...elements(5))
    await using running = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(() => expect(sink.batches.length).toBeGreaterThan(2))
    expect(running.pump.status().sinks['A']).toMatchObject({ status: 'held', pending: 5, dead_lettered: 0 })
    sink.answer = allDelivered
    await eventually(() => expect(sink.paths()).toEqual(paths(5)))
  })

  it('halves a batch that is too large, and dead-letters a record that is too large alone', async () => {
    const sink = createTestSink('a')
    sink.answer = (batch) => {
      if (batch.length > 2 || batch.some(({ record }) => record.path === '/r3')) {
        throw new SinkBatchTooLargeError('413')
      }
      return allDelivered(batch, new AbortController().signal)
    }
    await client.rpush(key, ...elements(8))
    await using _ = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(async () => {
      expect(sink.paths()).toEqual(paths(8).filter((path) => path !== '/r3'))
      expect(await deadLetters()).toEqual([expect.objectContaining({ sink: 'A', reason: '413' })])
    })
  })

  it('does not let a sink that hangs delay another one, or the taking', async () => {
    const slow = createTestSink('slow')
    const quick = createTestSink('quick')
    slow.answer = () => new Promise(() => undefined)
    await client.rpush(key, ...elements(50))
    await using running = await runPump({ redisPort: server.port, sinks: [slow, quick] })
    await eventually(() => expect(quick.paths()).toEqual(paths(50)))
    await client.rpush(key, ...elements(50, 50))
    await eventually(() => expect(quick.paths()).toEqual(paths(100)))
    expect(await client.exists(key)).toBe(0)
    expect(running.pump.status().sinks).toMatchObject({ SLOW: { pending: 100 }, QUICK: { pending: 0 } })
  })

  it('ends an attempt at the timeout and tries again: it never drops', async () => {
    const sink = createTestSink('a')
    let hung = 0
    sink.answer = (batch, signal) => {
      if (hung > 0) return allDelivered(batch, signal)
      hung += 1
      return new Promise(() => undefined)
    }
    await client.rpush(key, ...elements(2))
    await using running = await runPump({
      redisPort: server.port,
      sinks: [sink],
      timings: { attemptTimeoutMs: 100 },
    })
    await eventually(() => expect(sink.paths()).toEqual(paths(2)))
    await eventually(() => expect(running.log()).toContain('Timeout Writing to: a pump'))
  })

  it('waits for the flush interval when a batch is not full, and not longer', async () => {
    const sink = createTestSink('a', { flushIntervalMs: 200, maxRecords: 10 })
    await client.rpush(key, ...elements(12))
    await using _ = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(() => expect(sink.batches.map((batch) => batch.length)).toEqual([10, 2]))
  })

  it('writes as many batches at a time as the sink allows', async () => {
    const sink = createTestSink('a', { inFlight: 3, maxRecords: 10 })
    const gate = Promise.withResolvers<void>()
    let inFlight = 0
    sink.answer = async (batch, signal) => {
      inFlight += 1
      await gate.promise
      return allDelivered(batch, signal)
    }
    await client.rpush(key, ...elements(60))
    await using _ = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(() => expect(inFlight).toBe(3))
    gate.resolve()
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(60).toSorted()))
  })

  it('gives each sink its own view, and counts what it filters', async () => {
    const all = createTestSink('all')
    const some = createTestSink('some')
    await client.rpush(key, ...elements(2, 0, { apiId: 'x' }), ...elements(3, 2, { apiId: 'y' }))
    await using running = await runPump({
      redisPort: server.port,
      sinks: [all, some],
      entries: { some: { filters: { api_ids: ['x'] }, ignore_fields: ['api_id', 'no_such_field'] } },
    })
    await eventually(() => expect(all.paths()).toEqual(paths(5)))
    await eventually(() => expect(some.paths()).toEqual(paths(2)))
    expect(all.delivered.map(({ record }) => record.apiId)).toEqual(['x', 'x', 'y', 'y', 'y'])
    expect(some.delivered.map(({ record }) => record.apiId)).toEqual(['', ''])
    await eventually(async () => expect(await leaseKeysLeft()).toEqual([]))
    expect(running.pump.status().sinks['SOME']).toMatchObject({ taken: 5, delivered: 2, filtered: 3, pending: 0 })
    expect(running.log().match(/Error looking for field \+ no_such_field/g)).toHaveLength(1)
  })

  it('says how many records are lost when Redis is emptied under it, and goes on', async () => {
    const sink = createTestSink('a')
    sink.answer = () => Promise.reject(new SinkUnavailableError('away'))
    await client.rpush(key, ...elements(5))
    await using running = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(() => expect(sink.batches.length).toBeGreaterThan(0))
    await client.rpush(key, ...elements(4, 10))
    await eventually(() => expect(running.pump.status().sinks['A']?.taken).toBe(9))
    await client.flushall()
    sink.answer = allDelivered
    await client.rpush(key, ...elements(2, 20))
    await eventually(() => expect(sink.paths()).toEqual(expect.arrayContaining(paths(2, 20))))
    await eventually(() => expect(running.pump.status().sinks['A']?.pending).toBe(0))
    const { taken, delivered, dropped } = running.pump.status().sinks['A'] ?? { taken: 0, delivered: 0, dropped: 0 }
    expect(delivered + dropped).toBe(taken)
  })

  it('gives a record the same id whenever it is delivered, and another one to other bytes', async () => {
    const sink = createTestSink('a')
    let failures = 2
    const ids: string[][] = []
    sink.answer = (batch, signal) => {
      ids.push(batch.map(({ id }) => id))
      failures -= 1
      if (failures >= 0) throw new SinkUnavailableError('not yet')
      return allDelivered(batch, signal)
    }
    const twin = Buffer.from(encodeRecord({ ...emptyRecord(), path: '/twin' }))
    await client.rpush(key, twin, ...elements(1))
    await using _ = await runPump({ redisPort: server.port, sinks: [sink] })
    await eventually(() => expect(ids.length).toBe(3))
    expect(ids[1]).toEqual(ids[0])
    expect(ids[2]).toEqual(ids[0])
    expect(new Set(ids[0]).size).toBe(2)
    expect(ids[0]?.[0]).toMatch(/^[\w-]{30}$/)
  })
})
