/**
 * The classic API definition: every key and its JSON type. Decoding follows Go's rules (see `decode.ts`); the TypeScript
 * type is inferred from this table, so a key is declared once.
 */

export type Shape =
  | { readonly kind: 'string' | 'boolean' | 'integer' | 'unsigned' | 'number' | 'duration' | 'any' }
  | { readonly kind: 'list' | 'map'; readonly of: Shape }
  | { readonly kind: 'object'; readonly keys: { readonly [key: string]: Shape } }

const s = { kind: 'string' } as const
const b = { kind: 'boolean' } as const
const i = { kind: 'integer' } as const
const u = { kind: 'unsigned' } as const
const f = { kind: 'number' } as const
/** Go duration text such as `1m30s`; milliseconds after decoding. */
const d = { kind: 'duration' } as const
const any = { kind: 'any' } as const
const list = <const S extends Shape>(of: S) => ({ kind: 'list', of }) as const
const map = <const S extends Shape>(of: S) => ({ kind: 'map', of }) as const
const object = <const K extends { readonly [key: string]: Shape }>(keys: K) => ({ kind: 'object', keys }) as const

const authConfig = object({
  name: s,
  auth_header_name: s,
  disable_header: b,
  use_param: b,
  param_name: s,
  use_cookie: b,
  cookie_name: s,
  use_certificate: b,
  validate_signature: b,
  signature: object({
    algorithm: s,
    header: s,
    use_param: b,
    param_name: s,
    secret: s,
    allowed_clock_skew: i,
    error_code: i,
    error_message: s,
  }),
})

const serviceDiscovery = object({
  use_discovery_service: b,
  query_endpoint: s,
  use_nested_query: b,
  parent_data_path: s,
  data_path: s,
  port_data_path: s,
  target_path: s,
  use_target_list: b,
  cache_disabled: b,
  cache_timeout: i,
  endpoint_returns_list: b,
})

const endpoint = { path: s, method: s, disabled: b }
const listEntry = object({
  ...endpoint,
  ignore_case: b,
  method_actions: map(object({ action: s, code: i, data: s, headers: map(s) })),
})
const bodyTransform = object({
  ...endpoint,
  template_data: object({ input_type: s, template_mode: s, template_source: s, enable_session: b }),
})
const headerTransform = object({ ...endpoint, delete_headers: list(s), add_headers: map(s), act_on: b })
const rewriteMatch = object({ match_rx: s, reverse: b })

const extendedPaths = object({
  ignored: list(listEntry),
  white_list: list(listEntry),
  black_list: list(listEntry),
  mock_response: list(object({ ...endpoint, ignore_case: b, code: i, body: s, headers: map(s) })),
  cache: list(s),
  advance_cache_config: list(object({ ...endpoint, cache_key_regex: s, cache_response_codes: list(i), timeout: i })),
  transform: list(bodyTransform),
  transform_response: list(bodyTransform),
  transform_headers: list(headerTransform),
  transform_response_headers: list(headerTransform),
  hard_timeouts: list(object({ ...endpoint, timeout: i, duration: d })),
  circuit_breakers: list(
    object({ ...endpoint, threshold_percent: f, samples: i, return_to_service_after: i, disable_half_open_state: b }),
  ),
  url_rewrites: list(
    object({
      ...endpoint,
      match_pattern: s,
      rewrite_to: s,
      triggers: list(
        object({
          on: s,
          rewrite_to: s,
          options: object({
            header_matches: map(rewriteMatch),
            query_val_matches: map(rewriteMatch),
            path_part_matches: map(rewriteMatch),
            session_meta_matches: map(rewriteMatch),
            request_context_matches: map(rewriteMatch),
            payload_matches: rewriteMatch,
          }),
        }),
      ),
    }),
  ),
  virtual: list(
    object({
      ...endpoint,
      response_function_name: s,
      function_source_type: s,
      function_source_uri: s,
      use_session: b,
      proxy_on_error: b,
    }),
  ),
  size_limits: list(object({ ...endpoint, size_limit: i })),
  method_transforms: list(object({ ...endpoint, to_method: s })),
  track_endpoints: list(object(endpoint)),
  do_not_track_endpoints: list(object(endpoint)),
  validate_json: list(object({ ...endpoint, schema: any, schema_b64: s, error_response_code: i })),
  validate_request: list(object({ ...endpoint, enabled: b, error_response_code: i })),
  internal: list(object(endpoint)),
  rate_limit: list(object({ ...endpoint, rate: f, per: f })),
  go_plugin: list(object({ ...endpoint, plugin_path: s, func_name: s })),
  persist_graphql: list(object({ ...endpoint, operation: s, variables: any })),
  transform_jq: list(object({ ...endpoint, filter: s })),
  transform_jq_response: list(object({ ...endpoint, filter: s })),
})

