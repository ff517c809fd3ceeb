import { describe, expect, test } from 'vitest'
import { decodeDefinition } from './decode.ts'
import { asksForMore, pendingFeatures, unguardedReason } from './guards.ts'
import { apiDefinitionShape } from './schema.ts'

const hook = { name: 'step', path: 'step.js' }
const endpoint = { path: '/a', method: 'GET' }
const inVersion = (version: object) => ({
  version_data: { not_versioned: true, versions: { Default: { use_extended_paths: true, ...version } } },
})
const onEndpoints = (list: string, entry: unknown) => inVersion({ extended_paths: { [list]: [entry] } })

/** Settings that protect an API and are not in force: the API is not served. */
const REFUSED: [reason: string, definition: object][] = [
  ['use_oauth2', { use_oauth2: true }],
  ['custom_plugin_auth_enabled', { custom_plugin_auth_enabled: true }],
  ['enable_coprocess_auth', { enable_coprocess_auth: true }],
  ['use_go_plugin_auth', { use_go_plugin_auth: true }],
  ['definition.enabled', { definition: { enabled: true } }],
  ['graphql', { graphql: { enabled: true } }],
  ['is_oas', { is_oas: true }],
  ['custom_middleware.pre', { custom_middleware: { pre: [hook] } }],
  ['custom_middleware.post_key_auth', { custom_middleware: { post_key_auth: [hook] } }],
  ['custom_middleware.post', { custom_middleware: { post: [hook] } }],
  ['custom_middleware_bundle', { custom_middleware_bundle: 'bundle.zip' }],
  ['extended_paths.go_plugin', onEndpoints('go_plugin', endpoint)],
  ['extended_paths.validate_request', onEndpoints('validate_request', { ...endpoint, enabled: true })],
  ['extended_paths.url_rewrites', onEndpoints('url_rewrites', { ...endpoint, rewrite_to: 'tyk://self/b' })],
]

/** Settings that change what an API does and are not in force: it is served, with a warning. */
const WARNED: [name: string, definition: object][] = [
  ['cache_options', { cache_options: { enable_cache: true } }],
  ['proxy.enable_load_balancing', { proxy: { enable_load_balancing: true } }],
  ['proxy.service_discovery', { proxy: { service_discovery: { use_discovery_service: true } } }],
  ['enable_batch_request_support', { enable_batch_request_support: true }],
  ['event_handlers.events.HostDown', { event_handlers: { events: { HostDown: [] } } }],
  [
    'event_handlers.events.AuthFailure[1]',
    {
      event_handlers: {
        events: { AuthFailure: [{ handler_name: 'eh_log_handler' }, { handler_name: 'eh_dynamic_handler' }] },
      },
    },
  ],
  ['uptime_tests', { uptime_tests: { check_list: [{ url: 'http://a' }] } }],
  ['request_signing', { request_signing: { is_enabled: true } }],
  ['error_overrides', { error_overrides: { 404: [{}] } }],
  ['custom_middleware.response', { custom_middleware: { response: [hook] } }],
  ['custom_middleware.traffic_logs', { custom_middleware: { traffic_logs: hook } }],
  ['upstream_auth', { upstream_auth: { enabled: true } }],
  ['analytics_plugin', { analytics_plugin: { enable: true } }],
  ['detailed_tracing', { detailed_tracing: true }],
  ['json_rpc_version', { json_rpc_version: '2.0' }],
  ['application_protocol', { application_protocol: 'mcp' }],
  ['security_requirements', { security_requirements: [['a'], ['b']] }],
  ['auth_provider.storage_engine', { auth_provider: { storage_engine: 'ldap' } }],
  ['session_provider.storage_engine', { session_provider: { storage_engine: 'rpc' } }],
  ['extended_paths.cache', onEndpoints('cache', '/a')],
  ...[
    'advance_cache_config',
    'transform',
    'transform_response',
    'circuit_breakers',
    'virtual',
    'persist_graphql',
    'transform_jq',
    'transform_jq_response',
  ].map((list): [string, object] => [`extended_paths.${list}`, onEndpoints(list, endpoint)]),
]

/** Details of a setting above, and keys that have no effect in Tyk's own gateway with definitions from files. */
const WITHOUT_EFFECT = new Set([
  'id',
  'slug',
  'active',
  'tags',
  'tags_disabled',
  'enable_proxy_protocol',
  'oauth_meta',
  'notifications',
  'security_requirement_scopes',
  'error_overrides_disabled',
  'config_data',
  'config_data_disabled',
  'custom_middleware_bundle_disabled',
])

