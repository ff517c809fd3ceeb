import { createHash, timingSafeEqual } from 'node:crypto'
import { Cluster } from 'ioredis'
import type { GatewayConfig } from '../config/schema.ts'
import { DRL_COMMAND } from '../limits/gateway-count.ts'
import type { Log } from '../log/log.ts'
import { cacheKeysOf } from '../session/key-space-message.ts'
import { FAILOVER } from './follow-failovers.ts'
import type { RedisClient, RedisStores } from './stores.ts'

/** What gateways on one Redis tell each other. */
const CHANNEL = 'tyk.cluster.notifications'
/** Go's number of SHA-256, as it stands in messages. */
const SHA256 = 5

const RELOAD_COMMANDS = new Set(['ApiUpdated', 'ApiRemoved', 'ApiAdded', 'PolicyChanged', 'GroupReload'])

export interface ClusterChannelOptions {
  readonly redis: RedisStores
  readonly config: GatewayConfig
  readonly log: Log
  readonly onReload: () => void
  /** Keys of sessions that another gateway changed. */
  readonly onSessionsChanged: (cacheKeys: readonly string[]) => void
  /** A gateway that divides limits is there. */
  readonly onGatewayAnnounced: (payload: string) => void
  /** Keys of an API's token issuers are to be fetched anew. */
  readonly onJwksInvalidated: (apiId: string) => void
}

interface Notification {
  readonly command: string
  readonly payload: string
  readonly signature: string
  readonly algorithm: number
}

/** Listens for signed notifications and sends them. A gateway hears its own. */
export class ClusterChannel {
  readonly #options: ClusterChannelOptions
  #subscriber: RedisClient | null = null

  constructor(options: ClusterChannelOptions) {
    this.#options = options
  }

  start(): void {
    const { redis, log } = this.#options
    // A subscription waits for Redis; commands of requests do not.
    const subscriber = redis.main instanceof Cluster ? redis.main.duplicate() : redis.main.duplicate()
    this.#subscriber = subscriber
    // Its client is made without what follows a failover.
    redis.main.on(FAILOVER, () => {
      if (subscriber.status === 'ready') subscriber.disconnect(true)
    })
    subscriber.on('error', () => {
      // The main connection reports the same trouble.
    })
    const subscribe = (): void => {
      subscriber.subscribe(CHANNEL).catch((err: unknown) => {
        log.error({ err, prefix: 'pub-sub' }, 'Connection to Redis failed, reconnect in 10s')
      })
    }
    subscriber.on('ready', subscribe)
    subscriber.on('message', (_channel: string, text: string) => this.#onMessage(text))
  }

  /** @param command - e.g. `GroupReload`. A Redis that is away is logged, not an error of the caller. */
  async publish(command: string, payload = ''): Promise<void> {
    const { redis, config, log } = this.#options
    const signature = sign(command, payload, config.node_secret)
    const message = JSON.stringify({ command, payload, signature, algorithm: SHA256 })
    try {
      await redis.main.publish(CHANNEL, message)
    } catch (err) {
      log.error({ err, command, prefix: 'pub-sub' }, 'Could not send notification')
    }
  }

  async close(): Promise<void> {
    this.#subscriber?.disconnect()
  }

  #onMessage(text: string): void {
    const { log, config, onReload, onSessionsChanged, onGatewayAnnounced, onJwksInvalidated } = this.#options
    const notification = parse(text)
    if (notification === null) {
      log.error({ prefix: 'pub-sub' }, 'Unmarshalling message body failed, malformed')
      return
    }
    if (!config.allow_insecure_configs && !isSigned(notification, config.node_secret)) {
      log.error({ prefix: 'pub-sub', command: notification.command }, 'Payload signature is invalid!')
      return
    }
    if (RELOAD_COMMANDS.has(notification.command)) {
      log.info({ prefix: 'pub-sub' }, 'Reloading endpoints')
      onReload()
    } else if (notification.command === 'KeySpaceUpdateNotification') {
      onSessionsChanged(cacheKeysOf(notification.payload))
    } else if (notification.command === DRL_COMMAND) {
      onGatewayAnnounced(notification.payload)
    } else if (notification.command === 'InvalidateJWKSCacheForAPI') {
      onJwksInvalidated(notification.payload)
    } else {
      log.debug({ prefix: 'pub-sub', command: notification.command }, 'Notification ignored')
    }
  }
}

function parse(text: string): Notification | null {
  try {
    const json = JSON.parse(text) as Record<string, unknown>
    const { command, payload = '', signature = '', algorithm = 0 } = json
    if (typeof command !== 'string' || typeof payload !== 'string') return null
    if (typeof signature !== 'string' || typeof algorithm !== 'number') return null
    return { command, payload, signature, algorithm }
  } catch {
    return null
  }
}

const sign = (command: string, payload: string, secret: string): string =>
  createHash('sha256')
    .update(command + payload + secret)
    .digest('hex')

function isSigned({ command, payload, signature, algorithm }: Notification, secret: string): boolean {
  if (algorithm !== SHA256) return false
  const expected = Buffer.from(sign(command, payload, secret))
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected)
}
