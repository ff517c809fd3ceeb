import type { SecureVersion } from 'node:tls'
import type { GatewayConfig } from '../config/schema.ts'
import type { TlsFiles } from './tls-files.ts'

export type ServiceName = 'oauth' | 'webhooks'

/** How the servers of one service are reached. */
export interface ServiceSettings {
  /** Null: the environment says so, and for loopback addresses there is no proxy then. */
  readonly proxies: Proxies | null
  readonly tls: ServiceTls
}

/** URLs of proxies by the scheme of the target; empty: none. */
export interface Proxies {
  readonly http: string
  readonly https: string
  /** Hosts reached directly, in the form of NO_PROXY. */
  readonly bypass: string
}

export interface ServiceTls {
  readonly files: TlsFiles
  /** Ids of stored authorities. */
  readonly authorities: readonly string[]
  readonly verify: boolean
  readonly minVersion?: SecureVersion
  readonly maxVersion?: SecureVersion
}

const NO_FILES: TlsFiles = { certFile: '', keyFile: '', caFile: '' }

/**
 * @param verify - whether certificates of servers are checked when the section `mtls` does not say.
 */
export function serviceSettings(
  { external_services: sections }: Pick<GatewayConfig, 'external_services'>,
  service: ServiceName,
  env: NodeJS.ProcessEnv,
  verify: boolean,
): ServiceSettings {
  const { proxy: own, mtls } = sections[service]
  const { global } = sections
  const layers = [own, global].filter(({ enabled }) => enabled)
  const chosen = (key: 'http_proxy' | 'https_proxy' | 'bypass_proxy', variable: string): string =>
    layers.find((layer) => layer[key] !== '')?.[key] ?? env[variable] ?? env[variable.toLowerCase()] ?? ''
  const proxies: Proxies | null =
    layers.length === 0
      ? null
      : {
          http: chosen('http_proxy', 'HTTP_PROXY'),
          https: chosen('https_proxy', 'HTTPS_PROXY'),
          bypass: chosen('bypass_proxy', 'NO_PROXY'),
        }
  if (!mtls.enabled) return { proxies, tls: { files: NO_FILES, authorities: [], verify } }
  const tls: ServiceTls = {
    files: { certFile: mtls.cert_file, keyFile: mtls.key_file, caFile: mtls.ca_file },
    authorities: mtls.ca_cert_ids,
    verify: !mtls.insecure_skip_verify,
    minVersion: versionOf(mtls.tls_min_version),
    maxVersion: versionOf(mtls.tls_max_version),
  }
  return { proxies, tls }
}

const versionOf = (version: string): SecureVersion => (version === '1.0' ? 'TLSv1' : `TLSv${version}`) as SecureVersion
