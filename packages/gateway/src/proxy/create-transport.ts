import { createHash } from 'node:crypto'
import type { ApiDefinition } from '../api-definition/schema.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import { Dialler } from './dial.ts'
import { parseProxyUrl, type ForwardProxy, type ProxyChooser } from './forward-proxy.ts'
import { Http1Pool } from './http1/pool.ts'
import type { SharedPools } from './http1/shared-pools.ts'
import { Http2Transport } from './http2/transport.ts'
import { RenewingTransport } from './renewing-transport.ts'
import type { UpstreamTransport } from './transport.ts'
import { compileUpstreamTls, type CompiledUpstreamTls } from './upstream-tls.ts'

export interface TransportDeps {
  readonly config: GatewayConfig
  readonly log: Log
  /** The proxy of the environment, for APIs that name none. */
  readonly proxyFromEnvironment: ProxyChooser
  readonly pools: SharedPools
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
  const createPool = (apis: () => number): Http1Pool =>
    new Http1Pool({
      dialler,
      keepAlive,
      maxIdlePerHost: config.max_idle_connections_per_host,
      maxIdle: config.max_idle_connections,
      ...(lifetimeMs > 0 && { maxAgeMs: lifetimeMs }),
      apis,
    })
  const key = poolKey(tls, own)
  const http1 = deps.pools.join(key, createPool)
  const create = (): UpstreamTransport =>
    new Http2Transport({ dialler, http1, offerHttp2: config.proxy_enable_http2, keepAlive })
  // HTTP/2 only: of HTTP/1.1 the pool knows the age of every connection.
  const transport = lifetimeMs > 0 ? new RenewingTransport(create, lifetimeMs) : create()
  return {
    exchange: (request, handler) => transport.exchange(request, handler),
    async close() {
      await transport.close()
      await http1.close()
    },
  }
}

/**
 * All that definitions say of how connections are made; the rest is the same for every API of a gateway, and targets are told
 * apart within a pool. A hash, as the proxy may have a password.
 */
const poolKey = ({ identity }: CompiledUpstreamTls, proxy: ForwardProxy | null): string =>
  createHash('sha256')
    .update(JSON.stringify([identity, proxy]))
    .digest('base64')
