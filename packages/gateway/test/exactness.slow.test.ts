/**
 * How exact limits are when two worker processes serve many connections at once: what passes in ten seconds of load, in each
 * algorithm, beside what docs/limits.md says of it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'
import { openConnection } from './support/connection.ts'

const RATE = 100
const SECONDS = 10
const CONNECTIONS = 8
const WORKERS = 2
/** Of what should pass; a busy machine may serve less. The sliding log counts refused requests: it lets one period through. */
const ENOUGH = (RATE * SECONDS) / 2

interface Passed {
  /** When the first request was sent and the last answer was there, in milliseconds of the wall clock. */
  readonly from: number
  readonly to: number
}

const periods = ({ from, to }: Passed): number => Math.floor((to - from) / 1000) + 1
const calendarSeconds = ({ from, to }: Passed): number => Math.floor(to / 1000) - Math.floor(from / 1000) + 1

describe.skipIf(redisSkipReason())(
  `${CONNECTIONS} connections to ${WORKERS} workers, ${RATE} requests a second`,
  () => {
    let redis: RedisServer
    let upstream: Upstream
    beforeAll(async () => {
      redis = await startRedis()
      upstream = await startUpstream((_, response) => void response.end('ok'))
    })
    afterAll(async () => {
      await upstream?.close()
      await redis?.[Symbol.asyncDispose]()
    })

    test.each<[string, Record<string, unknown>, (passed: Passed) => number, atLeast: number]>([
      ['counted in the gateway', {}, (passed) => RATE * periods(passed), ENOUGH],
      ['sliding log', { enable_redis_rolling_limiter: true }, (passed) => RATE * periods(passed), RATE],
      ['fixed window', { enable_fixed_window_rate_limiter: true }, (passed) => RATE * calendarSeconds(passed), ENOUGH],
      ['sentinel', { enable_sentinel_rate_limiter: true }, (passed) => (RATE + CONNECTIONS) * periods(passed), RATE],
    ])(
      '%s: no more pass than its bound allows',
      async (_, conf, bound, atLeast) => {
        await using gateway = await startGateway({
          redisPort: redis.port,
          apis: { 'app.json': keylessApi(upstream.url, { use_keyless: false, use_standard_auth: true }) },
          conf: { workers: WORKERS, enable_analytics: false, ...conf },
        })
        const right = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
        const created = await fetch(`${gateway.url}/tyk/keys/limited`, {
          method: 'POST',
          headers: { 'x-tyk-authorization': gateway.secret },
          body: JSON.stringify({ org_id: 'default', rate: RATE, per: 1, quota_max: -1, access_rights: right }),
        })
        expect(created.status).toBe(200)
        const from = Date.now()
        const until = performance.now() + SECONDS * 1000
        const statuses = await Promise.all(
          Array.from({ length: CONNECTIONS }, async () => {
            using connection = openConnection(gateway.port)
            const seen = new Map<number, number>()
            while (performance.now() < until) {
              const { status } = await connection.get('/app/x', { authorization: 'limited' })
              seen.set(status, (seen.get(status) ?? 0) + 1)
            }
            return seen
          }),
        )
        const to = Date.now()
        const countOf = (status: number): number => statuses.reduce((sum, seen) => sum + (seen.get(status) ?? 0), 0)
        expect(new Set(statuses.flatMap((seen) => Array.from(seen.keys())))).toEqual(new Set([200, 429]))
        expect(countOf(200)).toBeLessThanOrEqual(bound({ from, to }))
        expect(countOf(200)).toBeGreaterThanOrEqual(atLeast)
      },
      60_000,
    )
  },
)
