import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway } from '../../../test/support/gateway.ts'
import { redisSkipReason } from '../../../test/support/redis.ts'
import { startUpstream } from '../../../test/support/upstream.ts'
import { createLimiter, type LimiterDeps } from '../src/limits/create-limiter.ts'
import { windowAt } from '../src/limits/fixed-window.ts'
import { LimiterUnavailableError, type Limiter, type RateBucket, type Taken } from '../src/limits/limiter.ts'
import type { Smoothing } from '../src/session/limit.ts'
import { startTestRedis, type TestRedis } from './support/redis-stores.ts'
import { configWith, redisAway } from './support/steps.ts'

const NOW_MS = 1_700_000_000_000

describe.skipIf(redisSkipReason())('a rate limiter', () => {
  let redis: TestRedis
  let clock: { ms: number }
  beforeAll(async () => void (redis = await startTestRedis()))
  afterAll(() => redis[Symbol.asyncDispose]())
  beforeEach(async () => {
    clock = { ms: NOW_MS }
    await redis.stores.main.flushdb()
  })

  const SLIDING_LOG = { enable_redis_rolling_limiter: true }
  const SENTINEL = { enable_sentinel_rate_limiter: true }
  const FIXED_WINDOW = { enable_fixed_window_rate_limiter: true }

  function limiterOf(
    config: Record<string, unknown>,
    gateways = 1,
    stores: LimiterDeps['redis'] = redis.stores,
  ): Limiter {
    const log = pino({ level: 'silent' })
    return createLimiter({
      config: configWith(config),
      redis: stores,
      log,
      now: () => clock.ms,
      gateways: () => gateways,
    })
  }

  const bucket = (rate: number, perSeconds: number, smoothing: Smoothing | null = null): RateBucket => ({
    key: 'rate-limit-k',
    localName: 'rate-limit-k:1',
    rate,
    perSeconds,
    smoothing,
  })

  async function takeEach(limiter: Limiter, of: RateBucket, atMs: readonly number[]): Promise<boolean[]> {
    const allowed: boolean[] = []
    for (const ms of atMs) {
      clock.ms = NOW_MS + ms
      allowed.push((await limiter.take(of)).allowed)
    }
    return allowed
  }

  /** How many of 300 requests of one instant pass. */
  async function takeAtOnce(limiters: readonly Limiter[], of: RateBucket): Promise<number> {
    const takeOne = async (i: number): Promise<Taken | undefined> => await limiters[i % limiters.length]?.take(of)
    const taken = await Promise.all(Array.from({ length: 300 }, (_, i) => takeOne(i)))
    return taken.filter((each) => each?.allowed).length
  }

  describe('the sliding log', () => {
    test.each<[string, number, number, number[], boolean[]]>([
      ['allows the rate in any window', 2, 1, [0, 600, 900, 1001], [true, true, false, false]],
      ['lets a request pass when one has left the window', 2, 1, [0, 600, 1001, 1500], [true, true, true, false]],
      ['counts refused requests', 1, 1, [0, 900, 1500, 2400, 3401], [true, false, false, false, true]],
      ['allows one request for a rate below one', 0.5, 10, [0, 1, 10_002], [true, false, true]],
      ['counts windows shorter than a second', 1, 0.1, [0, 50, 151], [true, false, true]],
    ])('%s', async (_, rate, per, at, allowed) => {
      expect(await takeEach(limiterOf(SLIDING_LOG), bucket(rate, per), at)).toEqual(allowed)
    })

    test('is exact for requests of one instant, from several gateways', async () => {
      const gateways = [limiterOf(SLIDING_LOG), limiterOf(SLIDING_LOG)]
      expect(await takeAtOnce(gateways, bucket(100, 60))).toBe(100)
      expect(await redis.stores.main.zcard('rate-limit-k')).toBe(300)
    })

    test('tells what is left and when the next one may pass', async () => {
      const limiter = limiterOf(SLIDING_LOG)
      expect(await limiter.take(bucket(2, 60))).toEqual({ allowed: true, remaining: 1, resetAtMs: NOW_MS })
      clock.ms += 1000
      expect(await limiter.take(bucket(2, 60))).toMatchObject({ allowed: true, remaining: 0 })
      clock.ms += 1000
      const refused = await limiter.take(bucket(2, 60))
      expect({ ...refused, resetAtMs: Math.floor(refused.resetAtMs) }).toEqual({
        allowed: false,
        remaining: 0,
        resetAtMs: NOW_MS + 60_000,
      })
      expect(await redis.stores.main.pttl('rate-limit-k')).toBeGreaterThan(50_000)
    })

    test('tells whether there is room without counting', async () => {
      const limiter = limiterOf(SLIDING_LOG)
      expect(await limiter.hasRoom(bucket(1, 60))).toBe(true)
      await limiter.take(bucket(1, 60))
      expect(await limiter.hasRoom(bucket(1, 60))).toBe(false)
      expect(await redis.stores.main.zcard('rate-limit-k')).toBe(1)
    })

    test('refuses when Redis is away or holds something else under the name', async () => {
      expect(await limiterOf(SLIDING_LOG, 1, redisAway).take(bucket(5, 1))).toMatchObject({ allowed: false })
      await redis.stores.main.set('rate-limit-k', 'text')
      expect(await limiterOf(SLIDING_LOG).take(bucket(5, 1))).toMatchObject({ allowed: false })
    })
  })

  describe('smoothing', () => {
    const config = { ...SLIDING_LOG, enable_rate_limit_smoothing: true }
    const smoothing: Smoothing = { enabled: true, threshold: 2, trigger: 0.5, step: 2, delay: 1 }
    const stored = (): Promise<Record<string, string>> => redis.stores.main.hgetall('rate-limit-k-allowance')

    test('starts at the threshold and goes up a step with the load, to the rate at most', async () => {
      const limiter = limiterOf(config)
      const requests = [0, 1, 2, 1500, 1501, 3000, 3001, 3002]
      // 0: limit 2. 1500: three requests lie in the window, so the limit becomes 4. 3000: 5, the rate.
      expect(await takeEach(limiter, bucket(5, 60, smoothing), requests)).toEqual([
        true,
        true,
        false,
        true,
        false,
        false,
        false,
        false,
      ])
      expect(await stored()).toEqual({ delay: '1', current: '5', nextUpdateAt: '2023-11-14T22:13:24.000Z' })
    })

    test('goes down a step when the load is gone', async () => {
      await redis.stores.main.hset('rate-limit-k-allowance', {
        delay: '1',
        current: '6',
        nextUpdateAt: '2020-01-01T00:00:00Z',
      })
      expect(await takeEach(limiterOf(config), bucket(9, 1, smoothing), [0])).toEqual([true])
      expect(await stored()).toMatchObject({ current: '4' })
    })

    test('has no part when it is not switched on or not whole', async () => {
      expect(await takeEach(limiterOf(SLIDING_LOG), bucket(3, 60, smoothing), [0, 1, 2, 3])).toEqual([
        true,
        true,
        true,
        false,
      ])
      await redis.stores.main.flushdb()
      const partial = { ...smoothing, step: 0 }
      expect(await takeEach(limiterOf(config), bucket(3, 60, partial), [0, 1, 2, 3])).toEqual([true, true, true, false])
    })
  })

  describe('the sentinel', () => {
    test('refuses from the mark on that the last fitting request sets', async () => {
      const limiter = limiterOf(SENTINEL)
      for (let i = 0; i < 2; i++) expect(await limiter.take(bucket(2, 60))).toMatchObject({ allowed: true })
      await eventually(async () => expect(await redis.stores.main.get('rate-limit-k.BLOCKED')).toBe('1'))
      const refused = await limiter.take(bucket(2, 60))
      expect(refused).toMatchObject({ allowed: false, remaining: 0 })
      expect(refused.resetAtMs).toBeGreaterThan(NOW_MS + 50_000)
      expect(await limiter.hasRoom(bucket(2, 60))).toBe(false)
    })

    test('allows when Redis is away', async () => {
      expect(await limiterOf(SENTINEL, 1, redisAway).take(bucket(1, 60))).toMatchObject({ allowed: true })
    })
  })

  describe('the fixed window', () => {
    test('allows the rate in each window of the calendar', async () => {
      const into = windowAt(NOW_MS, 60).leftMs
      const at = [0, 1, 2, into - 1, into, into + 1, into + 2]
      expect(await takeEach(limiterOf(FIXED_WINDOW), bucket(2, 60), at)).toEqual([
        true,
        true,
        false,
        false,
        true,
        true,
        false,
      ])
    })

    test('knows the counter of a request that comes late', async () => {
      clock.ms = NOW_MS + windowAt(NOW_MS, 60).leftMs - 1
      await limiterOf(FIXED_WINDOW).take(bucket(1, 60))
      expect(await redis.stores.main.pttl('rate-limit-k/1699999980000000000')).toBeGreaterThan(1000)
    })

    test('names the counter by the nanosecond at which the window begins', async () => {
      await limiterOf(FIXED_WINDOW).take(bucket(2, 60))
      expect(await redis.stores.main.keys('*')).toEqual(['rate-limit-k/1699999980000000000'])
      expect(await redis.stores.main.pttl('rate-limit-k/1699999980000000000')).toBeGreaterThan(0)
    })

    test.each<[number, number]>([
      [60, 1_699_999_980_000],
      [3600, 1_699_999_200_000],
      [86_400, 1_699_920_000_000],
      // Weeks begin on the weekday of the first day of year 1.
      [604_800, 1_699_833_600_000],
      [0.5, NOW_MS],
    ])('of %d seconds begins where Go’s does', (per, startMs) => {
      expect(windowAt(NOW_MS, per).startMs).toBe(startMs)
    })

    test('is exact under concurrency', async () => {
      const gateways = [limiterOf(FIXED_WINDOW), limiterOf(FIXED_WINDOW)]
      expect(await takeAtOnce(gateways, bucket(100, 60))).toBe(100)
    })

    test('says nothing when Redis is away or refuses', async () => {
      await expect(limiterOf(FIXED_WINDOW, 1, redisAway).take(bucket(1, 60))).rejects.toThrow(LimiterUnavailableError)
      await redis.stores.main.lpush(`rate-limit-k/${windowAt(NOW_MS, 60).startMs}000000`, 'x')
      await expect(limiterOf(FIXED_WINDOW).take(bucket(1, 60))).rejects.toThrow(LimiterUnavailableError)
    })
  })

  describe('limits divided among gateways', () => {
    test('are counted in this process by one gateway, without a promise', () => {
      expect(limiterOf({}).take(bucket(1, 60))).toEqual({ allowed: true, remaining: 0, resetAtMs: NOW_MS + 60_000 })
    })

    test('are each gateway’s part when they are large', async () => {
      const gateways = [limiterOf({}, 2), limiterOf({}, 2)]
      expect(await takeAtOnce(gateways, bucket(100, 1))).toBe(100)
      expect(await redis.stores.main.keys('*')).toEqual([])
    })

    test.each([
      ['the sliding log', {}, ['rate-limit-k']],
      ['the sentinel', { drl_enable_sentinel_rate_limiter: true }, ['rate-limit-k', 'rate-limit-k.BLOCKED']],
    ])('are counted by %s when they are small', async (_, config, keys) => {
      const limiter = limiterOf(config, 2)
      for (let i = 0; i < 2; i++) await limiter.take(bucket(1, 60))
      await eventually(async () => expect((await redis.stores.main.keys('*')).sort()).toEqual(keys))
    })

    test('are small below the threshold', async () => {
      const limiter = limiterOf({ drl_threshold: 0.001 }, 2)
      expect(limiter.take(bucket(1, 60))).not.toBeInstanceOf(Promise)
    })
  })
})

