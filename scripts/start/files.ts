/** Configuration of the embedded stack, written below the state folder: the article's files, pointed at local ports. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../jobs/lib.ts'
import type { StartOptions } from './options.ts'

const examples = join(root, 'deploy', 'examples')

export interface StackFiles {
  readonly gatewayConf: string
  readonly pumpConf: string
  readonly database: string
  readonly logsDir: string
}

interface ApiDefinition {
  readonly proxy: { readonly target_url: string } & Record<string, unknown>
}

export async function writeStackFiles(options: StartOptions, redisUrl: string, secret: string): Promise<StackFiles> {
  const conf = join(options.dataDir, 'conf')
  const files: StackFiles = {
    gatewayConf: join(conf, 'tyk.conf'),
    pumpConf: join(conf, 'pump.conf'),
    database: join(options.dataDir, 'analytics.sqlite'),
    logsDir: join(options.dataDir, 'logs'),
  }
  for (const folder of ['apps', 'templates', 'middleware']) await mkdir(join(conf, folder), { recursive: true })
  await mkdir(files.logsDir, { recursive: true })
  await copyApis(join(conf, 'apps'), `http://127.0.0.1:${options.upstreamPort}/`)
  await writeJson(files.gatewayConf, gatewayConf(options, conf, redisUrl, secret))
  await writeJson(files.pumpConf, pumpConf(options, redisUrl, files.database))
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

function gatewayConf(options: StartOptions, conf: string, redisUrl: string, secret: string): object {
  return {
    listen_address: '127.0.0.1',
    listen_port: options.gatewayPort,
    secret,
    template_path: join(conf, 'templates'),
    app_path: join(conf, 'apps'),
    policies: { policy_source: 'file', policy_record_name: join(examples, 'policies', 'policies.json') },
    storage: storageConf(redisUrl),
    enable_analytics: true,
    hash_keys: true,
    hash_key_function: 'murmur64',
    allow_insecure_configs: true,
    pid_file_location: join(options.dataDir, 'tyk-gateway.pid'),
  }
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
    health_check_endpoint_port: options.pumpPort,
    dont_purge_uptime_data: true,
    pumps: {
      store: { type: 'sql', meta: { type: 'sqlite', connection_string: database } },
      ...(options.elasticsearchUrl ? { elasticsearch } : {}),
    },
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
