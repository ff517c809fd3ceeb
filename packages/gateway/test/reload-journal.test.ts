/** What charts of the traffic are told of reloads, in Redis. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LEDGER_TTL_SECONDS, RELOADS_KEPT, RELOADS_KEY } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type Gateway, startGateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { keylessApi } from './support/api.ts'

describe.skipIf(redisSkipReason())('the journal of reloads', () => {
  let server: RedisServer
  let redis: Redis
  beforeEach(async () => {
    server = await startRedis()
    redis = new Redis(server.url)
  })
  afterEach(async () => {
    redis.disconnect()
    await server.stop()
  })

  const start = (conf: Record<string, unknown> = {}): Promise<Gateway> =>
    startGateway({ redisPort: server.port, apis: { 'app.json': keylessApi('http://127.0.0.1:1') }, conf })

  test('has the latest first, with how they went, and not the first load', async () => {
    const begun = Date.now()
    await using gateway = await start()
    await gateway.reload()
    await eventually(async () => expect(await redis.llen(RELOADS_KEY)).toBe(1))
    await writeFile(join(gateway.dir, 'policies', 'policies.json'), '{ broken')
    await gateway.reload()
    await eventually(async () => expect(await redis.llen(RELOADS_KEY)).toBe(2))
    const entries = (await redis.lrange(RELOADS_KEY, 0, -1)).map((entry) => entry.split(' '))
    expect(entries.map(([, result]) => result)).toEqual(['failed', 'done'])
    const [second, first] = entries.map(([ms]) => Number(ms)) as [number, number]
    expect(first).toBeGreaterThanOrEqual(begun)
    expect(second).toBeGreaterThanOrEqual(first)
    expect(Date.now()).toBeGreaterThanOrEqual(second)
    const ttl = await redis.ttl(RELOADS_KEY)
    expect(ttl).toBeGreaterThan(LEDGER_TTL_SECONDS - 100)
    expect(ttl).toBeLessThanOrEqual(LEDGER_TTL_SECONDS)
  })

  test('has 1,000 at most', async () => {
    await redis.rpush(RELOADS_KEY, ...Array.from({ length: RELOADS_KEPT }, (_, at) => `${at} done`))
    await using gateway = await start()
    await gateway.reload()
    await eventually(async () => expect((await redis.lindex(RELOADS_KEY, 0))?.length).toBeGreaterThan(10))
    expect(await redis.llen(RELOADS_KEY)).toBe(1000)
    expect(await redis.lindex(RELOADS_KEY, -1)).toBe('998 done')
  })

  test('is written once by a gateway of several processes', async () => {
    await using gateway = await start({ workers: 2 })
    await gateway.reload()
    await gateway.reload()
    await eventually(async () => expect(await redis.llen(RELOADS_KEY)).toBeGreaterThanOrEqual(2))
    await gateway.stop()
    expect(await redis.llen(RELOADS_KEY)).toBe(2)
  })

  test('costs a reload nothing where the key is something else, and says so once', async () => {
    await redis.set(RELOADS_KEY, 'mine')
    await using gateway = await start()
    await gateway.reload()
    await gateway.program.waitForLine(/Redis refuses the journal of reloads.*TYK_GW_ANALYTICSLEDGER.*WRONGTYPE/)
    await gateway.reload()
    await gateway.stop()
    expect(gateway.program.output().split('Redis refuses the journal')).toHaveLength(2)
    expect(await redis.get(RELOADS_KEY)).toBe('mine')
  })

  test.each([
    ['LTRIM', ['-ltrim']],
    ['MULTI', ['-multi']],
    ['the key', ['resetkeys', '~analytics-*', '~apikey-*', '~version-check-gateway']],
  ])('and its gateway stand a Redis user without %s', async (_, rights) => {
    await redis.acl('SETUSER', 'plain', 'on', '>pw', '~*', '&*', '+@all', ...rights)
    const storage = { type: 'redis', host: '127.0.0.1', port: server.port, username: 'plain', password: 'pw' }
    await using gateway = await start({ storage })
    await gateway.reload()
    await eventually(async () => {
      const isNoted = (await redis.exists(RELOADS_KEY)) === 1
      expect(isNoted || gateway.program.output().includes('Redis refuses the journal of reloads')).toBe(true)
    })
    await gateway.reload()
    await gateway.stop()
    expect(gateway.program.output().split('reload: complete')).toHaveLength(3)
  })

  test.each([{ analytics_ledger: false }, { enable_analytics: false }])('is not kept with %j', async (conf) => {
    await using gateway = await start(conf)
    await gateway.reload()
    await gateway.program.waitForLine('reload: cycle completed')
    expect(await redis.exists(RELOADS_KEY)).toBe(0)
  })
})
