import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startGateway, type Gateway } from '../../support/gateway.ts'
import type { Random } from '../../support/random.ts'
import type { RedisServer } from '../../support/redis.ts'
import type { SoakUpstream } from './upstream.ts'

const KEYS = {
  plain: { rate: -1, per: 1, quota_max: -1 },
  rate: { rate: 3, per: 1, quota_max: -1 },
  quota: { rate: -1, per: 1, quota_max: 10, quota_renewal_rate: 5 },
} as const

/** Definitions by file name; `revision` makes them differ, so that a reload compiles them anew. */
function definitions(upstream: SoakUpstream, revision: number): Record<string, unknown> {
  const api = (id: string, more: object = {}): unknown => ({
    name: `${id} ${revision}`,
    api_id: id,
    org_id: 'soak',
    use_keyless: true,
    active: true,
    version_data: { not_versioned: true, versions: { Default: { name: 'Default' } } },
    proxy: { listen_path: `/${id}/`, target_url: upstream.url, strip_listen_path: true },
    ...more,
  })
  const extended_paths = {
    do_not_track_endpoints: [{ path: '/quiet/{id}', method: 'GET' }],
    validate_json: [{ path: '/checked/{id}', method: 'POST', schema: { type: 'object' } }],
    hard_timeouts: [{ path: '/hang/hard/{id}', method: 'GET', timeout: 1 }],
  }
  const Default = { name: 'Default', use_extended_paths: true, extended_paths }
  return {
    'open.json': api('open', { version_data: { not_versioned: true, versions: { Default } } }),
    'keys.json': api('keys', { use_keyless: false, use_standard_auth: true }),
    'quiet.json': api('quiet', { do_not_track: true }),
    'detail.json': api('detail', { enable_detailed_recording: true }),
    'live.json': api('live'),
    'gone.json': api('gone', {
      proxy: { listen_path: '/gone/', target_url: 'http://127.0.0.1:1', strip_listen_path: true },
    }),
  }
}

export interface Stage extends AsyncDisposable {
  readonly gateway: Gateway
  /** Tokens by name. */
  readonly keys: Readonly<Record<string, string>>
  /** Writes one definition anew, now and then a broken one, and asks for a reload in one of its ways. */
  disturb(random: Random): Promise<void>
  /** Puts every definition right and anew: connections of the ones before are closed. */
  renew(): Promise<void>
}

/** The gateway as a program, with a key of each kind in Redis. */
export async function startStage(redis: RedisServer, upstream: SoakUpstream): Promise<Stage> {
  let revision = 0
  const gateway = await startGateway({
    redisPort: redis.port,
    apis: definitions(upstream, revision),
    conf: {
      log_format: 'json',
      // Far more than a busy machine takes for anything else than an upstream that hangs.
      proxy_default_timeout: 8,
      reload_interval: 1,
      // A record says which key it was.
      hash_keys: true,
      http_server_options: { enable_websockets: true },
    },
  })
  const control = async (path: string, init: RequestInit = {}): Promise<unknown> => {
    const headers = { 'x-tyk-authorization': gateway.secret, 'Content-Type': 'application/json' }
    const answer = await fetch(`${gateway.url}/tyk/${path}`, { ...init, headers })
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  const keys: Record<string, string> = {}
  for (const [name, limits] of Object.entries(KEYS)) {
    const access_rights = { keys: { api_id: 'keys', api_name: 'keys', versions: ['Default'] } }
    const session = { org_id: 'soak', alias: name, access_rights, ...limits }
    const made = (await control('keys/create', { method: 'POST', body: JSON.stringify(session) })) as { key: string }
    keys[name] = made.key
  }
  return {
    gateway,
    keys,
    async disturb(random) {
      const [file, definition] = random.pick(Object.entries(definitions(upstream, ++revision)))
      const broken = random.integer(3) === 0
      await gateway.writeApi(file, broken ? '{ "api_id": ' : definition)
      if (random.integer(2) === 0) await gateway.writeApi('broken.json', random.pick(['', '[]', '{"name": 1}']))
      await control(random.pick(['reload?block=true', 'reload', 'reload/group']))
      if (broken) await gateway.writeApi(file, definition)
    },
    async renew() {
      await rm(join(gateway.dir, 'apps', 'broken.json'), { force: true })
      for (const [file, definition] of Object.entries(definitions(upstream, ++revision))) {
        await gateway.writeApi(file, definition)
      }
      await control('reload?block=true')
    },
    [Symbol.asyncDispose]: () => gateway.stop(),
  }
}
