/** The ledger of a list: how many records gateways have put into it, by minute and API. */
import { analyticsKey, emptyRecord, encodeRecord, ledgerKey, type AnalyticsRecord } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway } from '../../../test/support/gateway.ts'
import { createRandom } from '../../../test/support/random.ts'
import { freePort, redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream } from '../../../test/support/upstream.ts'
import { RecordCounts } from '../src/analytics/record-counts.ts'
import { AnalyticsWriter, type ListStore } from '../src/analytics/writer.ts'
import { connectRedis } from '../src/redis/connect.ts'
import { ListElements } from '../src/analytics/list-elements.ts'
import { createListStore } from '../src/analytics/list-store.ts'
import type { RedisClient } from '../src/redis/stores.ts'
import { apiAt } from './support/api.ts'
import { startRedisProxy } from './support/redis-proxy.ts'
import { configWith } from './support/steps.ts'

const MINUTE = 29_000_000
const LIST = analyticsKey('msgpack')
const LEDGER = ledgerKey(LIST, MINUTE)
const WEEK_SECONDS = 7 * 86_400
const silent = pino({ level: 'silent' })

const record = (apiId: string, minute = MINUTE): AnalyticsRecord => ({
  ...emptyRecord(),
  apiId,
  timestamp: { seconds: minute * 60 + 59, nanos: 1 },
})

function batchOf(records: readonly AnalyticsRecord[]): readonly [ListElements, RecordCounts] {
  const elements = new ListElements()
  const counts = new RecordCounts()
  for (const each of records) {
    elements.add(encodeRecord(each))
    counts.add(each)
  }
  return [elements, counts]
}

function append(store: ListStore, records: readonly AnalyticsRecord[]): Promise<void> {
  const [elements, counts] = batchOf(records)
  return store.append(LIST, elements, 60, counts)
}

/** A connection such as the gateway's own. */
async function connect(storage: Record<string, unknown>): Promise<RedisClient & AsyncDisposable> {
  const settings = Object.fromEntries(Object.entries(storage).map(([key, value]) => [`storage.${key}`, value]))
  const client = connectRedis(configWith(settings).storage, silent)
  await eventually(() => expect(client.status).toBe('ready'))
  return Object.assign(client, { [Symbol.asyncDispose]: async () => client.disconnect() })
}

