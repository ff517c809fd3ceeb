import type { GatewayConfig } from '../config/schema.ts'
import { createConnections, type Connections, type ConnectionsDeps } from './connections.ts'
import { serviceSettings } from './settings.ts'

/*
 * Calls that the gateway makes itself, not for a client: which proxy they take, and which certificates are shown and
 * believed. `external_services` of the configuration says so, in Tyk's form.
 */
export type { Connections } from './connections.ts'

export interface ExternalServices {
  /** For sets of JSON web keys and what leads to them. */
  readonly keySets: Connections
  readonly introspection: Connections
  readonly webhooks: Connections
  /** Reads certificates again before the next call. */
  refresh(): void
  close(): Promise<void>
}

export interface ExternalServicesDeps extends ConnectionsDeps {
  readonly config: Pick<GatewayConfig, 'external_services' | 'jwt_ssl_insecure_skip_verify'>
}

export function createExternalServices({ config, ...deps }: ExternalServicesDeps): ExternalServices {
  const connect = (service: 'oauth' | 'webhooks', verify: boolean): Connections =>
    createConnections(serviceSettings(config, service, deps.env, verify), deps)
  const keySets = connect('oauth', !config.jwt_ssl_insecure_skip_verify)
  const introspection = connect('oauth', true)
  const webhooks = connect('webhooks', true)
  const all = [keySets, introspection, webhooks]
  return {
    keySets,
    introspection,
    webhooks,
    refresh() {
      for (const each of all) each.refresh()
    },
    async close() {
      await Promise.all(all.map((each) => each.close()))
    },
  }
}
