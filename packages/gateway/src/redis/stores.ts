import type { Cluster, Redis } from 'ioredis'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import { connectRedis } from './connect.ts'

export type RedisClient = Redis | Cluster

/** The gateway's connections to Redis. They come up by themselves and stay wanted while Redis is away. */
export interface RedisStores {
  /** Keys, sessions, policies' counters, notifications. */
  readonly main: RedisClient
  /** Analytics records; the same connection unless a separate store is configured. */
  readonly analytics: RedisClient
  /** Every connection answered its last PING. */
  readonly isUp: boolean
  /** Called each time Redis becomes reachable again after it was not. */
  onRecovery(listener: () => void): void
  /** Resolves when Redis is up, or after the wait. */
  waitUntilUp(waitMs: number): Promise<boolean>
  close(): Promise<void>
}

const PING_MS = 1000

export function createRedisStores(config: GatewayConfig, log: Log): RedisStores {
  const main = connectRedis(config.storage, log)
  const separate = config.enable_analytics && config.enable_separate_analytics_store
  const analytics = separate ? connectRedis(config.analytics_storage, log) : main
  const clients = separate ? [main, analytics] : [main]
  const listeners: (() => void)[] = []
  const waiting: ((up: boolean) => void)[] = []
  let up = false
  let everUp = false

  const setUp = (now: boolean): void => {
    if (now === up) return
    up = now
    if (!now) {
      log.error('storage: Redis is either down or was not configured')
      return
    }
    log.info('storage: connected to redis')
    for (const resolve of waiting.splice(0)) resolve(true)
    if (everUp) for (const listener of listeners) listener()
    everUp = true
  }
  const ping = async (): Promise<void> => {
    const results = await Promise.allSettled(clients.map((client) => client.ping()))
    setUp(results.every((result) => result.status === 'fulfilled'))
  }
  const timer = setInterval(() => void ping(), PING_MS).unref()
  for (const client of clients) client.on('ready', () => void ping())

  return {
    main,
    analytics,
    get isUp() {
      return up
    },
    onRecovery: (listener) => void listeners.push(listener),
    waitUntilUp(waitMs) {
      if (up) return Promise.resolve(true)
      return new Promise((resolve) => {
        waiting.push(resolve)
        setTimeout(() => resolve(up), waitMs).unref()
      })
    },
    async close() {
      clearInterval(timer)
      for (const client of clients) client.disconnect()
    },
  }
}
