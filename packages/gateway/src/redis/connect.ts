import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import type { RedisClient } from './stores.ts'

/** Without the option whose type asks for a type parameter on every client. */
type NodeOptions = Omit<RedisOptions, 'replyMapping'>

export type StorageConfig = GatewayConfig['storage']

const DEFAULT_TIMEOUT_S = 5
const MIN_RETRY_MS = 500
const MAX_RETRY_MS = 10_000
const LOG_INTERVAL_MS = 10_000

/**
 * Opens a connection as `storage` describes: a single node, Sentinel when `master_name` is set, or a cluster.
 *
 * Commands fail at once while Redis is away instead of waiting in line: what a request does then is decided by its
 * steps. Connecting goes on for ever, with growing pauses.
 */
export function connectRedis(storage: StorageConfig, log: Log): RedisClient {
  const nodes = addresses(storage)
  const options = redisOptions(storage)
  const client = create(storage, nodes, options)
  let loggedAtMs = -Infinity
  client.on('error', (err: Error) => {
    if (performance.now() - loggedAtMs < LOG_INTERVAL_MS) return
    loggedAtMs = performance.now()
    log.error(
      { err, address: nodes.map((node) => `${node.host}:${node.port}`).join(',') },
      'storage: Redis connection failed',
    )
  })
  return client
}

function create(storage: StorageConfig, nodes: readonly Address[], options: NodeOptions): RedisClient {
  if (storage.master_name !== '') {
    return new Redis({
      ...options,
      name: storage.master_name,
      sentinels: [...nodes],
      ...(storage.sentinel_password === '' ? {} : { sentinelPassword: storage.sentinel_password }),
      sentinelRetryStrategy: retryDelay,
    })
  }
  if (storage.enable_cluster) {
    return new Cluster([...nodes], {
      enableOfflineQueue: false,
      clusterRetryStrategy: retryDelay,
      redisOptions: options,
    })
  }
  const [node] = nodes
  return new Redis({ ...options, ...node })
}

interface Address {
  readonly host: string
  readonly port: number
}

/** `addrs` wins over `hosts`, which wins over `host` and `port`. */
function addresses(storage: StorageConfig): Address[] {
  if (storage.addrs.length > 0) return storage.addrs.map(parseAddress)
  const hosts = Object.entries(storage.hosts)
  if (hosts.length > 0) return hosts.map(([host, port]) => ({ host, port: Number(port) }))
  return [{ host: storage.host === '' ? 'localhost' : storage.host, port: storage.port === 0 ? 6379 : storage.port }]
}

function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':')
  if (colon === -1) return { host: text, port: 6379 }
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}

const retryDelay = (attempt: number): number => Math.min(MIN_RETRY_MS * 2 ** (attempt - 1), MAX_RETRY_MS)

function redisOptions(storage: StorageConfig): NodeOptions {
  const timeoutMs = (storage.timeout > 0 ? storage.timeout : DEFAULT_TIMEOUT_S) * 1000
  return {
    ...(storage.username === '' ? {} : { username: storage.username }),
    ...(storage.password === '' ? {} : { password: storage.password }),
    db: storage.enable_cluster ? 0 : storage.database,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: retryDelay,
    ...(storage.use_ssl ? { tls: tlsOptions(storage) } : {}),
  }
}

function tlsOptions(storage: StorageConfig): ConnectionOptions {
  const withPair = storage.cert_file !== '' && storage.key_file !== ''
  return {
    rejectUnauthorized: !storage.ssl_insecure_skip_verify,
    ...(storage.ca_file === '' ? {} : { ca: readFileSync(storage.ca_file) }),
    ...(withPair ? { cert: readFileSync(storage.cert_file), key: readFileSync(storage.key_file) } : {}),
    minVersion: tlsVersion(storage.tls_min_version, 'TLSv1.2'),
    maxVersion: tlsVersion(storage.tls_max_version, 'TLSv1.3'),
  }
}

type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

const TLS_VERSIONS: Readonly<Record<string, TlsVersion>> = {
  '1.0': 'TLSv1',
  '1.1': 'TLSv1.1',
  '1.2': 'TLSv1.2',
  '1.3': 'TLSv1.3',
}

const tlsVersion = (text: string, absent: TlsVersion): TlsVersion => TLS_VERSIONS[text] ?? absent
