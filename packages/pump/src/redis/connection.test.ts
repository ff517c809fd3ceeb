import { describe, expect, it } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { redisSkipReason, startRedis } from '../../../../test/support/redis.ts'
import { openRedis } from './connection.ts'

describe.skipIf(redisSkipReason())('a connection', () => {
  it.each([2, 3] as const)('is never up with another database than its own, protocol %i', async (protocol) => {
    await using server = await startRedis()
    const options = { host: server.host, port: server.port, db: 99, protocol, retryStrategy: () => 5 } as const
    const redis = openRedis({ kind: 'single', options })
    const seen: string[] = []
    redis.client.on('ready', () => seen.push('ready')).on('close', () => seen.push('close'))
    await eventually(() => expect(seen.length).toBeGreaterThanOrEqual(3))
    expect(seen).not.toContain('ready')
    expect(redis.isUp()).toBe(false)
    expect(redis.lastError()).toMatch(/database 99 .*"database".*DB index is out of range/)
    redis.close()
  })
})
