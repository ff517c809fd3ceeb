import { pino } from 'pino'
import { startRedis, type RedisServer } from '../../../../test/support/redis.ts'
import { createRedisStores, type RedisStores } from '../../src/redis/stores.ts'
import { configWith } from './steps.ts'

export interface TestRedis extends AsyncDisposable {
  readonly server: RedisServer
  readonly stores: RedisStores
}

/** A Redis of the test's own with the gateway's connections to it. */
export async function startTestRedis(): Promise<TestRedis> {
  const server = await startRedis()
  const config = configWith({ 'storage.host': server.host, 'storage.port': server.port })
  const stores = createRedisStores(config, pino({ level: 'silent' }))
  if (!(await stores.waitUntilUp(10_000))) throw new Error('Redis did not come up')
  return {
    server,
    stores,
    async [Symbol.asyncDispose]() {
      await stores.close()
      await server.stop()
    },
  }
}
