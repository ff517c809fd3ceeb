import { analytics, analyticsConfig } from './analytics.ts'
import { authOverride, enterprise, slaveOptions } from './enterprise.ts'
import { eventHandlers, events, uptimeTests } from './events.ts'
import { externalServices } from './external-services.ts'
import { dbAppConfOptions, files, policies, resourceSync } from './files.ts'
import { httpServerOptions } from './http-server-options.ts'
import { keys, localSessionCache } from './keys.ts'
import { listener } from './listener.ts'
import { newrelic, observability, tracing } from './observability.ts'
import { opentelemetry } from './opentelemetry.ts'
import { coprocessOptions, plugins } from './plugins.ts'
import { accessLogs, healthCheck, livenessCheck, process } from './process.ts'
import { monitor, rateLimiting } from './rate-limiting.ts'
import { kv, secretOptions } from './secrets.ts'
import { allPending, type ConfigOf, type ConfigSection } from './section.ts'
import { security } from './security.ts'
import { analyticsStorage, cacheStorage, separateStores, storage } from './storage.ts'
import { jwks, privateOptions, tokens } from './tokens.ts'
import { dnsCache, serviceDiscovery, upstream } from './upstream.ts'

/** Every key of tyk.conf. */
export const gatewayConfig = {
  ...listener,
  http_server_options: httpServerOptions,
  ...files,
  policies,
  db_app_conf_options: dbAppConfOptions,
  resource_sync: resourceSync,
  storage,
  ...separateStores,
  analytics_storage: analyticsStorage,
  cache_storage: allPending(cacheStorage),
  ...analytics,
  analytics_config: analyticsConfig,
  ...upstream,
  dns_cache: dnsCache,
  service_discovery: serviceDiscovery,
  ...keys,
  local_session_cache: localSessionCache,
  ...tokens,
  jwks,
  private: privateOptions,
  ...process,
  access_logs: accessLogs,
  liveness_check: livenessCheck,
  health_check: healthCheck,
  ...rateLimiting,
  monitor,
  ...events,
  event_handlers: eventHandlers,
  uptime_tests: uptimeTests,
  security,
  ...secretOptions,
  kv,
  ...plugins,
  coprocess_options: coprocessOptions,
  ...observability,
  newrelic,
  tracing,
  opentelemetry,
  external_services: externalServices,
  ...enterprise,
  auth_override: authOverride,
  slave_options: slaveOptions,
} as const satisfies ConfigSection

/** The loaded configuration, frozen. */
export type GatewayConfig = ConfigOf<typeof gatewayConfig>
