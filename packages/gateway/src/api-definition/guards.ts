import { unsupportedAuth } from '../auth/supported.ts'
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
    ['version_data.not_versioned: false', !definition.version_data.not_versioned],
    ['definition.enabled', definition.definition.enabled],
    ['allowed_ips', definition.allowed_ips.length > 0],
    ['blacklisted_ips', definition.blacklisted_ips.length > 0],
    ['global_rate_limit', definition.global_rate_limit.rate !== 0 && !definition.global_rate_limit.disabled],
    ['custom_middleware.pre', hooks.pre.some((hook) => !hook.disabled)],
    ['custom_middleware.post_key_auth', hooks.post_key_auth.some((hook) => !hook.disabled)],
    ['custom_middleware.post', hooks.post.some((hook) => !hook.disabled)],
    [
      'custom_middleware_bundle',
      definition.custom_middleware_bundle !== '' && !definition.custom_middleware_bundle_disabled,
    ],
    [
      'pinned_public_keys',
      Object.keys(definition.pinned_public_keys).length > 0 && !definition.certificate_pinning_disabled,
    ],
  ]
}

/** Endpoint lists whose entries restrict what may be called. */
const GUARDING_LISTS = [
  'white_list',
  'black_list',
  'internal',
  'size_limits',
  'rate_limit',
  'validate_json',
  'go_plugin',
] as const

function versionGuard(version: ApiVersion): string | null {
  const { extended_paths: paths } = version
  if (version.use_extended_paths) {
    for (const list of GUARDING_LISTS) {
      if (paths[list].some((entry) => !entry.disabled)) return `extended_paths.${list}`
    }
    if (paths.validate_request.some((entry) => entry.enabled)) return 'extended_paths.validate_request'
  } else if (version.paths.white_list.length > 0 || version.paths.black_list.length > 0) {
    return 'paths'
  }
  if (version.global_size_limit > 0 && !version.global_size_limit_disabled) return 'global_size_limit'
  return null
}

/** Settings that change what an API does and have no effect in this version, for one warning line per API. */
export function pendingFeatures(definition: ApiDefinition): string[] {
  const pending: [string, boolean][] = [
    ['CORS', definition.CORS.enable],
    ['cache_options', definition.cache_options.enable_cache],
    ['proxy.enable_load_balancing', definition.proxy.enable_load_balancing],
    ['proxy.service_discovery', definition.proxy.service_discovery.use_discovery_service],
    ['enable_batch_request_support', definition.enable_batch_request_support],
    ['enable_detailed_recording', definition.enable_detailed_recording],
    ['response_processors', definition.response_processors.length > 0],
    ['event_handlers', Object.keys(definition.event_handlers.events).length > 0],
    ['uptime_tests', definition.uptime_tests.check_list.length > 0 && !definition.uptime_tests.disabled],
    ['request_signing', definition.request_signing.is_enabled],
    ['error_overrides', Object.keys(definition.error_overrides).length > 0 && !definition.error_overrides_disabled],
    ['listen_port', definition.listen_port !== 0],
    ['protocol', definition.protocol !== '' && definition.protocol !== 'http'],
    ['domain certificates', definition.certificates.length > 0],
    ['upstream_certificates', Object.keys(definition.upstream_certificates).length > 0],
    ['proxy.transport.proxy_url', definition.proxy.transport.proxy_url !== ''],
    ['custom_middleware.response', definition.custom_middleware.response.some((hook) => !hook.disabled)],
    ['upstream_auth', definition.upstream_auth.enabled],
  ]
  const names = pending.filter(([, asked]) => asked).map(([name]) => name)
  for (const version of Object.values(definition.version_data.versions)) names.push(...pendingPaths(version))
  return [...new Set(names)]
}

const PENDING_LISTS = [
  'ignored',
  'mock_response',
  'cache',
  'advance_cache_config',
  'transform',
  'transform_response',
  'transform_headers',
  'transform_response_headers',
  'hard_timeouts',
  'circuit_breakers',
  'url_rewrites',
  'virtual',
  'method_transforms',
  'track_endpoints',
  'do_not_track_endpoints',
  'persist_graphql',
  'transform_jq',
  'transform_jq_response',
] as const

function pendingPaths(version: ApiVersion): string[] {
  const names: string[] = []
  if (version.use_extended_paths) {
    for (const list of PENDING_LISTS) if (version.extended_paths[list].length > 0) names.push(`extended_paths.${list}`)
  }
  if (Object.keys(version.global_response_headers).length > 0) names.push('global_response_headers')
  if (version.global_response_headers_remove.length > 0) names.push('global_response_headers_remove')
  if (version.global_enforce_timeout > 0) names.push('global_enforce_timeout')
  return names
}
