import type { ConfigSection } from './section.ts'

/** Top-level keys. */
export const files = {
  use_db_app_configs: {
    doc: 'Reads API definitions from a Dashboard.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_USEDBAPPCONFIGS',
    refused: 'there is no Dashboard mode; API definitions come from app_path',
  },
  app_path: {
    doc: 'Folder of API definitions, every *.json directly in it; empty means the working directory.',
    format: 'string',
    default: '',
    generated: 'apps/',
    env: 'TYK_GW_APPPATH',
  },
  template_path: {
    doc: 'Folder of the error* templates.',
    format: 'string',
    default: '',
    generated: 'templates',
    env: 'TYK_GW_TEMPLATEPATH',
  },
  middleware_path: {
    doc: 'Folder of JavaScript plugins.',
    format: 'string',
    default: '',
    generated: 'middleware',
    env: 'TYK_GW_MIDDLEWAREPATH',
    pending: true,
  },
  tyk_js_path: {
    doc: 'JavaScript file loaded before any plugin.',
    format: 'string',
    default: '',
    env: 'TYK_GW_TYKJSPATH',
    pending: true,
  },
  allow_unsafe_policy_ids: {
    doc: 'Accepts any policy id that can be a file name through the control API, not only letters, digits and . _ ~ -.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ALLOWUNSAFEPOLICYIDS',
  },
} as const satisfies ConfigSection

/** `policies` of the configuration file. */
export const policies = {
  policy_source: {
    doc: 'Where policies come from; only files are read, whatever name is given.',
    format: 'string',
    default: '',
    env: 'TYK_GW_POLICIES_POLICYSOURCE',
  },
  policy_path: {
    doc: 'Folder with one policy per *.json; takes precedence over policy_record_name.',
    format: 'string',
    default: '',
    env: 'TYK_GW_POLICIES_POLICYPATH',
  },
  policy_record_name: {
    doc: 'One JSON file that maps policy ids to policies.',
    format: 'string',
    default: '',
    env: 'TYK_GW_POLICIES_POLICYRECORDNAME',
  },
  policy_connection_string: {
    doc: 'Address of a Dashboard that serves policies.',
    format: 'string',
    default: '',
    env: 'TYK_GW_POLICIES_POLICYCONNECTIONSTRING',
    sensitive: true,
    reference: true,
    pending: true,
  },
  allow_explicit_policy_id: {
    doc: 'Has no effect, as in Tyk; accepted because shipped files contain it.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_POLICIES_ALLOWEXPLICITPOLICYID',
  },
} as const satisfies ConfigSection

/** `db_app_conf_options` of the configuration file. */
export const dbAppConfOptions = {
  connection_string: {
    doc: 'Address of a Dashboard.',
    format: 'string',
    default: '',
    env: 'TYK_GW_DBAPPCONFOPTIONS_CONNECTIONSTRING',
    sensitive: true,
    reference: true,
    pending: true,
  },
  connection_timeout: {
    doc: 'Seconds to wait for a Dashboard.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_DBAPPCONFOPTIONS_CONNECTIONTIMEOUT',
    pending: true,
  },
  node_is_segmented: {
    doc: 'Adds the tags below to every analytics record.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_DBAPPCONFOPTIONS_NODEISSEGMENTED',
  },
  tags: {
    doc: 'Tags of this gateway.',
    format: 'string-list',
    default: [],
    env: 'TYK_GW_DBAPPCONFOPTIONS_TAGS',
  },
} as const satisfies ConfigSection

/** `resource_sync` of the configuration file. */
export const resourceSync = {
  retry_attempts: {
    doc: 'How often a failed load of APIs and policies is tried again.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_RESOURCESYNC_RETRYATTEMPTS',
    pending: true,
  },
  interval: {
    doc: 'Seconds between those attempts.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_RESOURCESYNC_INTERVAL',
    pending: true,
  },
} as const satisfies ConfigSection
