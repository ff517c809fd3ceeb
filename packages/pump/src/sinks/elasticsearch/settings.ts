import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ConfigOf } from '../../config/section.ts'
import { SinkOptionError } from '../../errors.ts'
import type { Log } from '../../log/log.ts'
import type { SinkDeps } from '../types.ts'
import { elasticsearchOptions } from './options.ts'

type Options = ConfigOf<typeof elasticsearchOptions>

/** Where one node listens: origin and path prefix apart, and the Authorization header it gets. */
export interface NodeAddress {
  readonly origin: string
  /** `''` or `/some/path`, without a slash at the end. */
  readonly prefix: string
  readonly authorization: string | null
}

export interface TlsSettings {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly rejectUnauthorized: boolean
}

/** `auto` when the configuration leaves the version to the server. */
export type ConfiguredVersion = '3' | '5' | '6' | '7' | '8' | '9' | 'opensearch' | 'auto'

export interface Settings {
  readonly seeds: readonly NodeAddress[]
  readonly tls: TlsSettings | null
  readonly version: ConfiguredVersion
  readonly sniffing: boolean
  readonly connectionsPerNode: number
}

const VERSIONS: ReadonlySet<string> = new Set(['3', '5', '6', '7', '8', '9', 'opensearch', 'auto'])

/** @throws SinkOptionError when an option cannot work. */
export function compileSettings(options: Options, deps: SinkDeps, log: Log): Settings {
  refuseWhatDoesNotGoTogether(options)
  return {
    version: parseVersion(options.version, log),
    seeds: parseUrls(options, log),
    tls: loadTls(options, deps.workingDirectory, log),
    sniffing: options.use_sniffing || options.enable_sniffing,
    connectionsPerNode: Math.max(1, options.bulk_config.workers),
  }
}

/** Each says what to do; an option without effect would be found out about months later, by what is missing. */
function refuseWhatDoesNotGoTogether(options: Options): void {
  const { data_stream: stream, manage_index: manages } = options
  if (stream !== '' && options.rolling_index) {
    throw new SinkOptionError(
      'data_stream (…DATASTREAM) rolls over by itself: set rolling_index (…ROLLINGINDEX) to false, and rollover_days for the rhythm',
    )
  }
  if (stream !== '' && options.mcp_index_name !== '') {
    throw new SinkOptionError(
      'data_stream (…DATASTREAM) takes records of MCP calls, too: leave mcp_index_name (…MCPINDEXNAME) empty, or filter them into a sink of their own',
    )
  }
  if (stream !== '' && manages) return
  for (const key of ['rollover_days', 'rollover_size_gb'] as const) {
    const { default: usual, env } = elasticsearchOptions[key]
    if (options[key] === usual) continue
    throw new SinkOptionError(
      `${key} (…${env}) works with data_stream (…DATASTREAM) and manage_index (…MANAGEINDEX) only: set both, or leave it at ${usual}`,
    )
  }
  if (options.retention_days === 0) return
  if (!manages) {
    throw new SinkOptionError(
      'retention_days (…RETENTIONDAYS) works with manage_index (…MANAGEINDEX), and data_stream (…DATASTREAM) or rolling_index (…ROLLINGINDEX), only: set manage_index, or leave it at 0',
    )
  }
  if (!options.rolling_index) {
    throw new SinkOptionError(
      `retention_days (…RETENTIONDAYS) deletes whole indices, and ${options.index_name} has all records in one: set rolling_index (…ROLLINGINDEX) to true, or data_stream (…DATASTREAM), or leave it at 0`,
    )
  }
}

function parseVersion(text: string, log: Log): ConfiguredVersion {
  const version = text.trim().toLowerCase()
  if (version === '') {
    log.info('Version not specified, the server is asked for it')
    return 'auto'
  }
  if (VERSIONS.has(version)) return version as ConfiguredVersion
  throw new SinkOptionError(
    `Invalid version: Only 3, 5, 6, 7 are valid values for this field (and 8, 9, opensearch, auto), got "${text}"`,
  )
}

function parseUrls(options: Options, log: Log): NodeAddress[] {
  const entries = options.elasticsearch_url
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  if (entries.length === 0)
    throw new SinkOptionError('elasticsearch_url names no node, expected e.g. http://localhost:9200')
  const configured = configuredAuthorization(options)
  return entries.map((entry) => parseUrl(entry, options.use_ssl, configured, log))
}

function parseUrl(entry: string, useSsl: boolean, configured: string | null, log: Log): NodeAddress {
  let text = entry
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(entry)) {
    text = `${useSsl ? 'https' : 'http'}://${entry}`
    log.warn({ url: maskUrl(text) }, 'elasticsearch_url has no scheme, one was added')
  }
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new SinkOptionError(`elasticsearch_url holds no http:// or https:// URL: ${maskUrl(entry)}`)
  }
  const own = url.username === '' ? null : basic(decodeUrlPart(url.username), decodeUrlPart(url.password))
  return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, ''), authorization: configured ?? own }
}

/** An API key wins over basic credentials; with or without TLS. */
function configuredAuthorization(options: Options): string | null {
  if (options.auth_api_key !== '') {
    const encoded =
      options.auth_api_key_id === ''
        ? options.auth_api_key
        : Buffer.from(`${options.auth_api_key_id}:${options.auth_api_key}`).toString('base64')
    return `ApiKey ${encoded}`
  }
  if (options.auth_basic_username === '' && options.auth_basic_password === '') return null
  return basic(options.auth_basic_username, options.auth_basic_password)
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function decodeUrlPart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The text with every `user:password@` hidden; works on lists and on what is no URL at all. */
export function maskUrl(text: string): string {
  return text.replaceAll(/(^|\/\/|,\s*)[^/,\s]+@/g, '$1***:***@')
}

function loadTls(options: Options, workingDirectory: string, log: Log): TlsSettings | null {
  const { ssl_ca_file: caFile, ssl_cert_file: certFile, ssl_key_file: keyFile } = options
  if (!options.use_ssl) {
    if (caFile || certFile || keyFile || options.ssl_insecure_skip_verify) {
      log.warn('the ssl_* options have no effect because use_ssl is false')
    }
    return null
  }
  if (options.ssl_insecure_skip_verify) {
    log.warn('ssl_insecure_skip_verify is set to true. Server certificate validation will be skipped.')
  }
  if ((certFile === '') !== (keyFile === '')) {
    log.warn(
      'Only one of ssl_cert_file and ssl_key_file configuration option is set, you should set both to enable mTLS.',
    )
  }
  const both = certFile !== '' && keyFile !== ''
  const pair = `failed to load cert/key pair(cert: "${certFile}", key: "${keyFile}")`
  return {
    rejectUnauthorized: !options.ssl_insecure_skip_verify,
    ...(caFile && { ca: readPem(caFile, workingDirectory, `failed to read CA certificate file "${caFile}"`) }),
    ...(both && { cert: readPem(certFile, workingDirectory, pair), key: readPem(keyFile, workingDirectory, pair) }),
  }
}

function readPem(file: string, workingDirectory: string, failure: string): string {
  try {
    const text = readFileSync(resolve(workingDirectory, file), 'utf8')
    if (!text.includes('-----BEGIN ')) throw new Error('no PEM block in it')
    return text
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SinkOptionError(`failed to configure TLS for Elasticsearch connection: ${failure}: ${reason}`, { cause })
  }
}
