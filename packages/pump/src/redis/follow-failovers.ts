import { Redis, type RedisOptions as AnyRedisOptions } from 'ioredis'

type RedisOptions = Omit<AnyRedisOptions, 'replyMapping'>

const CHANNEL = '+switch-master'
/** Records flow without them, so Sentinels that are away are not asked often. */
const RECONNECT_MS = 5_000

/** What a client that finds its master through Sentinels was made with. */
export interface SentinelOptions extends Pick<
  RedisOptions,
  'name' | 'sentinels' | 'sentinelPassword' | 'sentinelTLS' | 'connectTimeout' | 'sentinelCommandTimeout'
> {}

/**
 * Makes a client connect anew when one of its Sentinels names another master, until the client is ended. The old master of a
 * failover takes writes for up to ten seconds afterwards, until it is made a replica, and forgets them then.
 *
 * Listens to each Sentinel by a connection of its own. The client library's own detector ends the process when a Sentinel
 * that came back refuses to be listened to, and the client when a failover is announced while it connects.
 */
export function followFailovers(client: Redis, options: SentinelOptions): void {
  const watchers = (options.sentinels ?? []).map((address) => watch(address, options, onSwitched))
  let isDue = false
  function onSwitched(): void {
    // While it connects it may have asked already; then it asks again as soon as it is there.
    isDue = client.status !== 'ready'
    if (!isDue) client.disconnect(true)
  }
  client.on('ready', () => {
    if (!isDue) return
    isDue = false
    client.disconnect(true)
  })
  client.once('end', () => {
    for (const watcher of watchers) watcher.disconnect()
  })
}

type Address = NonNullable<RedisOptions['sentinels']>[number]

function watch(address: Address, options: SentinelOptions, onSwitched: () => void): Redis {
  const { name, sentinelPassword, sentinelTLS, connectTimeout, sentinelCommandTimeout } = options
  const watcher = new Redis({
    ...address,
    ...(sentinelPassword === undefined || sentinelPassword === null ? {} : { password: sentinelPassword }),
    ...(sentinelTLS === undefined ? {} : { tls: sentinelTLS }),
    ...(connectTimeout === undefined ? {} : { connectTimeout }),
    ...(sentinelCommandTimeout === undefined ? {} : { commandTimeout: sentinelCommandTimeout }),
    protocol: 2,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResubscribe: false,
    retryStrategy: () => RECONNECT_MS,
  })
  // Whatever is wrong with a Sentinel, the client says it when it needs one.
  watcher.on('error', () => {})
  // One that refuses or is silent is asked again on another connection.
  watcher.on('ready', () => void watcher.subscribe(CHANNEL).catch(() => watcher.disconnect(true)))
  watcher.on('message', (_channel: string, text: string) => {
    if (text.split(' ', 1)[0] === name) onSwitched()
  })
  return watcher
}
