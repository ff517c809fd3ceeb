/** From Tyk's storage options to what ioredis takes. No connection is made here. */
import { readFileSync } from 'node:fs'
import type { SecureVersion } from 'node:tls'
import type { Cluster, RedisOptions as AnyRedisOptions } from 'ioredis'
import type { StorageConfig } from '../config/schema.ts'

type RedisOptions = Omit<AnyRedisOptions, 'replyMapping'>
type ClusterOptions = NonNullable<ConstructorParameters<typeof Cluster>[1]>

export interface Address {
  readonly host: string
  readonly port: number
}

export type RedisTarget =
  | { readonly kind: 'single'; readonly options: RedisOptions }
  | { readonly kind: 'cluster'; readonly nodes: Address[]; readonly options: ClusterOptions }

/** Milliseconds between attempts to connect: constant, so that records flow again soon after Redis is back. */
const RECONNECT_MS = 500

/** @throws Error when a certificate file cannot be read. */
export function buildTarget(config: StorageConfig): RedisTarget {
  const addresses = addressesOf(config)
  const common = commonOptions(config)
  if (config.master_name !== '') {
    const sentinelPassword = config.sentinel_password === '' ? {} : { sentinelPassword: config.sentinel_password }
    return {
      kind: 'single',
      options: {
        ...common,
        ...sentinelPassword,
        name: config.master_name,
        sentinels: addresses,
        sentinelRetryStrategy: () => RECONNECT_MS,
        // A Sentinel that is connected and silent must not be waited for: there are others.
        sentinelCommandTimeout: common.commandTimeout,
        ...(common.tls === undefined ? {} : { sentinelTLS: common.tls, enableTLSForSentinelMode: true }),
      },
    }
  }
  if (config.enable_cluster) {
    const { retryStrategy: _, enableOfflineQueue, ...redisOptions } = common
    const options = {
      redisOptions,
      enableOfflineQueue: enableOfflineQueue === true,
      clusterRetryStrategy: () => RECONNECT_MS,
    }
    return { kind: 'cluster', nodes: addresses, options: { ...options, slotsRefreshTimeout: config.timeout * 1000 } }
  }
  const [first = { host: '127.0.0.1', port: 6379 }] = addresses
  return { kind: 'single', options: { ...common, ...first, db: config.database } }
}

/** `addrs` wins over `hosts`, and both over `host` with `port`. */
export function addressesOf(config: StorageConfig): Address[] {
  if (config.addrs.length > 0) return config.addrs.map(parseAddress)
  const hosts = Object.entries(config.hosts)
  if (hosts.length > 0) return hosts.map(([host, port]) => parseAddress(`${host}:${port}`))
  if (config.port === 0) return [{ host: config.host || '127.0.0.1', port: 6379 }]
  return [{ host: config.host || 'localhost', port: config.port }]
}

function parseAddress(text: string): Address {
  const match = /^(?:\[(.+)\]|([^:]*))(?::(\d+))?$/.exec(text.trim())
  return { host: match?.[1] ?? (match?.[2] || 'localhost'), port: Number(match?.[3] ?? 6379) }
}

function commonOptions(config: StorageConfig): RedisOptions {
  const timeoutMs = config.timeout * 1000
  const tls = tlsOptions(config)
  return {
    // RESP3 begins with HELLO, which Redis 5 does not know.
    protocol: 2,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    keepAlive: 30_000,
    retryStrategy: () => RECONNECT_MS,
    // A command fails at once while Redis is away. Every caller knows how to go on, and nothing piles up in memory.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // After a failover the old master answers READONLY: connecting again finds the new one. Before version 7 Redis says it
    // in the middle of an error of the script.
    reconnectOnError: ({ message }) => /(?:^|-)READONLY /.test(message),
    ...(config.username === '' ? {} : { username: config.username }),
    ...(config.password === '' ? {} : { password: config.password }),
    ...(tls === undefined ? {} : { tls }),
  }
}

function tlsOptions(config: StorageConfig): NonNullable<RedisOptions['tls']> | undefined {
  if (!config.use_ssl && !config.redis_use_ssl) return undefined
  const client = config.ssl_cert_file !== '' && config.ssl_key_file !== ''
  return {
    rejectUnauthorized: !config.ssl_insecure_skip_verify && !config.redis_ssl_insecure_skip_verify,
    minVersion: `TLSv${config.ssl_min_version}`.replace('TLSv1.0', 'TLSv1') as SecureVersion,
    maxVersion: `TLSv${config.ssl_max_version}`.replace('TLSv1.0', 'TLSv1') as SecureVersion,
    ...(config.ssl_ca_file === '' ? {} : { ca: readFileSync(config.ssl_ca_file) }),
    ...(client ? { cert: readFileSync(config.ssl_cert_file), key: readFileSync(config.ssl_key_file) } : {}),
  }
}

export function keyPrefixOf(config: StorageConfig, fallback: string): string {
  return config.key_prefix || config.redis_key_prefix || fallback
}