const version = object({
  name: s,
  expires: s,
  use_extended_paths: b,
  extended_paths: extendedPaths,
  paths: object({ ignored: list(s), white_list: list(s), black_list: list(s) }),
  global_headers: map(s),
  global_headers_remove: list(s),
  global_headers_disabled: b,
  global_response_headers: map(s),
  global_response_headers_remove: list(s),
  global_response_headers_disabled: b,
  ignore_endpoint_case: b,
  global_size_limit: i,
  global_size_limit_disabled: b,
  global_enforce_timeout: d,
  global_enforce_timeout_disabled: b,
  override_target: s,
})

const hook = object({ disabled: b, name: s, path: s, code: s, require_session: b, raw_body_only: b })

const scopeMapping = object({ scope_claim_name: s, scope_to_policy: map(s) })

const upstreamOauthClient = {
  client_id: s,
  client_secret: s,
  method: s,
  token_url: s,
  scopes: list(s),
  extra_metadata: list(s),
  header: object({ enabled: b, name: s }),
}

export const apiDefinitionShape = object({
  id: s,
  api_id: s,
  name: s,
  org_id: s,
  slug: s,
  active: b,
  internal: b,
  expiration: s,
  listen_port: i,
  protocol: s,
  enable_proxy_protocol: b,
  domain: s,
  domain_disabled: b,
  tags: list(s),
  tags_disabled: b,
  is_oas: b,
  json_rpc_version: s,
  application_protocol: s,
  graphql: any,
  proxy: object({
    listen_path: s,
    target_url: s,
    strip_listen_path: b,
    disable_strip_slash: b,
    preserve_host_header: b,
    enable_load_balancing: b,
    target_list: list(s),
    check_host_against_uptime_tests: b,
    service_discovery: serviceDiscovery,
    transport: object({
      ssl_insecure_skip_verify: b,
      ssl_ciphers: list(s),
      ssl_min_version: u,
      ssl_max_version: u,
      ssl_force_common_name_check: b,
      proxy_url: s,
    }),
  }),
  upstream_auth: object({
    enabled: b,
    basic_auth: object({ enabled: b, username: s, password: s, header: object({ enabled: b, name: s }) }),
    oauth: object({
      enabled: b,
      allowed_authorize_types: list(s),
      client_credentials: object(upstreamOauthClient),
      password: object({ ...upstreamOauthClient, username: s, password: s }),
    }),
  }),
  request_signing: object({
    is_enabled: b,
    secret: s,
    key_id: s,
    algorithm: s,
    header_list: list(s),
    certificate_id: s,
    signature_header: s,
  }),
  use_keyless: b,
  use_standard_auth: b,
  auth: authConfig,
  auth_configs: map(authConfig),
  strip_auth_data: b,
  enable_jwt: b,
  jwt_signing_method: s,
  jwt_source: s,
  jwt_jwks_uris: list(object({ url: s, cache_timeout: d })),
  jwt_identity_base_field: s,
  jwt_client_base_field: s,
  jwt_policy_field_name: s,
  jwt_default_policies: list(s),
  jwt_issued_at_validation_skew: u,
  jwt_expires_at_validation_skew: u,
  jwt_not_before_validation_skew: u,
  jwt_skip_kid: b,
  scopes: object({ jwt: scopeMapping, oidc: scopeMapping }),
  jwt_scope_to_policy_mapping: map(s),
  jwt_scope_claim_name: s,
  idp_client_id_mapping_disabled: b,
  use_basic_auth: b,
  basic_auth: object({
    disable_caching: b,
    cache_ttl: i,
    extract_from_body: b,
    body_user_regexp: s,
    body_password_regexp: s,
  }),
  enable_signature_checking: b,
  hmac_allowed_clock_skew: f,
  hmac_allowed_algorithms: list(s),
  use_mutual_tls_auth: b,
  client_certificates: list(s),
  use_oauth2: b,
  oauth_meta: object({ allowed_access_types: list(s), allowed_authorize_types: list(s), auth_login_redirect: s }),
  notifications: object({ shared_secret: s, oauth_on_keychange_url: s }),
  use_openid: b,
  openid_options: object({ segregate_by_client: b, providers: list(object({ issuer: s, client_ids: map(s) })) }),
  external_oauth: object({
    enabled: b,
    providers: list(
      object({
        jwt: object({
          enabled: b,
          signing_method: s,
          source: s,
          identity_base_field: s,
          issued_at_validation_skew: u,
          not_before_validation_skew: u,
          expires_at_validation_skew: u,
        }),
        introspection: object({
          enabled: b,
          url: s,
          client_id: s,
          client_secret: s,
          identity_base_field: s,
          cache: object({ enabled: b, timeout: i }),
        }),
      }),
    ),
  }),
  custom_plugin_auth_enabled: b,
  enable_coprocess_auth: b,
  use_go_plugin_auth: b,
  base_identity_provided_by: s,
  security_requirements: list(list(s)),
  security_requirement_scopes: list(map(list(s))),
  auth_provider: object({ name: s, storage_engine: s, meta: any }),
  session_provider: object({ name: s, storage_engine: s, meta: any }),
  global_rate_limit: object({ rate: f, per: f, disabled: b }),
  disable_rate_limit: b,
  disable_quota: b,
  session_lifetime: i,
  session_lifetime_respects_key_expiration: b,
  dont_set_quota_on_create: b,
  do_not_track: b,
  enable_detailed_recording: b,
  tag_headers: list(s),
  expire_analytics_after: i,
  enable_context_vars: b,
  analytics_plugin: object({ enable: b, plugin_path: s, func_name: s }),
  detailed_tracing: b,
  error_overrides: map(
    list(
      object({
        match: object({ flag: s, message_pattern: s, body_field: s, body_value: s }),
        response: object({ status_code: i, body: s, message: s, template: s, headers: map(s) }),
      }),
    ),
  ),
  error_overrides_disabled: b,
  definition: object({
    enabled: b,
    name: s,
    default: s,
    location: s,
    key: s,
    strip_path: b,
    strip_versioning_data: b,
    url_versioning_pattern: s,
    fallback_to_default: b,
    versions: map(s),
  }),
  version_data: object({ not_versioned: b, default_version: s, versions: map(version) }),
  enable_ip_whitelisting: b,
  allowed_ips: list(s),
  enable_ip_blacklisting: b,
  blacklisted_ips: list(s),
  ip_access_control_disabled: b,
  CORS: object({
    enable: b,
    allowed_origins: list(s),
    allowed_methods: list(s),
    allowed_headers: list(s),
    exposed_headers: list(s),
    allow_credentials: b,
    max_age: i,
    options_passthrough: b,
    debug: b,
  }),
  cache_options: object({
    enable_cache: b,
    cache_timeout: i,
    cache_all_safe_requests: b,
    cache_response_codes: list(i),
    enable_upstream_cache_control: b,
    cache_control_ttl_header: s,
    cache_by_headers: list(s),
  }),
  response_processors: list(object({ name: s, options: any })),
  enable_batch_request_support: b,
  config_data: any,
  config_data_disabled: b,
  custom_middleware: object({
    driver: s,
    pre: list(hook),
    post: list(hook),
    post_key_auth: list(hook),
    response: list(hook),
    auth_check: hook,
    traffic_logs: hook,
    id_extractor: object({ disabled: b, extract_from: s, extract_with: s, extractor_config: any }),
  }),
  custom_middleware_bundle: s,
  custom_middleware_bundle_disabled: b,
  event_handlers: object({ events: map(list(object({ handler_name: s, handler_meta: any }))) }),
  uptime_tests: object({
    disabled: b,
    check_list: list(
      object({
        url: s,
        protocol: s,
        timeout: i,
        enable_proxy_protocol: b,
        commands: list(object({ name: s, message: s })),
        method: s,
        headers: map(s),
        body: s,
      }),
    ),
    config: object({ expire_utime_after: i, recheck_wait: i, service_discovery: serviceDiscovery }),
  }),
  certificates: list(s),
  upstream_certificates: map(s),
  upstream_certificates_disabled: b,
  pinned_public_keys: map(s),
  certificate_pinning_disabled: b,
})

export type ValueOf<S extends Shape> = S extends { kind: 'string' }
  ? string
  : S extends { kind: 'boolean' }
    ? boolean
    : S extends { kind: 'integer' | 'unsigned' | 'number' | 'duration' }
      ? number
      : S extends { kind: 'any' }
        ? unknown
        : S extends { kind: 'list'; of: infer O extends Shape }
          ? readonly ValueOf<O>[]
          : S extends { kind: 'map'; of: infer O extends Shape }
            ? Readonly<Record<string, ValueOf<O>>>
            : S extends { kind: 'object'; keys: infer K extends { readonly [key: string]: Shape } }
              ? { readonly [N in keyof K]: ValueOf<K[N]> }
              : never

/** A decoded definition: every key present, absent ones with their zero value. */
export type ApiDefinition = ValueOf<typeof apiDefinitionShape>
export type ApiVersion = ApiDefinition['version_data']['versions'][string]
export type AuthConfig = ApiDefinition['auth']
