import { ANALYTICS_KEY_PREFIX, sourceLists } from '@tek/analytics-record'
import { type Cluster, Redis } from 'ioredis'
import type { StorageConfig } from '../../config/schema.ts'
import type { RedisConnection } from '../../redis/connection.ts'
import { buildTarget } from '../../redis/options.ts'
import type { Facts } from './facts.ts'
import { parseInfo } from './redis-step.ts'
import { type Step, ok, warning } from './step.ts'

const NO_GATEWAY =
  'Let storage.host, storage.port and storage.database of tyk.conf name this very Redis, and start the gateway.'

const NO_RECORDS =
  'Set enable_analytics of tyk.conf to true (TYK_GW_ENABLEANALYTICS), send a request through the gateway, and look for do_not_track of the API, enable_analytics of its organisation, and analytics_config.ignored_ips.'

/** Whether a gateway writes where this pump reads. */
export async function checkGateway(redis: RedisConnection, config: StorageConfig, facts: Facts): Promise<Step> {
  const { gatewayVersion, pushes, listed, backlogs, prefix } = facts
  const seen = listed > 0 || backlogs.length > 0
  const name = gatewayVersion === null ? 'a gateway' : `gateway ${gatewayVersion}`
  if (seen) return ok('gateway', `${name} writes records`)
  const elsewhere = await lookElsewhere(redis, config, prefix)
  if (elsewhere !== null) return warning('gateway', elsewhere.detail, elsewhere.cure)
  if (gatewayVersion === null) return warning('gateway', 'no gateway has started on this Redis database', NO_GATEWAY)
  if (pushes === 0) {
    return warning('gateway', `${name} has started here, and no record was written since Redis started`, NO_RECORDS)
  }
  if (pushes === null) return ok('gateway', `${name} has started here`)
  return ok('gateway', `${name} has started here, and Redis counts ${pushes} RPUSH since it started`)
}

interface Elsewhere {
  readonly detail: string
  readonly cure: string
}

/** Records or a gateway in another database of the server, or under another prefix. */
async function lookElsewhere(redis: RedisConnection, config: StorageConfig, prefix: string): Promise<Elsewhere | null> {
  if (prefix !== ANALYTICS_KEY_PREFIX) {
    const list = await firstFilled(redis.client, ANALYTICS_KEY_PREFIX)
    if (list !== null) {
      const cure = `Leave analytics_storage_config.key_prefix out: gateways write under "${ANALYTICS_KEY_PREFIX}".`
      return { detail: `records lie in ${list}, and this pump reads lists that begin with ${prefix}`, cure }
    }
  }
  if (config.enable_cluster) return null
  for (const database of await otherDatabases(redis, config.database)) {
    const where = await lookInto(database, config, prefix)
    if (where !== null) {
      const cure = `Set analytics_storage_config.database to ${database} (TYK_PMP_ANALYTICSSTORAGECONFIG_DATABASE), if that is the gateway's storage.database.`
      return {
        detail: `${where} in database ${database} of this Redis, and this pump reads database ${config.database}`,
        cure,
      }
    }
  }
  return null
}

async function firstFilled(client: Redis | Cluster, prefix: string): Promise<string | null> {
  for (const { key } of sourceLists(prefix)) if ((await client.exists(key)) === 1) return key
  return null
}

async function otherDatabases({ client }: RedisConnection, own: number): Promise<number[]> {
  const text = await client.info('keyspace').catch(() => '')
  return [...parseInfo(text).keys()]
    .flatMap((name) => (/^db\d+$/.test(name) ? [Number(name.slice(2))] : []))
    .filter((database) => database !== own)
}

/** A connection of its own: the other one keeps its database. */
async function lookInto(database: number, config: StorageConfig, prefix: string): Promise<string | null> {
  const target = buildTarget({ ...config, database })
  if (target.kind === 'cluster') return null
  const client = new Redis({ ...target.options, db: database, enableOfflineQueue: true, lazyConnect: true })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const list = await firstFilled(client, prefix)
    if (list !== null) return `records lie in ${list}`
    return (await client.exists('version-check-gateway')) === 1 ? 'a gateway has started' : null
  } catch {
    return null
  } finally {
    client.disconnect()
  }
}
