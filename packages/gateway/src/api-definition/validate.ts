import net from 'node:net'
import type { ApiDefinition } from './schema.ts'

/** What the control API refuses to store: the reason in Tyk's words, or null. Files on disk are not held to it. */
export function validationProblem(definition: ApiDefinition): string | null {
  return authProblem(definition) ?? ipProblem(definition) ?? timeoutProblem(definition) ?? balancingProblem(definition)
}

const AUTH_SWITCHES: readonly (readonly [string, (definition: ApiDefinition) => boolean])[] = [
  ['authToken', (definition) => definition.use_standard_auth],
  ['jwt', (definition) => definition.enable_jwt],
  ['basic', (definition) => definition.use_basic_auth],
  ['hmac', (definition) => definition.enable_signature_checking],
  ['oauth', (definition) => definition.use_oauth2],
  ['oidc', (definition) => definition.use_openid],
  ['coprocess', (definition) => definition.custom_plugin_auth_enabled],
  ['externalOAuth', (definition) => definition.external_oauth.enabled],
]

function authProblem(definition: ApiDefinition): string | null {
  for (const [name, enabled] of AUTH_SWITCHES) {
    const config = definition.auth_configs[name]
    if (config === undefined || !enabled(definition)) continue
    if (!config.disable_header || config.use_cookie || config.use_param) continue
    return `all auth sources are disabled for ${name}, at least one of header/cookie/query must be enabled`
  }
  return null
}

function ipProblem(definition: ApiDefinition): string | null {
  const entries = [
    ...(definition.enable_ip_whitelisting ? definition.allowed_ips : []),
    ...(definition.enable_ip_blacklisting ? definition.blacklisted_ips : []),
  ]
  const bad = entries.find((entry) => !isAddressOrCidr(entry))
  return bad === undefined ? null : `invalid IP/CIDR "${bad}"`
}

function isAddressOrCidr(text: string): boolean {
  const slash = text.indexOf('/')
  if (slash === -1) return net.isIP(text) !== 0
  const version = net.isIP(text.slice(0, slash))
  const bits = text.slice(slash + 1)
  return version !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
}

function timeoutProblem(definition: ApiDefinition): string | null {
  for (const version of Object.values(definition.version_data.versions)) {
    if (version.global_enforce_timeout < 0) return 'invalid global timeout value'
    const timeouts = version.extended_paths.hard_timeouts
    if (timeouts.some(({ timeout, duration }) => timeout < 0 || duration < 0)) return 'invalid timeout value'
  }
  return null
}

function balancingProblem({ proxy }: ApiDefinition): string | null {
  if (!proxy.enable_load_balancing || proxy.target_list.length > 0) return null
  return 'all load balancing targets have weight 0, at least one target must have weight > 0'
}
