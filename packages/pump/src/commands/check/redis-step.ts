import type { StorageConfig } from '../../config/schema.ts'
import { firstAttempt } from '../../connect.ts'
import type { RedisConnection } from '../../redis/connection.ts'
import { addressesOf } from '../../redis/options.ts'
import { type Step, failed, ok, warning } from './step.ts'

const CONNECT_MS = 10_000

/** What `INFO` says, by name. */
export type RedisInfo = ReadonlyMap<string, string>

export interface CheckedRedis {
  readonly step: Step
  /** null: Redis cannot be used. */
  readonly info: RedisInfo | null
}

/** Reaches Redis, and looks at what would lose records or refuse them. */
export async function checkRedis(redis: RedisConnection, config: StorageConfig): Promise<CheckedRedis> {
  const servers = addressesOf(config).map(({ host, port }) => `${host}:${port}`)
  const where = `${servers.join(', ')}${config.enable_cluster ? '' : ` database ${config.database}`}`
  let info: RedisInfo
  try {
    await firstAttempt(redis, AbortSignal.timeout(CONNECT_MS))
    info = parseInfo(await redis.client.info())
  } catch (error) {
    const why = redis.explain(error)
    return { step: failed('redis', `${where}: ${why}`, cureOf(why)), info: null }
  }
  const detail = `Redis ${info.get('redis_version') ?? ''} at ${where}`
  if (info.get('role') === 'slave') {
    const cure = 'Name the master in analytics_storage_config, or the Sentinels with master_name.'
    return { step: failed('redis', `${detail} is a replica: nothing can be taken from it`, cure), info }
  }
  const policy = await evictionPolicy(redis, info)
  if (policy.startsWith('allkeys-')) {
    const cure = 'Set maxmemory-policy to noeviction or volatile-*.'
    return {
      step: warning('redis', `${detail} may evict records that wait: maxmemory-policy is ${policy}`, cure),
      info,
    }
  }
  const [used, most] = [Number(info.get('used_memory') ?? 0), Number(info.get('maxmemory') ?? 0)]
  if (most > 0 && used > most * 0.9) {
    const share = `${Math.round((used / most) * 100)} % of maxmemory is used`
    return { step: warning('redis', `${detail}: ${share}`, 'Raise maxmemory: a full Redis takes no records.'), info }
  }
  return { step: ok('redis', detail), info }
}

/** Managed servers do not let everybody ask for the setting; some say it here. */
async function evictionPolicy(redis: RedisConnection, info: RedisInfo): Promise<string> {
  const said = info.get('maxmemory_policy')
  if (said !== undefined) return said
  const answer = await redis.client.config('GET', 'maxmemory-policy').catch(() => null)
  return Array.isArray(answer) ? String(answer[1]) : ''
}

export function parseInfo(text: string): RedisInfo {
  const lines = text.split(/\r?\n/).flatMap((line): [string, string][] => {
    const colon = line.indexOf(':')
    return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : []
  })
  return new Map(lines)
}

/** What to do, by the words of the server or of the connection. */
const CURES: readonly (readonly [RegExp, string])[] = [
  [
    /NOAUTH|WRONGPASS|invalid password|without any password/i,
    'Correct analytics_storage_config.username and password (TYK_PMP_ANALYTICSSTORAGECONFIG_USERNAME, …_PASSWORD).',
  ],
  [/NOPERM/, 'Give the user of Redis every command on every key (ACL: ~* +@all).'],
  [/DB index/i, 'Correct analytics_storage_config.database (TYK_PMP_ANALYTICSSTORAGECONFIG_DATABASE).'],
  [
    /MOVED|CROSSSLOT|cluster/i,
    'Set analytics_storage_config.enable_cluster to true for a Redis Cluster, to false for any other.',
  ],
  [/OOM/, 'Raise maxmemory, or give leases and dead letters up: Redis is full.'],
  [/READONLY/, 'Name the master in analytics_storage_config, or the Sentinels with master_name.'],
  [/LOADING/, 'Wait: Redis is loading its data.'],
  [/MISCONF/, 'Redis cannot save its data to the disk: look at its log.'],
  [
    /ENOTFOUND|EAI_AGAIN/,
    'The name of the host is not known here. In Docker it is the name of the service; set analytics_storage_config.host (TYK_PMP_ANALYTICSSTORAGECONFIG_HOST).',
  ],
  [/certificate|SSL|TLS/i, 'Look at analytics_storage_config.use_ssl and the ssl_* keys.'],
]

export function cureOf(why: string): string {
  const known = CURES.find(([pattern]) => pattern.test(why))
  return (
    known?.[1] ??
    'Start Redis, or set analytics_storage_config.host and port (TYK_PMP_ANALYTICSSTORAGECONFIG_HOST, …_PORT) to where it is, as seen from here.'
  )
}
