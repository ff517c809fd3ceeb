/** What a Redis in trouble does to requests and records: nothing to the ones, and to the others what is counted. */
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { analyticsKey, decodeRecord, emptyRecord, type AnalyticsRecord } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { AnalyticsWriter, type WriterOptions } from '../src/analytics/writer.ts'
import type { Log } from '../src/log/log.ts'
import { connectRedis } from '../src/redis/connect.ts'
import { createListStore } from '../src/analytics/list-store.ts'
import type { RedisClient } from '../src/redis/stores.ts'
import { keylessApi } from './support/api.ts'
import { recordsOf, scrape } from './support/metrics.ts'
import { startRedisProxy } from './support/redis-proxy.ts'
import { configWith } from './support/steps.ts'

const LIST = analyticsKey('msgpack')

// Waiting times between attempts grow to several seconds.
vi.setConfig({ testTimeout: 120_000 })

/** Longer than this no request may take, whatever Redis does. */
const PATIENCE_MS = 2000
const LOG_INTERVAL_MS = 10_000

/** Requests one after the other, each with the next number in its path. */
async function sendRequests(gateway: Gateway, first: number, count: number): Promise<void> {
  for (let i = first; i < first + count; i++) {
    const begun = performance.now()
    const response = await fetch(`${gateway.url}/app/${i}`)
    expect({ status: response.status, body: await response.text() }).toEqual({ status: 200, body: 'ok' })
    expect(performance.now() - begun).toBeLessThan(PATIENCE_MS)
  }
}

const recordsIn = async (redis: Redis): Promise<AnalyticsRecord[]> =>
  (await redis.lrangeBuffer(LIST, 0, -1)).map((element) => decodeRecord(element))

const numbersIn = async (redis: Redis): Promise<number[]> =>
  (await recordsIn(redis)).map(({ rawPath }) => Number(rawPath.slice(rawPath.lastIndexOf('/') + 1)))

async function bookedIn(redis: Redis): Promise<number> {
  const ledgers = await Promise.all((await redis.keys('*:ledger:*')).map((key) => redis.hgetall(key)))
  return ledgers.flatMap((ledger) => Object.values(ledger)).reduce((sum, count) => sum + Number(count), 0)
}

const range = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i)

const linesWith = ({ program }: Gateway, text: string): string[] =>
  program
    .output()
    .split('\n')
    .filter((line) => line.includes(text))

const numbered = (i: number): AnalyticsRecord => ({ ...emptyRecord(), rawPath: `/${i}`, userAgent: 'x'.repeat(500) })

const silent = pino({ level: 'silent' })

const createWriter = (options: Pick<WriterOptions, 'store'> & Partial<WriterOptions>): AnalyticsWriter =>
  new AnalyticsWriter({
    log: silent,
    serialisation: 'msgpack',
    numberedLists: false,
    ttlSeconds: 60,
    maxBufferedBytes: 100_000_000,
    ledger: true,
    ...options,
  })

interface Trouble {
  begin(server: RedisServer, redis: Redis): Promise<unknown>
  end(server: RedisServer, redis: Redis): Promise<unknown>
}

const bgsaveIs = (redis: Redis, status: string): Promise<void> =>
  eventually(async () => expect(await redis.info('persistence')).toContain(`rdb_last_bgsave_status:${status}`))

/** Of the snapshot. */
async function snapshotPath(redis: Redis): Promise<string> {
  const [, folder = ''] = await redis.config('GET', 'dir')
  return join(folder, 'dump.rdb')
}

const troubles: Readonly<Record<string, Trouble>> = {
  OOM: {
    begin: (_, redis) => redis.config('SET', 'maxmemory', '1'),
    end: (_, redis) => redis.config('SET', 'maxmemory', '0'),
  },
  MISCONF: {
    async begin(_, redis) {
      await redis.config('SET', 'save', '3600 1000000')
      // A folder in the place of the file: it cannot be written.
      await mkdir(await snapshotPath(redis))
      await redis.bgsave()
      await bgsaveIs(redis, 'err')
    },
    async end(_, redis) {
      await rmdir(await snapshotPath(redis))
      await redis.bgsave()
      await bgsaveIs(redis, 'ok')
    },
  },
  READONLY: {
    // A replica whose master is away.
    begin: (_, redis) => redis.replicaof('127.0.0.1', 1),
    end: (_, redis) => redis.replicaof('NO', 'ONE'),
  },
}