/** In force, each with its tests. */
const IN_FORCE = new Set([
  'api_id',
  'name',
  'org_id',
  'internal',
  'expiration',
  'listen_port',
  'protocol',
  'domain',
  'domain_disabled',
  'proxy',
  'use_keyless',
  'use_standard_auth',
  'auth',
  'auth_configs',
  'strip_auth_data',
  'enable_jwt',
  'jwt_signing_method',
  'jwt_source',
  'jwt_jwks_uris',
  'jwt_identity_base_field',
  'jwt_client_base_field',
  'jwt_policy_field_name',
  'jwt_default_policies',
  'jwt_issued_at_validation_skew',
  'jwt_expires_at_validation_skew',
  'jwt_not_before_validation_skew',
  'jwt_skip_kid',
  'scopes',
  'jwt_scope_to_policy_mapping',
  'jwt_scope_claim_name',
  'idp_client_id_mapping_disabled',
  'base_identity_provided_by',
  'external_oauth',
  'use_openid',
  'openid_options',
  'use_mutual_tls_auth',
  'client_certificates',
  'enable_signature_checking',
  'hmac_allowed_clock_skew',
  'hmac_allowed_algorithms',
  'use_basic_auth',
  'basic_auth',
  'disable_rate_limit',
  'global_rate_limit',
  'disable_quota',
  'session_lifetime',
  'session_lifetime_respects_key_expiration',
  'dont_set_quota_on_create',
  'do_not_track',
  'enable_detailed_recording',
  'tag_headers',
  'expire_analytics_after',
  'enable_context_vars',
  'definition',
  'version_data',
  'enable_ip_whitelisting',
  'allowed_ips',
  'enable_ip_blacklisting',
  'blacklisted_ips',
  'ip_access_control_disabled',
  'CORS',
  'response_processors',
  'certificates',
  'upstream_certificates',
  'upstream_certificates_disabled',
  'pinned_public_keys',
  'certificate_pinning_disabled',
])

const IN_FORCE_ON_ENDPOINTS = new Set([
  'ignored',
  'white_list',
  'black_list',
  'mock_response',
  'transform_headers',
  'transform_response_headers',
  'hard_timeouts',
  'url_rewrites',
  'size_limits',
  'method_transforms',
  'rate_limit',
  'track_endpoints',
  'do_not_track_endpoints',
  'validate_json',
  'internal',
])

describe('settings that are not in force', () => {
  test.each(REFUSED)('%s keeps the API from being served', (reason, definition) => {
    expect(unguardedReason(decodeDefinition({ ...definition }))).toContain(reason)
  })

  test.each(WARNED)('%s is named in a warning', (name, definition) => {
    const decoded = decodeDefinition({ use_keyless: true, ...definition })
    expect(unguardedReason(decoded)).toBe(null)
    expect(pendingFeatures(decoded)).toEqual([name])
  })

  test('an API that asks for none of them is served without a warning', () => {
    const decoded = decodeDefinition({ use_keyless: true })
    expect(unguardedReason(decoded)).toBe(null)
    expect(pendingFeatures(decoded)).toEqual([])
  })
})

describe('every key of a definition is accounted for', () => {
  const named = [...REFUSED, ...WARNED].map(([name]) => name)
  const tops = new Set(named.map((name) => name.split('.')[0] as string))
  const lists = new Set(named.filter((name) => name.startsWith('extended_paths.')).map((name) => name.split('.')[1]))

  test.each(Object.keys(apiDefinitionShape.keys))('%s', (key) => {
    expect(tops.has(key) || IN_FORCE.has(key) || WITHOUT_EFFECT.has(key)).toBe(true)
  })

  const { extended_paths: endpoints } = apiDefinitionShape.keys.version_data.keys.versions.of.keys
  test.each(Object.keys(endpoints.keys))('extended_paths.%s', (list) => {
    expect(lists.has(list) || IN_FORCE_ON_ENDPOINTS.has(list)).toBe(true)
  })
})

describe('another form of a definition', () => {
  const OPEN = { use_keyless: true }
  const listed = (list: string, ...paths: string[]) => ({
    ...OPEN,
    ...inVersion({ extended_paths: { [list]: paths.map((path) => ({ path })) } }),
  })
  test.each<[string, object, object]>([
    ['keys', OPEN, { use_keyless: false }],
    ['another way of authentication', { use_basic_auth: true }, { use_basic_auth: true, enable_jwt: true }],
    ['client certificates', OPEN, { ...OPEN, use_mutual_tls_auth: true }],
    ['addresses', OPEN, { ...OPEN, enable_ip_whitelisting: true, allowed_ips: ['10.0.0.1'] }],
    ['a denied address', OPEN, { ...OPEN, enable_ip_blacklisting: true, blacklisted_ips: ['10.0.0.1'] }],
    ['fewer allowed paths', listed('white_list', '/a', '/b'), listed('white_list', '/a')],
    ['a denied path', listed('black_list', '/a'), listed('black_list', '/a', '/b')],
  ])('asks for more with %s', (_, before, next) => {
    const [older, newer] = [decodeDefinition(before), decodeDefinition(next)]
    expect([asksForMore(newer, older), asksForMore(newer, newer)]).toEqual([true, false])
  })

  test('does not with a denied path less, or without authentication', () => {
    const less = (before: object, next: object) => asksForMore(decodeDefinition(next), decodeDefinition(before))
    expect(less(listed('black_list', '/a', '/b'), listed('black_list', '/a'))).toBe(false)
    expect(less({ use_keyless: false, use_basic_auth: true }, OPEN)).toBe(false)
  })
})
