import type { ApiDefinition } from '../api-definition/schema.ts'
import { authConfigOf } from './credential.ts'

/**
 * Protections a definition may ask for that this version does not enforce. Serving such an API without its protection
 * would open it, so it is not loaded. Each row: the key to name, and whether the definition asks for it.
 */
const GUARDS: readonly (readonly [key: string, asked: (definition: ApiDefinition) => boolean])[] = [
  ['use_oauth2', (d) => !d.use_keyless && d.use_oauth2],
  ['custom_plugin_auth_enabled', (d) => asksForPlugin(d, d.custom_plugin_auth_enabled)],
  ['use_go_plugin_auth', (d) => asksForPlugin(d, d.use_go_plugin_auth)],
  ['enable_coprocess_auth', (d) => asksForPlugin(d, d.enable_coprocess_auth)],
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

/** Keys of the auth token may belong to client certificates. */
export const usesCertificateKeys = (definition: ApiDefinition): boolean =>
  usesAuthToken(definition) && authConfigOf(definition, 'authToken').use_certificate

/** Whether an API looks at the certificates of its clients. */
export const asksForClientCertificate = (definition: ApiDefinition): boolean =>
  definition.use_mutual_tls_auth || usesCertificateKeys(definition)

export const usesBasicAuth = (definition: ApiDefinition): boolean =>
  !definition.use_keyless && definition.use_basic_auth

export const usesSignatures = (definition: ApiDefinition): boolean =>
  !definition.use_keyless && definition.enable_signature_checking

export const usesExternalOauth = (definition: ApiDefinition): boolean =>
  !definition.use_keyless && definition.external_oauth.enabled

export const usesOpenId = (definition: ApiDefinition): boolean => !definition.use_keyless && definition.use_openid

export const usesJwt = (definition: ApiDefinition): boolean => !definition.use_keyless && definition.enable_jwt

const usesOtherAuth = (d: ApiDefinition): boolean =>
  d.use_oauth2 ||
  d.external_oauth.enabled ||
  d.use_basic_auth ||
  d.enable_signature_checking ||
  d.enable_jwt ||
  d.use_openid ||
  asksForPlugin(d, d.custom_plugin_auth_enabled || d.use_go_plugin_auth || d.enable_coprocess_auth)
