import type { ApiDefinition } from '../api-definition/schema.ts'

/**
 * Protections a definition may ask for that this version does not enforce. Serving such an API without its protection
 * would open it, so it is not loaded. Each row: the key to name, and whether the definition asks for it.
 */
const GUARDS: readonly (readonly [key: string, asked: (definition: ApiDefinition) => boolean])[] = [
  ['use_oauth2', (d) => !d.use_keyless && d.use_oauth2],
  ['external_oauth.enabled', (d) => !d.use_keyless && d.external_oauth.enabled],
  ['use_basic_auth', (d) => !d.use_keyless && d.use_basic_auth],
  ['enable_signature_checking', (d) => !d.use_keyless && d.enable_signature_checking],
  ['use_openid', (d) => !d.use_keyless && d.use_openid],
  ['custom_plugin_auth_enabled', (d) => asksForPlugin(d, d.custom_plugin_auth_enabled)],
  ['use_go_plugin_auth', (d) => asksForPlugin(d, d.use_go_plugin_auth)],
  ['enable_coprocess_auth', (d) => asksForPlugin(d, d.enable_coprocess_auth)],
  ['use_mutual_tls_auth', (d) => d.use_mutual_tls_auth],
  [
    'auth_configs.authToken.use_certificate',
    (d) => usesAuthToken(d) && (d.auth_configs.authToken?.use_certificate ?? false),
  ],
  [
    'auth_configs.authToken.validate_signature',
    (d) => usesAuthToken(d) && (d.auth_configs.authToken?.validate_signature ?? false),
  ],
  ['auth.use_certificate', (d) => usesAuthToken(d) && d.auth_configs.authToken === undefined && d.auth.use_certificate],
  [
    'auth.validate_signature',
    (d) => usesAuthToken(d) && d.auth_configs.authToken === undefined && d.auth.validate_signature,
  ],
]

/** Why an API cannot be protected as its definition asks, naming every key; null when it can. */
export function unsupportedAuth(definition: ApiDefinition): string | null {
  const keys = GUARDS.filter(([, asked]) => asked(definition)).map(([key]) => key)
  return keys.length === 0 ? null : `asks for protection that is not in force in this version: ${keys.join(', ')}`
}

const asksForPlugin = (definition: ApiDefinition, flag: boolean): boolean =>
  !definition.use_keyless && flag && !definition.custom_middleware.auth_check.disabled

/** The auth token is checked when asked for, and also when the definition names no other way. */
export function usesAuthToken(definition: ApiDefinition): boolean {
  if (definition.use_keyless) return false
  return definition.use_standard_auth || !usesOtherAuth(definition)
}

export const usesJwt = (definition: ApiDefinition): boolean => !definition.use_keyless && definition.enable_jwt

const usesOtherAuth = (d: ApiDefinition): boolean =>
  d.use_oauth2 ||
  d.external_oauth.enabled ||
  d.use_basic_auth ||
  d.enable_signature_checking ||
  d.enable_jwt ||
  d.use_openid ||
  asksForPlugin(d, d.custom_plugin_auth_enabled || d.use_go_plugin_auth || d.enable_coprocess_auth)
