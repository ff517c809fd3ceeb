import { authConfigOf } from '../auth/credential.ts'
import {
  unsupportedAuth,
  usesAuthToken,
  usesBasicAuth,
  usesExternalOauth,
  usesJwt,
  usesOpenId,
  usesSignatures,
} from '../auth/supported.ts'
import { API_EVENTS, HANDLER_NAMES } from '../events/types.ts'
import type { ApiDefinition, ApiVersion } from './schema.ts'

/**
 * Why an API must not be served by this version: something in its definition decides who may call what, and the step
 * that would do so is not in force yet. Serving it without would leave it unguarded. null: it may be served.
 */
export function unguardedReason(definition: ApiDefinition): string | null {
  const auth = unsupportedAuth(definition)
  if (auth !== null) return auth
  for (const [key, asked] of guardsOf(definition)) {
    if (asked) return `${key} is not in force yet`
  }
  for (const [name, version] of Object.entries(definition.version_data.versions)) {
    const guard = versionGuard(version)
    if (guard !== null) return `version_data.versions.${name}.${guard} is not in force yet`
  }
  return null
}

function guardsOf(definition: ApiDefinition): [string, boolean][] {
  const { custom_middleware: hooks } = definition
  return [
    ['definition.enabled', definition.definition.enabled],
    ['graphql', isEnabled(definition.graphql)],
    // Its OpenAPI document beside the file may hold request validation, allow lists and the like.
    ['is_oas', definition.is_oas],
    ['custom_middleware.pre', hooks.pre.some((hook) => !hook.disabled)],
    ['custom_middleware.post_key_auth', hooks.post_key_auth.some((hook) => !hook.disabled)],
    ['custom_middleware.post', hooks.post.some((hook) => !hook.disabled)],
    [
      'custom_middleware_bundle',
      definition.custom_middleware_bundle !== '' && !definition.custom_middleware_bundle_disabled,
    ],
  ]
}

const isEnabled = (value: unknown): boolean => (value as { enabled?: unknown } | null)?.enabled === true

/** Endpoint lists whose entries restrict what may be called. */
const GUARDING_LISTS = ['go_plugin'] as const

function versionGuard(version: ApiVersion): string | null {
  const { extended_paths: paths } = version
  if (!version.use_extended_paths) return null
  for (const list of GUARDING_LISTS) {
    if (paths[list].some((entry) => !entry.disabled)) return `extended_paths.${list}`
  }
  if (paths.validate_request.some((entry) => entry.enabled)) return 'extended_paths.validate_request'
  if (paths.url_rewrites.some(rewritesToLoop)) return 'extended_paths.url_rewrites to tyk://'
  return null
}

/** A rewrite into another chain, whose steps would have to guard the request. */
const rewritesToLoop = (entry: ApiVersion['extended_paths']['url_rewrites'][number]): boolean =>
  !entry.disabled && [entry, ...entry.triggers].some((target) => target.rewrite_to.startsWith('tyk://'))

/** Whether a definition asks for a protection that another form of it did not ask for. */
export function asksForMore(next: ApiDefinition, before: ApiDefinition): boolean {
  const had = new Set(protectionsOf(before))
  return protectionsOf(next).some((protection) => !had.has(protection))
}

/** Of lists that allow, any change is another protection; of lists that deny, each entry is one. */
function protectionsOf(definition: ApiDefinition): string[] {
  const { allowed_ips: allowed, blacklisted_ips: denied, version_data } = definition
  const flags: [string, boolean][] = [
    ['credentials', !definition.use_keyless],
    ['external_oauth', usesExternalOauth(definition)],
    ['use_basic_auth', usesBasicAuth(definition)],
    ['enable_signature_checking', usesSignatures(definition)],
    ['enable_jwt', usesJwt(definition)],
    ['use_openid', usesOpenId(definition)],
    ['use_standard_auth', usesAuthToken(definition)],
    ['validate_signature', usesAuthToken(definition) && authConfigOf(definition, 'authToken').validate_signature],
    ['use_mutual_tls_auth', definition.use_mutual_tls_auth],
    [`allowed_ips ${JSON.stringify(allowed)}`, definition.enable_ip_whitelisting && allowed.length > 0],
  ]
  return [
    ...flags.filter(([, asked]) => asked).map(([name]) => name),
    ...(definition.enable_ip_blacklisting ? denied.map((address) => `blacklisted_ips ${address}`) : []),
    ...Object.entries(version_data.versions).flatMap(([name, version]) => protectionsOfVersion(name, version)),
  ]
}

