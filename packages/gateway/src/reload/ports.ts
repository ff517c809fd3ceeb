import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'

/** What a listener speaks. All but `https` are without TLS, and take HTTP/1.1 and HTTP/2. */
export type PortProtocol = 'http' | 'https' | 'h2c'

export interface PortApis {
  readonly protocol: PortProtocol
  readonly apis: readonly CompiledApi[]
}

export interface PlacedApis {
  /** Those on the main port. */
  readonly main: readonly CompiledApi[]
  readonly ports: ReadonlyMap<number, PortApis>
}

/**
 * Places every API on the port that it asks for.
 *
 * An API whose port is not allowed, or speaks another protocol already, is logged and reachable nowhere; the others are
 * not concerned.
 */
export function placeApis(apis: readonly CompiledApi[], config: GatewayConfig, log: Log): PlacedApis {
  const mainProtocol: PortProtocol = config.http_server_options.use_ssl ? 'https' : 'http'
  const isAllowed = allowedPorts(config, mainProtocol)
  const main: CompiledApi[] = []
  const ports = new Map<number, { protocol: PortProtocol; apis: CompiledApi[] }>()
  for (const api of apis) {
    const { listen_port: asked } = api.definition
    const port = asked === 0 ? config.listen_port : asked
    const protocol = (api.definition.protocol as PortProtocol | '') || mainProtocol
    const fields = { prefix: 'main', api_id: api.apiId, port, protocol }
    const open = port === config.listen_port ? { protocol: mainProtocol, apis: main } : ports.get(port)
    if (open !== undefined && open.protocol !== protocol) {
      log.error(fields, `Can't get router for protocol ${protocol}: port ${port} already serves ${open.protocol}`)
    } else if (open !== undefined) {
      open.apis.push(api)
    } else if (port === config.control_api_port) {
      log.error(fields, `Can't start listener: port ${port} is that of the control API`)
    } else if (!isAllowed(protocol, port)) {
      log.error(fields, `Can't start listener: ${protocol}:${port} trying to open disabled port`)
    } else {
      ports.set(port, { protocol, apis: [api] })
    }
  }
  return { main, ports }
}

interface PortList {
  readonly ports?: readonly unknown[]
  readonly ranges?: readonly { readonly from?: unknown; readonly to?: unknown }[]
}

function allowedPorts(config: GatewayConfig, mainProtocol: PortProtocol): (protocol: string, port: number) => boolean {
  if (config.disable_ports_whitelist) return () => true
  const lists = config.ports_whitelist as Readonly<Record<string, PortList | undefined>>
  const own = new Set([config.listen_port, config.control_api_port])
  return (protocol, port) => {
    if (protocol === mainProtocol && own.has(port)) return true
    const { ports, ranges } = lists[protocol] ?? {}
    if (ports?.includes(port) === true) return true
    return ranges?.some(({ from, to }) => port >= Number(from) && port <= Number(to)) === true
  }
}
