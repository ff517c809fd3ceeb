/** Keys of older gateways that public files still contain. They have no effect and are ignored without a word. */
const oldKeys: ReadonlySet<string> = new Set([
  'optimisations_use_async_session_write',
  'close_idle_connections',
  'enable_api_segregation',
  'enable_context_vars',
  'enable_batch_request_support',
  'reload_wait_time',
  'analytics_config.csv_dir',
  'analytics_config.purge_delay',
  'http_server_options.override_defaults',
  'http_server_options.use_ssl_le',
  'dns_cache.check_interval',
])

/** `analytics_config.mongo_url` and its companions. */
const OLD_MONGO = /^analytics_config\.mongo_/
/** Keys of db_app_conf_options that were often written at another level. */
const MISPLACED = /(?:^|\.)(?:node_is_segmented|tags)$/

export function isOldKey(key: string): boolean {
  const folded = key.toLowerCase()
  return oldKeys.has(folded) || OLD_MONGO.test(folded) || MISPLACED.test(folded)
}

const oldVariables: ReadonlySet<string> = new Set([...oldKeys].map(variableOf))

/** The variables of those keys; there were none for the misplaced ones. */
export function isOldVariable(name: string): boolean {
  return oldVariables.has(name) || name.startsWith('TYK_GW_ANALYTICSCONFIG_MONGO')
}

function variableOf(key: string): string {
  return `TYK_GW_${key.replaceAll('_', '').replaceAll('.', '_').toUpperCase()}`
}
