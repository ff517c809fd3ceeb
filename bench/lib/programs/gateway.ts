import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { upstream } from '../../../packages/gateway/src/config/upstream.ts'
import { freePort } from '../../../test/support/redis.ts'
import { unlessOk } from '../probe.ts'
import { type Running, start, untilReady } from '../processes.ts'
import type { Stage } from '../stage.ts'
import type { Target } from '../target.ts'
import { type Access, jwt, keySession, loadedApi, measuredApi, policies } from './definitions.ts'

const main = fileURLToPath(new URL('../../../packages/gateway/dist/main.js', import.meta.url))
const SECRET = 'bench'

/** The lane that requests take unless configured, and the others. */
export const DEFAULT_LANE: string = upstream.upstream_transport.default
export const OTHER_LANES: readonly string[] = upstream.upstream_transport.format.filter((lane) => lane !== DEFAULT_LANE)

export interface GatewaySetup {
  readonly analytics: boolean
  readonly access?: Access
  readonly lane?: string
  /** How many APIs are loaded; 2 unless said otherwise. */
  readonly apis?: number
  readonly tls?: boolean
  readonly workers?: number
  readonly cores?: readonly number[]
  readonly busyPollMicroseconds?: number
}

export interface StartedGateway {
  readonly process: Running
  /** A request that the measured API lets in. */
  readonly target: Target
  /** Milliseconds from its start until it let the first request through. */
  readonly readyMs: number
}

let started = 0

/** Starts the built gateway and waits until the measured API answers 200. */
export async function startGateway(stage: Stage, setup: GatewaySetup, path = 'get'): Promise<StartedGateway> {
  const { access = 'keyless', tls = false, cores = stage.testCores } = setup
  const port = await freePort()
  const home = join(stage.directory, `gateway-${++started}`)
  await writeFiles(home, port, stage, setup)
  const origin = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
  const process = stage.keep(start([globalThis.process.execPath, main, `--conf=${home}/tyk.conf`], cores))
  await untilReady(process, () => unlessOk({ url: `${origin}/hello` }), 5)
  const target = { url: `${origin}/bench/${path}`, headers: await headersFor(access, origin) }
  const readyMs = await untilReady(process, () => unlessOk(target), 5)
  return { process, target, readyMs }
}

async function headersFor(access: Access, origin: string): Promise<Record<string, string>> {
  if (access === 'keyless') return {}
  if (access === 'jwt') return { Authorization: `Bearer ${jwt()}` }
  const answer = await fetch(`${origin}/tyk/keys/bench-key`, {
    method: 'POST',
    headers: { 'x-tyk-authorization': SECRET },
    body: JSON.stringify(keySession),
  })
  const { key } = (await answer.json()) as { key?: string }
  if (key === undefined) throw new Error(`the gateway made no key: ${answer.status}`)
  return { Authorization: key }
}

async function writeFiles(home: string, port: number, stage: Stage, setup: GatewaySetup): Promise<void> {
  const { analytics, access = 'keyless', lane, apis = 2, tls = false, workers, busyPollMicroseconds } = setup
  const files = { apps: join(home, 'apps'), policies: join(home, 'policies.json') }
  await mkdir(files.apps, { recursive: true })
  await writeJson(files.policies, policies)
  const upstreamUrl = `http://127.0.0.1:${stage.upstream.port}/`
  await writeJson(join(files.apps, 'bench.json'), measuredApi(access, upstreamUrl))
  for (let i = 1; i < apis; i++) await writeJson(join(files.apps, `bench-${i}.json`), loadedApi(i - 1, upstreamUrl))
  await writeJson(join(home, 'tyk.conf'), {
    listen_address: '127.0.0.1',
    listen_port: port,
    secret: SECRET,
    template_path: home,
    app_path: files.apps,
    policies: { policy_source: 'file', policy_record_name: files.policies },
    storage: { type: 'redis', host: '127.0.0.1', port: stage.redisPort },
    enable_analytics: analytics,
    analytics_config: { storage_expiration_time: 600 },
    hash_keys: true,
    hash_key_function: 'murmur64',
    pid_file_location: join(home, 'gateway.pid'),
    log_level: 'error',
    ...(lane !== undefined && { upstream_transport: lane }),
    ...(workers !== undefined && { workers }),
    ...(busyPollMicroseconds !== undefined && { busy_poll_microseconds: busyPollMicroseconds }),
    ...(tls && { http_server_options: { use_ssl: true, ssl_certificates: [stage.certificate.file] } }),
  })
}

const writeJson = (path: string, content: unknown): Promise<void> => writeFile(path, JSON.stringify(content))
