/** Configuration of the embedded stack, written below the state folder: the article's files, pointed at local ports. */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../jobs/lib.ts'
import { ARTICLE_TOKEN } from './article.ts'
import type { StartOptions } from './options.ts'

const examples = join(root, 'deploy', 'examples')

export interface StackFiles {
  readonly gatewayConf: string
  readonly pumpConf: string
  readonly explorerConf: string
  readonly database: string
  readonly logsDir: string
  /** Of the control API. */
  readonly secret: string
}

interface ApiDefinition {
  readonly proxy: { readonly target_url: string } & Record<string, unknown>
}

/** Writes everything anew, except the secrets: what somebody has typed into a script goes on working. */
export async function writeStackFiles(options: StartOptions, redisUrl: string): Promise<StackFiles> {
  const conf = join(options.dataDir, 'conf')
  const secrets = await secretsOf(join(conf, 'tyk.conf'))
  const files: StackFiles = {
    gatewayConf: join(conf, 'tyk.conf'),
    pumpConf: join(conf, 'pump.conf'),
    explorerConf: join(conf, 'explorer.json'),
    database: join(options.dataDir, 'analytics.sqlite'),
    logsDir: join(options.dataDir, 'logs'),
    secret: secrets.secret,
  }
  for (const folder of ['apps', 'templates', 'middleware']) await mkdir(join(conf, folder), { recursive: true })
  await mkdir(files.logsDir, { recursive: true })
  await copyApis(join(conf, 'apps'), `http://127.0.0.1:${options.upstreamPort}/`)
  await writeJson(files.gatewayConf, gatewayConf(options, conf, redisUrl, secrets))
  await writeJson(files.pumpConf, pumpConf(options, redisUrl, files.database))
  await writeJson(files.explorerConf, explorerConf(options, redisUrl, files.database))
  return files
}

async function copyApis(folder: string, targetUrl: string): Promise<void> {
  const source = join(examples, 'apps')
  for (const name of await readdir(source)) {
    const definition = JSON.parse(await readFile(join(source, name), 'utf8')) as ApiDefinition
    await writeJson(join(folder, name), withTarget(definition, targetUrl))
  }
}

function withTarget<T extends ApiDefinition>(definition: T, targetUrl: string): T {
  return { ...definition, proxy: { ...definition.proxy, target_url: targetUrl } }
}

interface Secrets {
  readonly secret: string
  readonly node_secret: string
}

/** Those of the last start where there was one. */
async function secretsOf(path: string): Promise<Secrets> {
  const last = await readJson(path)
  const keep = (name: keyof Secrets): string => {
    const value = last[name]
    return typeof value === 'string' && value !== '' ? value : randomBytes(16).toString('hex')
  }
  return { secret: keep('secret'), node_secret: keep('node_secret') }
}

/** What is not there, or is no JSON, is about to be written anew. */
async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    const content: unknown = JSON.parse(await readFile(path, 'utf8'))
    return { ...(content as object) }
  } catch {
    return {}
  }
}

function gatewayConf(options: StartOptions, conf: string, redisUrl: string, secrets: Secrets): object {
  return {
    listen_address: '127.0.0.1',
    listen_port: options.gatewayPort,
    ...secrets,
    template_path: join(conf, 'templates'),
    app_path: join(conf, 'apps'),
    policies: { policy_source: 'file', policy_record_name: join(examples, 'policies', 'policies.json') },
    storage: storageConf(redisUrl),
    enable_analytics: true,
    hash_keys: true,
    hash_key_function: 'murmur64',
    pid_file_location: join(options.dataDir, 'tyk-gateway.pid'),
  }
}

/** So that a stack that is forgotten never fills the disk; and the page answers fast over all that is kept. */
function storeMeta(database: string, keepDays: number): object {
  const limits = { retention_days: keepDays, max_size_bytes: 2 * 1024 ** 3 }
  return { type: 'sqlite', connection_string: database, ...(keepDays === 0 ? {} : limits), explorer_index: true }
}

function pumpConf(options: StartOptions, redisUrl: string, database: string): object {
  const elasticsearch = {
    type: 'elasticsearch',
    meta: { index_name: 'tyk_analytics', elasticsearch_url: options.elasticsearchUrl, version: '8' },
  }
  return {
    analytics_storage_type: 'redis',
    analytics_storage_config: storageConf(redisUrl),
    purge_delay: options.purgeDelaySeconds,
    health_check_endpoint_address: '127.0.0.1',
    health_check_endpoint_port: options.pumpPort,
    dont_purge_uptime_data: true,
    pumps: {
      store: { type: 'sql', meta: storeMeta(database, options.keepDays) },
      ...(options.elasticsearchUrl ? { elasticsearch } : {}),
    },
  }
}

function explorerConf(options: StartOptions, redisUrl: string, database: string): object {
  return {
    listen_address: '127.0.0.1',
    listen_port: options.explorerPort,
    sqlite: { file: database },
    gateway_url: `http://localhost:${options.gatewayPort}`,
    pump_url: `http://127.0.0.1:${options.pumpPort}`,
    redis_url: redisUrl,
    traffic: true,
    traffic_token: ARTICLE_TOKEN,
  }
}

/** A Redis URL in the words of Tyk's configuration files. */
export function storageConf(redisUrl: string): object {
  const url = new URL(redisUrl)
  const database = Number(url.pathname.slice(1) || 0)
  return {
    type: 'redis',
    host: url.hostname,
    port: Number(url.port || 6379),
    database,
    ...(url.username ? { username: decodeURIComponent(url.username) } : {}),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
    ...(url.protocol === 'rediss:' ? { use_ssl: true } : {}),
  }
}

/** For the owner only: the files may hold a Redis password. */
async function writeJson(path: string, content: object): Promise<void> {
  await writeFile(path, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
}