describe.skipIf(redisSkipReason())('the ledger', () => {
  let server: RedisServer
  let direct: Redis
  let uncounted: number[] = []
  const onUncounted = (_: Error, records: number): number => uncounted.push(records)
  beforeAll(async () => {
    server = await startRedis()
    direct = new Redis(server.url)
  })
  beforeEach(async () => {
    uncounted = []
    await direct.flushall()
  })
  afterEach(() => direct.call('ACL', 'DELUSER', 'gateway'))
  afterAll(async () => {
    direct.disconnect()
    await server.stop()
  })
  const booked = async (): Promise<number> =>
    Object.values(await direct.hgetall(LEDGER)).reduce((sum, count) => sum + Number(count), 0)

  test('is written with the records, by minute and API, and lives for a week', async () => {
    await using client = await connect({ port: server.port })
    const store = createListStore(client, onUncounted)
    const later = record('a', MINUTE + 1)
    await append(store, [record('a'), record('b'), later, record('a')])
    await append(store, [record('a')])
    expect(await direct.llen(LIST)).toBe(5)
    expect(await direct.hgetall(LEDGER)).toEqual({ 'in:a': '3', 'in:b': '1' })
    expect(await direct.hgetall(ledgerKey(LIST, MINUTE + 1))).toEqual({ 'in:a': '1' })
    expect(Math.abs((await direct.ttl(LEDGER)) - WEEK_SECONDS)).toBeLessThan(10)
    expect(await direct.ttl(LIST)).toBeGreaterThan(50)
    expect(uncounted).toEqual([])
  })

  test('holds the bytes of an id as they are in the record', async () => {
    await using client = await connect({ port: server.port })
    const inRecord = Buffer.from('grüße:{1}').toString('latin1')
    await append(createListStore(client, onUncounted), [record(inRecord)])
    expect(await direct.hgetall(LEDGER)).toEqual({ 'in:grüße:{1}': '1' })
  })

  test('is not written without counts', async () => {
    await using client = await connect({ port: server.port })
    const [elements] = batchOf([record('a')])
    await createListStore(client, onUncounted).append(LIST, elements, 60, null)
    expect(await direct.keys('*')).toEqual([LIST])
  })

  test('has each record as often as the list when connections break anywhere', async () => {
    const random = createRandom(6)
    await using proxy = await startRedisProxy(server.port)
    await using client = await connect({ port: proxy.port })
    const writer = new AnalyticsWriter({
      store: createListStore(client, onUncounted),
      log: silent,
      serialisation: 'msgpack',
      numberedLists: false,
      ttlSeconds: 60,
      maxBufferedBytes: 1e9,
      ledger: true,
    })
    const ROUNDS = 12
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < 100; i++) writer.push({ ...record(`api-${i % 3}`), path: `/${round}/${i}` })
      if (round % 2 === 0) proxy.loseNextAnswer()
      else proxy.cutAfter(random.integer(40_000))
      await eventually(() => expect(writer.counters().buffered).toBe(0))
      expect(await booked()).toBe(await direct.llen(LIST))
    }
    await writer.close(1000)
    const elements = await direct.lrangeBuffer(LIST, 0, -1)
    expect(new Set(elements.map((element) => element.toString('hex'))).size).toBe(ROUNDS * 100)
    // Lost answers have put some in twice.
    expect(elements.length).toBeGreaterThan(ROUNDS * 100)
    expect(uncounted).toEqual([])
  })

  test('keeps no record back when its hash is none: they are written once, and reported as not counted', async () => {
    await using client = await connect({ port: server.port })
    await direct.set(LEDGER, 'taken')
    const store = createListStore(client, onUncounted)
    await append(store, [record('a'), record('a'), record('b'), record('b', MINUTE + 1)])
    expect(await direct.llen(LIST)).toBe(4)
    expect(await direct.hgetall(ledgerKey(LIST, MINUTE + 1))).toEqual({ 'in:b': '1' })
    expect(uncounted).toEqual([3])
  })

  test('has nothing of records that the list does not take', async () => {
    await using client = await connect({ port: server.port })
    await direct.set(LIST, 'no list')
    const store = createListStore(client, onUncounted)
    for (let i = 0; i < 3; i++) {
      await expect(append(store, [record('a')])).rejects.toThrow('WRONGTYPE')
    }
    await eventually(async () => expect(await booked()).toBe(0))
  })

  test.each([
    ['HINCRBY', '-hincrby', 0, [2]],
    ['EXPIRE', '-expire', 0, [2]],
    ['the keys of a ledger', 'resetkeys ~analytics-*', 0, [2]],
    ['transactions', '-multi -exec', 2, []],
  ])('keeps no record back from a user without the right to %s', async (_, rights, counted, reported) => {
    await direct.call('ACL', 'SETUSER', 'gateway', 'on', '>secret', '~*', '&*', '+@all', ...rights.split(' '))
    await using client = await connect({ port: server.port, username: 'gateway', password: 'secret' })
    const store = createListStore(client, onUncounted)
    await append(store, [record('a'), record('b')])
    expect(await direct.llen(LIST)).toBe(2)
    expect(await booked()).toBe(counted)
    expect(uncounted).toEqual(reported)
  })

  test('refuses a batch whole when the list may not be written', async () => {
    const rights = ['on', '>secret', '~*', '&*', '+@all', '-rpush']
    await direct.call('ACL', 'SETUSER', 'gateway', ...rights)
    await using client = await connect({ port: server.port, username: 'gateway', password: 'secret' })
    const store = createListStore(client, onUncounted)
    await expect(append(store, [record('a')])).rejects.toThrow('NOPERM')
    expect(await direct.keys('*')).toEqual([])
  })

  test('works in a cluster, and follows a list to another node', async () => {
    const cluster = async (): Promise<RedisServer> => {
      const busPort = String(await freePort())
      const address = ['--cluster-announce-ip', '127.0.0.1', '--cluster-port', busPort]
      return startRedis({ args: ['--cluster-enabled', 'yes', ...address] })
    }
    await using first = await cluster()
    await using second = await cluster()
    const nodes = [new Redis(first.url), new Redis(second.url)] as const
    const [one, two] = nodes
    await one.cluster('ADDSLOTSRANGE', 0, 16383)
    const bus = (await two.config('GET', 'cluster-port')) as [string, string]
    await one.call('CLUSTER', 'MEET', '127.0.0.1', String(second.port), bus[1])
    for (const node of nodes)
      await eventually(async () => expect(await node.cluster('INFO')).toMatch(/cluster_state:ok/))
    await using client = await connect({ enable_cluster: true, addrs: [`127.0.0.1:${first.port}`] })
    const store = createListStore(client, onUncounted)
    await append(store, [record('a'), record('b')])
    expect(await one.hgetall(LEDGER)).toEqual({ 'in:a': '1', 'in:b': '1' })

    const slot = await one.cluster('KEYSLOT', LIST)
    expect(await one.cluster('KEYSLOT', LEDGER)).toBe(slot)
    await one.del(LIST, LEDGER)
    const secondId = await two.call('CLUSTER', 'MYID')
    for (const node of [two, one]) await node.call('CLUSTER', 'SETSLOT', String(slot), 'NODE', String(secondId))
    await append(store, [record('a'), record('c')])
    expect(await two.hgetall(LEDGER)).toEqual({ 'in:a': '1', 'in:c': '1' })
    expect(await two.llen(LIST)).toBe(2)
    expect(await one.dbsize()).toBe(0)
    for (const node of nodes) node.disconnect()
  })

  test('agrees with the records of a gateway, in every list, and can be switched off', async () => {
    await using upstream = await startUpstream((_, response) => response.end('ok'))
    const apis = { 'a.json': apiAt('a', upstream.url), 'b.json': apiAt('b', upstream.url) }
    const run = async (conf: Record<string, unknown>): Promise<void> => {
      await using gateway = await startGateway({ redisPort: server.port, apis, conf })
      for (let i = 0; i < 30; i++) await fetch(`${gateway.url}/${i % 3 === 0 ? 'b' : 'a'}/x`)
    }
    await run({ analytics_config: { enable_multiple_analytics_keys: true, serializer_type: 'protobuf' } })
    const keys = await direct.keys('{analytics-tyk-system-analytics_*_protobuf}:ledger:*')
    const sums: Record<string, number> = {}
    for (const key of keys) {
      for (const [field, count] of Object.entries(await direct.hgetall(key)))
        sums[field] = (sums[field] ?? 0) + Number(count)
    }
    expect(sums).toEqual({ 'in:a': 20, 'in:b': 10 })
    await direct.flushall()
    await run({ analytics_ledger: false })
    expect(await direct.llen(LIST)).toBe(30)
    expect(await direct.keys('*ledger*')).toEqual([])
  })
})