function protectionsOfVersion(name: string, { use_extended_paths: used, extended_paths: paths }: ApiVersion): string[] {
  if (!used) return []
  const allowed = paths.white_list.filter((entry) => !entry.disabled)
  const denying = [...paths.black_list, ...paths.validate_json].filter((entry) => !entry.disabled)
  return [
    ...(allowed.length === 0 ? [] : [`${name} ${JSON.stringify(allowed)}`]),
    ...denying.map((entry) => `${name} ${JSON.stringify(entry)}`),
  ]
}

/** Settings that change what an API does and have no effect in this version, for one warning line per API. */
export function pendingFeatures(definition: ApiDefinition): string[] {
  const pending: [string, boolean][] = [
    ['cache_options', definition.cache_options.enable_cache],
    ['proxy.enable_load_balancing', definition.proxy.enable_load_balancing],
    ['proxy.service_discovery', definition.proxy.service_discovery.use_discovery_service],
    ['enable_batch_request_support', definition.enable_batch_request_support],
    ['uptime_tests', definition.uptime_tests.check_list.length > 0 && !definition.uptime_tests.disabled],
    ['request_signing', definition.request_signing.is_enabled],
    ['error_overrides', Object.keys(definition.error_overrides).length > 0 && !definition.error_overrides_disabled],
    ['custom_middleware.response', definition.custom_middleware.response.some((hook) => !hook.disabled)],
    ['custom_middleware.traffic_logs', isUsed(definition.custom_middleware.traffic_logs)],
    ['upstream_auth', definition.upstream_auth.enabled],
    ['analytics_plugin', definition.analytics_plugin.enable],
    ['detailed_tracing', definition.detailed_tracing],
    ['json_rpc_version', definition.json_rpc_version !== ''],
    ['application_protocol', definition.application_protocol !== ''],
    ['security_requirements', definition.security_requirements.length > 1],
    ['auth_provider.storage_engine', isOtherStore(definition.auth_provider.storage_engine)],
    ['session_provider.storage_engine', isOtherStore(definition.session_provider.storage_engine)],
  ]
  const names = pending.filter(([, asked]) => asked).map(([name]) => name)
  names.push(...pendingEvents(definition))
  for (const version of Object.values(definition.version_data.versions)) names.push(...pendingPaths(version))
  return [...new Set(names)]
}

/** Events that are not raised, and handlers that are not there. */
function pendingEvents({ event_handlers: { events } }: ApiDefinition): string[] {
  const raised: readonly string[] = API_EVENTS
  return Object.entries(events).flatMap(([type, handlers]) => {
    const key = `event_handlers.events.${type}`
    if (!raised.includes(type)) return [key]
    return handlers.flatMap(({ handler_name: name }, i) => (HANDLER_NAMES.includes(name) ? [] : [`${key}[${i}]`]))
  })
}

const isUsed = (hook: { disabled: boolean; name: string; path: string }): boolean =>
  !hook.disabled && (hook.name !== '' || hook.path !== '')

const isOtherStore = (engine: string): boolean => engine !== '' && engine !== 'redis'

const PENDING_LISTS = [
  'cache',
  'advance_cache_config',
  'transform',
  'transform_response',
  'circuit_breakers',
  'virtual',
  'persist_graphql',
  'transform_jq',
  'transform_jq_response',
] as const

function pendingPaths(version: ApiVersion): string[] {
  const names: string[] = []
  if (version.use_extended_paths) {
    for (const list of PENDING_LISTS) if (version.extended_paths[list].length > 0) names.push(`extended_paths.${list}`)
  }
  return names
}