describe.skipIf(redisSkipReason())('while Redis is in trouble', () => {
  let server: RedisServer
  let redis: Redis
  let upstream: Upstream
  beforeEach(async () => {
    server = await startRedis()
    redis = new Redis(server.url)
    redis.on('error', () => {})
    upstream = await startUpstream((_, response) => response.end('ok'))
  })
  afterEach(async () => {
    redis.disconnect()
    await upstream.close()
    await server.stop()
  })
  const connect = async (storage: Record<string, unknown>): Promise<RedisClient> => {
    const settings = { host: server.host, port: server.port, ...storage }
    const keys = Object.entries(settings).map(([key, value]) => [`storage.${key}`, value])
    const client = connectRedis(configWith(Object.fromEntries(keys)).storage, silent)
    await eventually(() => expect(client.status).toBe('ready'))
    return client
  }
  const start = async (redisPort: number, storage = {}): Promise<Gateway> => {
    const gateway = await startGateway({
      redisPort,
      apis: { 'app.json': keylessApi(upstream.url) },
      conf: { enable_metrics: true, storage: { type: 'redis', host: '127.0.0.1', port: redisPort, ...storage } },
    })
    await eventually(async () => expect((await scrape(gateway.url)).get('tyk_gateway_redis_up')).toBe(1))
    await sendRequests(gateway, 0, 20)
    await eventually(async () => expect(recordsOf(await scrape(gateway.url)).written).toBe(20))
    return gateway
  }

  test.each(Object.entries(troubles))(
    '%s fails and delays no request, and the records are written in order when it is over',
    async (code, trouble) => {
      await using gateway = await start(server.port)
      expect(await numbersIn(redis)).toEqual(range(0, 20))
      const begun = performance.now()
      await trouble.begin(server, redis)
      await sendRequests(gateway, 20, 50)
      await gateway.program.waitForLine(new RegExp(`Error trying to append to set keys.*${code}`))
      const figures = recordsOf(await scrape(gateway.url))
      expect(figures).toEqual({ pushed: 70, written: 20, dropped: 0, buffered: 50 })
      await trouble.end(server, redis)
      await eventually(async () => expect(await numbersIn(redis)).toEqual(range(0, 70)), 30_000)
      expect(await bookedIn(redis)).toBe(70)
      await eventually(() => expect(linesWith(gateway, 'Analytics records are written again')).toHaveLength(1))
      const intervals = 1 + Math.floor((performance.now() - begun) / LOG_INTERVAL_MS)
      expect(linesWith(gateway, 'Error trying to append').length).toBeLessThanOrEqual(intervals)
      await sendRequests(gateway, 70, 10)
      await eventually(async () => expect(await numbersIn(redis)).toEqual(range(0, 80)))
      // Redis has them a moment before the gateway knows.
      const all = { pushed: 80, written: 80, dropped: 0, buffered: 0 }
      await eventually(async () => expect(recordsOf(await scrape(gateway.url))).toEqual(all))
    },
  )

  test('a Redis that hangs delays no request, and gets the records of that time when it goes on', async () => {
    await using gateway = await start(server.port, { timeout: 1 })
    server.kill('SIGSTOP')
    await sendRequests(gateway, 20, 50)
    await gateway.program.waitForLine(/Error trying to append to set keys/)
    server.kill('SIGCONT')
    await eventually(async () => expect(recordsOf(await scrape(gateway.url)).written).toBe(70), 30_000)
    const numbers = await numbersIn(redis)
    expect([...new Set(numbers)]).toEqual(range(0, 70))
    expect(await bookedIn(redis)).toBe(numbers.length)
  })

  test('a Redis that hangs gets no record more than twice, however often it is tried', async () => {
    const client = await connect({ timeout: 1 })
    let attempts = 0
    const store = createListStore(client, () => {})
    const writer = createWriter({
      store: { append: (...given) => (attempts++, store.append(...given)) },
    })
    server.kill('SIGSTOP')
    for (const i of range(0, 50)) writer.push(numbered(i))
    await eventually(() => expect(attempts).toBeGreaterThan(6), 60_000)
    server.kill('SIGCONT')
    await eventually(() => expect(writer.counters().written).toBe(50), 30_000)
    const numbers = await numbersIn(redis)
    expect([...new Set(numbers)]).toEqual(range(0, 50))
    expect(numbers.length).toBeLessThanOrEqual(100)
    expect(await bookedIn(redis)).toBe(numbers.length)
    await writer.close(1000)
    client.disconnect()
  })

  test('a Redis that is away and comes back empty gets the records of that time in order', async () => {
    await using gateway = await start(server.port)
    await server.stop()
    await sendRequests(gateway, 20, 50)
    await gateway.program.waitForLine(/Error trying to append to set keys/)
    expect(recordsOf(await scrape(gateway.url))).toEqual({ pushed: 70, written: 20, dropped: 0, buffered: 50 })
    server = await startRedis({ port: server.port })
    await eventually(async () => expect(await numbersIn(redis)).toEqual(range(20, 50)), 30_000)
    expect(await bookedIn(redis)).toBe(50)
  })

  test('a failover behind one address leads the gateway to the new master', async () => {
    await using next = await startRedis()
    const nextRedis = new Redis(next.url)
    await nextRedis.replicaof('127.0.0.1', server.port)
    await eventually(async () => expect(await nextRedis.info('replication')).toContain('master_link_status:up'))
    await using proxy = await startRedisProxy(server.port)
    await using gateway = await start(proxy.port)
    await eventually(async () => expect(await numbersIn(nextRedis)).toEqual(range(0, 20)))
    proxy.leadTo(next.port)
    await nextRedis.replicaof('NO', 'ONE')
    await redis.replicaof('127.0.0.1', next.port)
    await sendRequests(gateway, 20, 50)
    await eventually(async () => expect(await numbersIn(nextRedis)).toEqual(range(0, 70)), 30_000)
    expect(await bookedIn(nextRedis)).toBe(70)
    nextRedis.disconnect()
  })

  test('beyond the bound the oldest records are dropped and counted, and the newest written in order', async () => {
    const lines: string[] = []
    const log = { error: (_: object, text: string) => lines.push(text), info: () => {} } as unknown as Log
    const client = await connect({})
    const bound = 300_000
    const writer = createWriter({ store: createListStore(client, () => {}), log, maxBufferedBytes: bound })
    const push = (i: number): void => writer.push(numbered(i))
    await redis.config('SET', 'maxmemory', '1')
    push(0)
    await eventually(() => expect(lines).toHaveLength(1))
    const COUNT = 4000
    for (let i = 1; i < COUNT; i++) {
      push(i)
      // As requests do: batches of some hundred records.
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await eventually(() => expect(writer.counters().dropped).toBeGreaterThan(COUNT / 2))
    await eventually(() => expect(writer.bufferedBytes).toBeLessThan(2 * bound))
    await redis.config('SET', 'maxmemory', '0')
    await eventually(() => expect(writer.counters().buffered).toBe(0))
    const { pushed, written, dropped } = writer.counters()
    expect({ pushed, sum: written + dropped }).toEqual({ pushed: COUNT, sum: COUNT })
    const numbers = await numbersIn(redis)
    expect(numbers).toHaveLength(written)
    // The first batch stays when it is under way at the moment.
    const newest = numbers[0] === 0 ? numbers.slice(1) : numbers
    expect(newest).toEqual(range(COUNT - newest.length, newest.length))
    expect(await bookedIn(redis)).toBe(written)
    expect(lines.toSorted()).toEqual([
      'Analytics records dropped: Redis is away and the buffer is full',
      'Error trying to append to set keys',
    ])
    await writer.close(1000)
    client.disconnect()
  })
})
