import type { ApiDefinition } from '../api-definition/schema.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import { Dialler } from './dial.ts'
import { parseProxyUrl, type ProxyChooser } from './forward-proxy.ts'
import { Http1Pool } from './http1/pool.ts'
import { Http2Transport } from './http2/transport.ts'
import { RenewingTransport } from './renewing-transport.ts'
import type { UpstreamTransport } from './transport.ts'
import { compileUpstreamTls } from './upstream-tls.ts'

export interface TransportDeps {
  readonly config: GatewayConfig
  readonly log: Log
  /** The proxy of the environment, for APIs that name none. */
  readonly proxyFromEnvironment: ProxyChooser
}

/**
 * Builds the transport of one API from its definition and the gateway's settings.
 *
 * @throws When a TLS setting, certificate or proxy URL cannot be used.
 */
export function createUpstreamTransport(definition: ApiDefinition, deps: TransportDeps): UpstreamTransport {
  const { config, log } = deps
  const { proxy_url: proxyUrl } = definition.proxy.transport
  const own = proxyUrl === '' ? null : parseProxyUrl(proxyUrl)
  const tls = compileUpstreamTls(definition, config, log)
  const dialler = new Dialler({ tls, proxyFor: own === null ? deps.proxyFromEnvironment : () => own })
  const lifetimeMs = config.max_conn_time * 1000
  const keepAlive = !config.proxy_close_connections && lifetimeMs >= 0
  const create = (): UpstreamTransport => {
    const http1 = new Http1Pool({
      dialler,
      keepAlive,
      maxIdlePerHost: config.max_idle_connections_per_host,
      maxIdle: config.max_idle_connections,
    })
    return new Http2Transport({ dialler, http1, offerHttp2: config.proxy_enable_http2, keepAlive })
  }
  return lifetimeMs > 0 ? new RenewingTransport(create, lifetimeMs) : create()
}
