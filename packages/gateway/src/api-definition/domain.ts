import type { GatewayConfig } from '../config/schema.ts'
import { compileHost, domainOf } from '../router/router.ts'
import type { ApiDefinition } from './schema.ts'

/** Why no host can be compared with the domain of an API, or null. */
export function domainProblem(definition: ApiDefinition, config: GatewayConfig): string | null {
  const domain = domainOf(definition, config.enable_custom_domains)
  if (domain === '') return null
  try {
    compileHost(domain)
    return null
  } catch (err) {
    const cure = 'write a host name, in which {name} stands for one label and {name:regex} for an RE2 expression'
    return `domain "${domain}": ${(err as Error).message}: ${cure}`
  }
}
