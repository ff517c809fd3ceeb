import type { ApiDefinition } from './schema.ts'

const PROTOCOLS = new Set(['', 'http', 'https', 'h2c'])

/** Why an API cannot be given a listener, or null. `tcp` and `tls` are no HTTP at all and are not proxied. */
export function listenerProblem({ protocol, listen_port: port }: ApiDefinition): string | null {
  if (protocol === 'tcp' || protocol === 'tls') return `protocol ${protocol} is not in force yet`
  if (!PROTOCOLS.has(protocol)) return `protocol "${protocol}" is none of http, https and h2c`
  return port >= 0 && port <= 65_535 ? null : `listen_port ${port} is no port`
}
