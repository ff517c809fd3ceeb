import { expect, test } from 'vitest'
import { fromNode, toJson } from './formats.ts'
import { parseJson } from './json-document.ts'
import { gatewayConfig } from './schema.ts'
import { rowsOf } from './section.ts'

const rows = rowsOf(gatewayConfig)

/** Variables that do not follow from the key. Everything else is the key in capitals without its underscores. */
const irregular: Readonly<Record<string, string>> = {
  ports_whitelist: 'PORTWHITELIST',
  disable_ports_whitelist: 'DISABLEPORTWHITELIST',
  'storage.optimisation_max_idle': 'STORAGE_MAXIDLE',
  'storage.optimisation_max_active': 'STORAGE_MAXACTIVE',
  'analytics_storage.optimisation_max_idle': 'ANALYTICSSTORAGE_MAXIDLE',
  'analytics_storage.optimisation_max_active': 'ANALYTICSSTORAGE_MAXACTIVE',
  'cache_storage.optimisation_max_idle': 'CACHESTORAGE_MAXIDLE',
  'cache_storage.optimisation_max_active': 'CACHESTORAGE_MAXACTIVE',
  enable_separate_analytics_store: 'ENABLESEPERATEANALYTICSSTORE',
  enable_separate_cache_store: 'ENABLESEPERATECACHESTORE',
  suppress_default_org_store: 'SUPRESSDEFAULTORGSTORE',
  'analytics_config.geo_ip_db_path': 'ANALYTICSCONFIG_GEOIPDBLOCATION',
  'analytics_config.normalise_urls.custom_patterns': 'ANALYTICSCONFIG_NORMALISEURLS_CUSTOM',
  'http_server_options.ssl_ciphers': 'HTTPSERVEROPTIONS_CIPHERS',
  proxy_ssl_ciphers: 'PROXYSSLCIPHERSUITES',
  max_idle_connections: 'MAXIDLECONNS',
  max_idle_connections_per_host: 'MAXIDLECONNSPERHOST',
  'health_check.health_check_value_timeouts': 'HEALTHCHECK_HEALTHCHECKVALUETIMEOUT',
  oauth_refresh_token_expire: 'OAUTHREFRESHEXPIRE',
  'local_session_cache.disable_cached_session_state': 'LOCALSESSIONCACHE_DISABLECACHESESSIONSTATE',
  'local_session_cache.cached_session_eviction': 'LOCALSESSIONCACHE_CACHESESSIONEVICTION',
  'monitor.configuration.method': 'MONITOR_CONFIG_METHOD',
  'monitor.configuration.target_path': 'MONITOR_CONFIG_TARGETPATH',
  'monitor.configuration.template_path': 'MONITOR_CONFIG_TEMPLATEPATH',
  'monitor.configuration.event_timeout': 'MONITOR_CONFIG_EVENTTIMEOUT',
  'monitor.configuration.header_map': 'MONITOR_CONFIG_HEADERLIST',
  'security.certificates.apis': 'SECURITY_CERTIFICATES_API',
  'security.certificates.dashboard_api': 'SECURITY_CERTIFICATES_DASHBOARD',
  'security.certificates.mdcb_api': 'SECURITY_CERTIFICATES_MDCB',
  enable_http_profiler: 'HTTPPROFILE',
  'tracing.name': 'TRACER_NAME',
  'tracing.enabled': 'TRACER_ENABLED',
  'oas_config.validate_examples': 'OAS_VALIDATEEXAMPLES',
  'oas_config.validate_schema_defaults': 'OAS_VALIDATESCHEMADEFAULTS',
  'slave_options.bind_to_slugs': 'SLAVEOPTIONS_BINDTOSLUGSINSTEADOFLISTENPATHS',
  'opentelemetry.traces.mcp.read_sources': 'OPENTELEMETRY_TRACES_MCPTRACECONTEXT_READSOURCES',
}

/** Keys that no variable sets. */
const withoutVariable: readonly string[] = [
  'override_messages',
  'error_overrides',
  'event_trigers_defunct',
  'event_triggers_defunct',
  'event_handlers.events',
  'tracing.options',
  'rate_limiter_storage',
  'external_services.storage',
  'external_services.health',
  'external_services.discovery',
  'auth_override.auth_provider',
  'auth_override.session_provider',
  'storage.iam_auth',
  'analytics_storage.iam_auth',
  'cache_storage.iam_auth',
]

test('every key has a documentation sentence', () => {
  expect(rows.filter(({ row }) => !/^[A-Z].{8,}\.$/.test(row.doc)).map(({ key }) => key)).toEqual([])
})

test('every key but the listed ones has a variable of its own', () => {
  expect(rows.filter(({ row }) => row.env === undefined).map(({ key }) => key)).toEqual(
    expect.arrayContaining([...withoutVariable]),
  )
  const names = rows.flatMap(({ row }) => row.env ?? [])
  expect(names).toHaveLength(rows.length - withoutVariable.length)
  expect(new Set(names).size).toBe(names.length)
})

test('every variable has the name Tyk gives it', () => {
  for (const { key, row } of rows) {
    if (row.env === undefined) continue
    const regular = key.replaceAll('_', '').replaceAll('.', '_').toUpperCase()
    expect(row.env).toBe(`TYK_GW_${irregular[key] ?? regular}`)
  }
  for (const key of Object.keys(irregular)) expect(rows.map((placed) => placed.key)).toContain(key)
})

test.each(rows)('the default of $key has the format of its row', ({ row }) => {
  for (const value of [row.default, row.generated ?? row.default]) {
    expect(fromNode(row, parseJson(JSON.stringify(toJson(row, value))))).toEqual(value)
  }
})

test('no key is both refused and pending', () => {
  expect(rows.filter(({ row }) => row.pending && row.refused !== undefined)).toEqual([])
})