/** Hash of `apilimiter-defaultprobe`. */
const PROBE_LOG = 'rate-limit-05792e9b'

describe.skipIf(redisSkipReason())('gateways on one Redis', () => {
  test('hear each other and then hold a small limit together', async () => {
    await using redis = await startTestRedis()
    await using upstream = await startUpstream((_, res) => void res.end('ok'))
    const limited = {
      api_id: 'app',
      org_id: 'default',
      use_keyless: true,
      active: true,
      version_data: { not_versioned: true, versions: { Default: { name: 'Default' } } },
      proxy: { listen_path: '/app/', target_url: upstream.url },
      global_rate_limit: { rate: 40, per: 3600 },
    }
    // Another API, so that waiting uses nothing of the limit.
    const probe = { ...limited, api_id: 'probe', proxy: { ...limited.proxy, listen_path: '/probe/' } }
    const options = {
      redisPort: redis.server.port,
      apis: { 'app.json': limited, 'probe.json': probe },
      conf: { drl_notification_frequency: 1 },
    }
    await using first = await startGateway(options)
    await using second = await startGateway(options)
    const client = redis.stores.main
    for (const gateway of [first, second]) {
      await eventually(async () => {
        const before = await client.zcard(PROBE_LOG)
        await fetch(`${gateway.url}/probe/x`)
        expect(await client.zcard(PROBE_LOG)).toBeGreaterThan(before)
      })
    }
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => (await fetch(`${[first, second][i % 2]?.url}/app/x`)).status),
    )
    expect(statuses.filter((status) => status === 200)).toHaveLength(40)
    expect(statuses.filter((status) => status === 429)).toHaveLength(20)
  })
})
