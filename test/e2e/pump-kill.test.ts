/** kill -9 of the pump in the middle of its work: the next pump brings every record to Elasticsearch, each once. */
import { analyticsKey, emptyRecord, encodeRecord } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startPump } from '../support/pump.ts'
import { redisSkipReason, startRedis } from '../support/redis.ts'
import { storeKinds } from '../support/stores.ts'

const RECORDS = 20_000
/** A lease is free again some seconds after its owner was last heard of. */
const RECOVERY_MS = 60_000

const elements = Array.from({ length: RECORDS }, (_, i) =>
  encodeRecord({
    ...emptyRecord(),
    method: 'GET',
    path: `/${i}`,
    responseCode: 200,
    tags: [],
    timestamp: { seconds: 1_769_594_400 + i, nanos: i },
    expireAt: { seconds: 4_923_194_400, nanos: 0 },
  }),
)

describe.skipIf(redisSkipReason()).each([...storeKinds])('with $name', ({ create }) => {
  test(
    'a killed pump loses nothing and doubles nothing',
    async () => {
      await using redis = await startRedis()
      const store = await create()
      const client = new Redis(redis.port)
      for (let from = 0; from < RECORDS; from += 5000) {
        await client.rpush(analyticsKey('msgpack'), ...elements.slice(from, from + 5000))
      }
      client.disconnect()
      const pump = (): ReturnType<typeof startPump> =>
        startPump({
          redisPort: redis.port,
          pumps: {
            elasticsearch: {
              type: 'elasticsearch',
              meta: {
                index_name: 'tyk_analytics',
                document_type: 'tyk_analytics',
                elasticsearch_url: store.url,
                bulk_config: { bulk_actions: 200 },
              },
            },
          },
        })
      const first = await pump()
      await eventually(async () => expect(await store.count()).toBeGreaterThan(200))
      first.program.kill('SIGKILL')
      await first.program.exited()
      expect(await store.count()).toBeLessThan(RECORDS)
      await first.stop()

      await using _ = await pump()
      await eventually(async () => expect(await store.count()).toBe(RECORDS), RECOVERY_MS, 200)
      await store.close()
    },
    2 * RECOVERY_MS,
  )
})
