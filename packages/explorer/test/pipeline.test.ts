import { ledgerKey, RELOADS_KEY } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { redisSkipReason, type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { startUpstream } from '../../../test/support/upstream.ts'
import type * as Api from '../src/api/schema.ts'
import { startExplorer } from './support/explorer.ts'
import { scriptedStore } from './support/scripted-store.ts'

const LIST = 'analytics-tyk-system-analytics'
const DEAD_LETTERS = '{analytics-tyk-pump}:dead-letters'

const SINK = {
  type: 'elasticsearch',
  status: 'failing',
  last_error: 'connect ECONNREFUSED',
  oldest_unshipped: '2026-11-28T15:00:00.000Z',
  taken: 20,
  delivered: 10,
  filtered: 2,
  dead_lettered: 1,
  dropped: 3,
  pending: 4,
}

interface PumpAnswers {
  readonly ready?: { readonly status: number; readonly body: unknown }
  readonly metrics?: string
}

/** The far end of a socket: what a pump answers. */
function startPumpPort({ ready, metrics }: PumpAnswers = {}): ReturnType<typeof startUpstream> {
  return startUpstream((request, response) => {
    const { status, body } = ready ?? { status: 503, body: { ready: false, sinks: { ES: SINK } } }
    if (request.url === '/metrics') response.end(metrics ?? 'tyk_pump_records_retried_total{sink="ES"} 7\n')
    else if (request.url === '/ready')
      response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
    else response.writeHead(404).end()
  })
}

const partsOf = ({ problems }: Api.Pipeline): string[] => problems.map(({ part }) => part)

describe('the pump', () => {
  it('says what its sinks do', async () => {
    await using pump = await startPumpPort()
    await using explorer = await startExplorer({ store: scriptedStore(), env: { TEK_EXPLORER_PUMP_URL: pump.url } })
    const answer = await explorer.json<Api.Pipeline>('/api/v1/pipeline')
    expect(answer.newestRecord).toBe('1970-01-01T00:00:02.000Z')
    expect(answer.sinks).toEqual([
      {
        name: 'ES',
        type: 'elasticsearch',
        state: 'failing',
        lastError: 'connect ECONNREFUSED',
        delivered: 10,
        filtered: 2,
        retried: 7,
        dead: 1,
        dropped: 3,
        pending: 4,
        oldestPendingSeconds: expect.any(Number),
      },
    ])
    expect(answer.problems).toContainEqual({
      part: 'pump',
      message: 'the pump says that it is not ready',
      cure: expect.stringContaining('pump check'),
    })
    expect(answer.lists).toBeNull()
    expect(partsOf(answer)).toContain('redis')
  })

  it.each<[string, PumpAnswers, string]>([
    ['is none', { ready: { status: 404, body: 'no' } }, 'a pump of Tyk has none'],
    ['answers something else', { ready: { status: 200, body: '<html>' } }, 'in another form'],
    ['answers an odd sink', { ready: { status: 200, body: { sinks: 7 } } }, 'in another form'],
  ])('is told about when what answers %s', async (_, answers, message) => {
    await using pump = await startPumpPort(answers)
    await using explorer = await startExplorer({ store: scriptedStore(), env: { TEK_EXPLORER_PUMP_URL: pump.url } })
    const { sinks, problems } = await explorer.json<Api.Pipeline>('/api/v1/pipeline')
    expect(sinks).toBeNull()
    expect(problems.find(({ part }) => part === 'pump')?.message).toContain(message)
  })

  it('is told about when nobody answers, without taking the rest away', async () => {
    await using explorer = await startExplorer({
      store: scriptedStore({ extent: () => Promise.reject(new Error('broken')) }),
      env: { TEK_EXPLORER_PUMP_URL: 'http://127.0.0.1:1', TEK_EXPLORER_REDIS_URL: 'redis://:hunter2@127.0.0.1:1' },
    })
    const answer = await explorer.json<Api.Pipeline>('/api/v1/pipeline')
    expect(answer).toMatchObject({ newestRecord: null, sinks: null, lists: null, ledger: null })
    expect(partsOf(answer).toSorted()).toEqual(['pump', 'redis', 'store'])
    expect(JSON.stringify(answer)).not.toContain('hunter2')
  })

  it('may not be configured at all', async () => {
    await using explorer = await startExplorer({ store: scriptedStore() })
    const { problems } = await explorer.json<Api.Pipeline>('/api/v1/pipeline')
    expect(problems.map(({ cure }) => cure).join()).toMatch(/TEK_EXPLORER_PUMP_URL.*TEK_EXPLORER_REDIS_URL/)
  })
})

describe.skipIf(redisSkipReason())('Redis', () => {
  let redis: RedisServer
  let client: Redis
  beforeAll(async () => {
    redis = await startRedis()
    client = new Redis(redis.url)
  })
  afterAll(async () => {
    client.disconnect()
    await redis.stop()
  })
  beforeEach(async () => {
    await client.flushall()
  })

  const minute = Math.floor(Date.now() / 60_000) - 2

  const ask = async (pumpUrl = ''): Promise<Api.Pipeline> => {
    await using explorer = await startExplorer({
      store: scriptedStore(),
      env: { TEK_EXPLORER_REDIS_URL: redis.url, ...(pumpUrl && { TEK_EXPLORER_PUMP_URL: pumpUrl }) },
    })
    return await explorer.json<Api.Pipeline>('/api/v1/pipeline?from=now-1h')
  }

  it('marks the reloads of a range in its charts, oldest first', async () => {
    const now = Date.now()
    const at = (minutes: number): number => now - minutes * 60_000
    const together = [at(1) + 1000, at(1) + 4999].map((ms) => `${ms} done`)
    const odd = ['7', `${at(2)} `, '']
    await client.rpush(RELOADS_KEY, ...together, `${at(1)} done`, `${at(5)} failed`, `${at(61)} done`, ...odd)
    await using explorer = await startExplorer({ store: scriptedStore(), env: { TEK_EXPLORER_REDIS_URL: redis.url } })
    // The first answer does not wait for the connection.
    await eventually(async () => {
      const { reloads } = await explorer.json<Api.Overview>('/api/v1/overview?from=now-1h')
      expect(reloads).toEqual([
        { time: new Date(at(5)).toISOString(), worked: false },
        { time: new Date(at(1)).toISOString(), worked: true },
      ])
    })
  })

  it('does not keep charts waiting for the marks', async () => {
    await client.set(RELOADS_KEY, 'another kind')
    await using explorer = await startExplorer({ store: scriptedStore(), env: { TEK_EXPLORER_REDIS_URL: redis.url } })
    expect(await explorer.json<Api.Overview>('/api/v1/overview')).toMatchObject({ reloads: [] })
    redis.kill('SIGSTOP')
    try {
      expect(await explorer.json<Api.Overview>('/api/v1/overview')).toMatchObject({ reloads: [] })
    } finally {
      redis.kill('SIGCONT')
    }
  })

  it('says how much waits', async () => {
    await client.rpush(LIST, 'a', 'b')
    await client.rpush(`${LIST}_3_protobuf`, 'c')
    await client.rpush(DEAD_LETTERS, 'd')
    const { lists, problems } = await ask()
    expect(lists).toEqual([
      { name: LIST, length: 2 },
      { name: `${LIST}_3_protobuf`, length: 1 },
      { name: DEAD_LETTERS, length: 1 },
    ])
    expect(problems.find(({ part }) => part === 'dead letters')?.cure).toContain('pump dead-letters list')
  })

  it('says what became of the records of the range', async () => {
    await client.hset('{analytics-tyk-pump}:ledger:sinks', 'ES', minute - 100)
    await client.hset(ledgerKey(LIST, minute), { 'in:a': 10, 'delivered:ES:a': 7, 'dead:ES:a': 1 })
    await client.hset(ledgerKey(`${LIST}_1`, minute), { 'in:a': 5, 'delivered:ES:a': 5 })
    await client.hset(ledgerKey(LIST, minute - 300), { 'in:a': 1000 })
    await client.set(ledgerKey(LIST, minute - 1), 'another kind')
    const { ledger } = await ask()
    expect(ledger).toEqual({
      counted: 15,
      sinks: [
        { name: 'ES', delivered: 12, filtered: 0, dead: 1, dropped: 0, pending: 2, missing: 0, completeness: 13 / 15 },
      ],
    })
  })

  it('says when records are missing, once the pump says how many wait for it', async () => {
    await using pump = await startPumpPort({ ready: { status: 200, body: { sinks: { ES: { ...SINK, pending: 1 } } } } })
    await client.hset('{analytics-tyk-pump}:ledger:sinks', 'ES', minute - 100)
    await client.hset(ledgerKey(LIST, minute), { 'in:a': 10, 'delivered:ES:a': 6 })
    await client.rpush(LIST, 'one')
    const { ledger, problems } = await ask(pump.url)
    expect(ledger?.sinks[0]).toMatchObject({ pending: 4, missing: 2 })
    expect(problems.find(({ part }) => part === 'ledger')?.cure).toContain('pump ledger')
  })

  it('says when no gateway counts', async () => {
    const { ledger, problems } = await ask()
    expect(ledger).toEqual({ counted: 0, sinks: [] })
    expect(problems.find(({ part }) => part === 'ledger')?.cure).toContain('TYK_GW_ANALYTICSLEDGER')
  })

  it.each(['from=now-1h&to=9999-12-31', 'from=1970-01-01&to=now%2B8d'])(
    'has the ledger of minutes that were in the range %s',
    async (range) => {
      await using explorer = await startExplorer({ store: scriptedStore(), env: { TEK_EXPLORER_REDIS_URL: redis.url } })
      await client.hset(ledgerKey(LIST, minute), { 'in:a': 3 })
      const { ledger } = await explorer.json<Api.Pipeline>(`/api/v1/pipeline?${range}`)
      expect(ledger?.counted).toBe(3)
    },
  )

  it('is asked for the last seven days at most', async () => {
    await using explorer = await startExplorer({ store: scriptedStore(), env: { TEK_EXPLORER_REDIS_URL: redis.url } })
    await client.hset(ledgerKey(LIST, minute), { 'in:a': 1 })
    const { ledger, problems } = await explorer.json<Api.Pipeline>('/api/v1/pipeline?from=now-3000d')
    expect(ledger?.counted).toBe(1)
    expect(problems.some(({ message }) => message.includes('longer than the ledger'))).toBe(true)
  })
})
