import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import type { RedisStores } from '../redis/stores.ts'
import { CLUSTER_CHANNEL, jwksInvalidMessage } from '../session/key-space-message.ts'

export interface AnnounceDeps {
  readonly redis: Pick<RedisStores, 'main' | 'isUp'>
  readonly config: Pick<GatewayConfig, 'node_secret'>
  readonly log: Log
}

/**
 * Has every gateway on this Redis, this one included, fetch the key sets of some APIs anew. While Redis is away nobody can
 * be told, which is logged: it is no failure of the one who asked.
 */
export async function announceInvalidJwks(apiIds: readonly string[], deps: AnnounceDeps): Promise<void> {
  const { redis, config, log } = deps
  try {
    if (!redis.isUp) throw new Error('Redis is not reachable')
    await Promise.all(
      apiIds.map((apiId) => redis.main.publish(CLUSTER_CHANNEL, jwksInvalidMessage(apiId, config.node_secret))),
    )
  } catch (err) {
    log.error({ err, prefix: 'pub-sub' }, 'Other gateways could not be told that key sets are invalid')
  }
}
