import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { buildConnector } from 'undici'
import type { GatewayConfig } from '../config/schema.ts'
import { encodedStorePath } from './store-path.ts'
import { createStoreClient } from './store-client.ts'
import { type SecretStore, SecretStoreError, type Stored } from './store.ts'

export type ConsulOptions = GatewayConfig['kv']['consul']

/**
 * Consul's key-value store, by `GET /v1/kv/…`. A path that ends with a slash is a folder: the values of all keys below
 * it, by their names without it.
 *
 * @param env - for the proxies that it names.
 */
export function createConsul(options: ConsulOptions, env: NodeJS.ProcessEnv): SecretStore {
  const { username, password } = options.http_auth
  const headers: Record<string, string> = {}
  if (options.token !== '') headers['x-consul-token'] = options.token
  if (username !== '') headers['authorization'] = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const origin = consulOrigin(options)
  const client = createStoreClient({
    name: 'Consul',
    origin,
    headers,
    timeoutMs: options.wait_time,
    retries: 2,
    saysMissing: (body) => body === '',
    hasStandbys: false,
    env,
    ...(origin.startsWith('https:') ? { tls: tlsOf(options.tls_config) } : {}),
    keys: {
      address: 'kv.consul.address (TYK_GW_KV_CONSUL_ADDRESS)',
      token: 'kv.consul.token (TYK_GW_KV_CONSUL_TOKEN) and what it may read',
    },
  })
  const query = (isFolder: boolean): string => {
    const parameters = new URLSearchParams()
    if (isFolder) parameters.set('recurse', 'true')
    if (options.datacenter !== '') parameters.set('dc', options.datacenter)
    return parameters.size === 0 ? '' : `?${parameters.toString()}`
  }
  return {
    async read(path) {
      const isFolder = path.endsWith('/')
      const document = await client.get(`/v1/kv/${encodedStorePath(path)}${query(isFolder)}`)
      const pairs = document === null ? [] : pairsOf(document)
      return isFolder ? folderOf(path, pairs) : valueOf(path, pairs)
    },
    close: () => client.close(),
  }
}

/** The address may have a scheme, which then counts. */
export function consulOrigin({ address, scheme }: Pick<ConsulOptions, 'address' | 'scheme'>): string {
  return address.includes('://') ? address : `${scheme === '' ? 'http' : scheme}://${address}`
}

function tlsOf(options: ConsulOptions['tls_config']): buildConnector.BuildOptions {
  const { address, ca_file, ca_path, cert_file, key_file, insecure_skip_verify } = options
  const authorities = [
    ...(ca_file === '' ? [] : [readFileSync(ca_file, 'utf8')]),
    ...(ca_path === '' ? [] : authorityFiles(ca_path).map((file) => readFileSync(file, 'utf8'))),
  ]
  return {
    ...(address === '' ? {} : { servername: address }),
    ...(authorities.length === 0 ? {} : { ca: authorities }),
    ...(cert_file === '' ? {} : { cert: readFileSync(cert_file, 'utf8'), key: readFileSync(key_file, 'utf8') }),
    rejectUnauthorized: !insecure_skip_verify,
  }
}

/** The files of a folder, without the folders in it: Kubernetes puts some beside the files of a mounted secret. */
export const authorityFiles = (folder: string): string[] =>
  readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())

interface Pair {
  readonly key: string
  readonly value: string
}

function pairsOf(document: unknown): Pair[] {
  if (!Array.isArray(document)) throw unexpected()
  return document.map((item: unknown) => {
    const { Key: key, Value: value } = (item ?? {}) as { Key?: unknown; Value?: unknown }
    if (typeof key !== 'string' || (typeof value !== 'string' && value !== null)) throw unexpected()
    return { key, value: value === null ? '' : Buffer.from(value, 'base64').toString('utf8') }
  })
}

function valueOf(path: string, pairs: readonly Pair[]): Stored {
  const pair = pairs.find(({ key }) => key === path)
  if (pair === undefined) throw new SecretStoreError('missing', `Consul has no key ${path}`)
  return pair.value
}

function folderOf(path: string, pairs: readonly Pair[]): Stored {
  const below = pairs.filter(({ key }) => key.startsWith(path) && key !== path)
  if (below.length === 0) throw new SecretStoreError('missing', `Consul has no key below ${path}`)
  return Object.fromEntries(below.map(({ key, value }) => [key.slice(path.length), value]))
}

const unexpected = (): SecretStoreError =>
  new SecretStoreError('refused', 'what answers is not Consul: check kv.consul.address (TYK_GW_KV_CONSUL_ADDRESS)')
