/** A Redis stands in for the Sentinel: what is listened to is one channel. */
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { type RedisServer, redisSkipReason, startRedis } from '../../../../test/support/redis.ts'
import { followFailovers } from './follow-failovers.ts'

const CHANNEL = '+switch-master'
const WAIT_MS = 30_000

const connect = ({ host, port }: RedisServer): Redis => new Redis({ host, port, protocol: 2 })

async function followed(master: RedisServer, sentinel: RedisServer): Promise<Redis> {
  const client = new Redis({ host: master.host, port: master.port, protocol: 2, retryStrategy: () => 10 })
  followFailovers(client, { name: 'mine', sentinels: [{ host: sentinel.host, port: sentinel.port }] })
  await client.ping()
  return client
}

const listeners = async (sentinel: Redis): Promise<unknown> => (await sentinel.pubsub('NUMSUB', CHANNEL))[1]

describe.skipIf(redisSkipReason())('a client behind Sentinels', () => {
  it('connects anew when its master is another one, and for no other', async () => {
    await using master = await startRedis()
    await using server = await startRedis()
    const sentinel = connect(server)
    const client = await followed(master, server)
    const seen: string[] = []
    client.on('close', () => seen.push('close')).on('ready', () => seen.push('ready'))
    await eventually(async () => expect(await listeners(sentinel)).toBe(1))
    const before = await client.client('ID')
    await sentinel.publish(CHANNEL, 'other 127.0.0.1 1 127.0.0.1 2')
    await sentinel.publish(CHANNEL, 'mine 127.0.0.1 1 127.0.0.1 2')
    await eventually(() => expect(seen).toEqual(['close', 'ready']))
    expect(await client.client('ID')).not.toBe(before)
    client.disconnect()
    await eventually(async () => expect(await listeners(sentinel)).toBe(0))
    sentinel.disconnect()
  })

  it(
    'outlives a Sentinel that refuses to be listened to, and listens when it may',
    { timeout: WAIT_MS * 2 },
    async () => {
      await using master = await startRedis()
      await using server = await startRedis()
      const sentinel = connect(server)
      const client = await followed(master, server)
      await eventually(async () => expect(await listeners(sentinel)).toBe(1))
      await sentinel.config('SET', 'requirepass', 'secret')
      await sentinel.config('RESETSTAT')
      await sentinel.client('KILL', 'TYPE', 'PUBSUB')
      await eventually(async () => expect(await sentinel.info('errorstats')).toContain('errorstat_NOAUTH'), WAIT_MS)
      expect(await client.ping()).toBe('PONG')
      await sentinel.config('SET', 'requirepass', '')
      await eventually(async () => expect(await listeners(sentinel)).toBe(1), WAIT_MS)
      client.disconnect()
      sentinel.disconnect()
    },
  )
})
