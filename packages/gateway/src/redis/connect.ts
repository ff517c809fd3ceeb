import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { GatewayConfig } from '../config/schema.ts'
import { holdEveryWrite } from '../event-loop/hold-writes.ts'
import { awaited } from '../event-loop/stay-awake.ts'
import type { Log } from '../log/log.ts'
import { trustSystemRoots } from '../tls/roots.ts'
import { followFailovers } from './follow-failovers.ts'
import type { RedisClient } from './stores.ts'

/** Without the option whose type asks for a type parameter on every client. */
type NodeOptions = Omit<RedisOptions, 'replyMapping'>

export type StorageConfig = GatewayConfig['storage']

const DEFAULT_TIMEOUT_S = 5
const MIN_RETRY_MS = 500
const MAX_RETRY_MS = 10_000
const LOG_INTERVAL_MS = 10_000
/** A replica that stays one is not asked more often, and goes on answering what only reads. */
const READONLY_RECONNECT_MS = 10_000

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
  if (client instanceof Cluster) client.on('+node', sendTogether)
  else sendTogether(client)
  let loggedAtMs = -Infinity
  client.on('error', (err: Error) => {
    // The client would go on with the keys of database 0.
    if (isRefusedDatabase(err) && !(client instanceof Cluster)) client.disconnect(true)
    if (performance.now() - loggedAtMs < LOG_INTERVAL_MS) return
    loggedAtMs = performance.now()
    log.error(
      { err, address: nodes.map((node) => `${node.host}:${node.port}`).join(',') },
      isRefusedDatabase(err)
        ? `storage: Redis has no database ${storage.database} for this user, correct "database"`
        : 'storage: Redis connection failed',
    )
  })
  return client
}

/**
 * Commands of many requests leave in one write. One by one they made a key with a rate limit and a quota cost twice as much
 * (scenario token of bench/).
 */
function sendTogether(client: Redis): void {
  const server = awaited()
  client.on('connect', () => holdEveryWrite(client.stream, server))
}

function create(storage: StorageConfig, nodes: readonly Address[], options: NodeOptions): RedisClient {
  if (storage.master_name !== '') {
    const withSentinels = {
      ...options,
      name: storage.master_name,
      reconnectOnError: onceInAWhile(isReadOnly),
      sentinels: [...nodes],
      ...(storage.sentinel_password === '' ? {} : { sentinelPassword: storage.sentinel_password }),
      sentinelRetryStrategy: retryDelay,
      // A Sentinel that is connected and silent must not be waited for: there are others.
      ...(options.commandTimeout === undefined ? {} : { sentinelCommandTimeout: options.commandTimeout }),
      // Without these the client talks to both in the clear.
      ...(options.tls === undefined ? {} : { sentinelTLS: options.tls, enableTLSForSentinelMode: true }),
    }
    const client = new Redis(withSentinels)
    followFailovers(client, withSentinels)
    return client
  }
  if (storage.enable_cluster) {
    return new Cluster([...nodes], {
      enableOfflineQueue: false,
      clusterRetryStrategy: retryDelay,
      redisOptions: options,
    })
  }
  const [node] = nodes
  return new Redis({ ...options, ...node, reconnectOnError: onceInAWhile(isReadOnly) })
}

const isRefusedDatabase = (err: Error): boolean => (err as { command?: { name?: string } }).command?.name === 'select'

/** The address leads to another node after a failover, while the connection still leads to what is a replica by now. */
const isReadOnly = (err: Error): boolean => err.message.startsWith('READONLY')

function onceInAWhile(matches: (err: Error) => boolean): (err: Error) => boolean {
  let atMs = -Infinity
  return (err) => {
    if (!matches(err) || performance.now() - atMs < READONLY_RECONNECT_MS) return false
    atMs = performance.now()
    return true
  }
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
    // A connection whose answers are that late is given up: what is sent again on it would be done twice.
    socketTimeout: timeoutMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: retryDelay,
    ...(storage.use_ssl ? { tls: tlsOptions(storage) } : {}),
  }
}

function tlsOptions(storage: StorageConfig): ConnectionOptions {
  trustSystemRoots()
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
