import type { ConfigSection } from './section.ts'

/** Top-level keys. */
export const analytics = {
  enable_analytics: {
    doc: 'Writes one record per request to Redis for the pump.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLEANALYTICS',
  },
  analytics_ledger: {
    doc: 'Counts the records of each minute and API in Redis, for `ledger` of the pump, and notes reloads there, for charts. Not a key of Tyk.',
    format: 'go-bool',
    default: true,
    env: 'TYK_GW_ANALYTICSLEDGER',
  },
  enforce_org_data_age: {
    doc: "Takes the life of records from the organisation's session.",
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENFORCEORGDATAAGE',
  },
  enforce_org_data_detail_logging: {
    doc: "Takes detailed recording from the organisation's session.",
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENFORCEORGDATADETAILLOGGING',
  },
} as const satisfies ConfigSection

/** `analytics_config` of the configuration file. */
export const analyticsConfig = {
  type: {
    doc: 'Has no effect; rpc, the hybrid mode, is refused.',
    format: 'string',
    default: '',
    env: 'TYK_GW_ANALYTICSCONFIG_TYPE',
  },
  enable_detailed_recording: {
    doc: 'Puts the request and the answer, in wire format, into every record.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ANALYTICSCONFIG_ENABLEDETAILEDRECORDING',
  },
  max_recorded_body_bytes: {
    doc: 'Bytes of each body that detailed recording keeps; the rest is left out. 0 leaves bodies out. All requests under way share 64 MiB.',
    format: 'go-int',
    default: 1_048_576,
    range: [0, 16_777_216],
    env: 'TYK_GW_ANALYTICSCONFIG_MAXRECORDEDBODYBYTES',
  },
  ignored_ips: {
    doc: 'Client addresses that leave no record.',
    format: 'string-list',
    default: [],
    env: 'TYK_GW_ANALYTICSCONFIG_IGNOREDIPS',
  },
  pool_size: {
    doc: 'Has no effect: records are encoded in batches beside the requests, without workers.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_ANALYTICSCONFIG_POOLSIZE',
  },
  records_buffer_size: {
    doc: 'Has no effect: records are kept up to 64 MiB while Redis is away, and requests never wait for them.',
    format: 'go-int',
    default: 1000,
    defaultWhen: { below: 1000 },
    range: [0, 9_007_199_254_740_991],
    env: 'TYK_GW_ANALYTICSCONFIG_RECORDSBUFFERSIZE',
  },
  storage_expiration_time: {
    doc: 'Seconds an analytics list lives unread in Redis; -1 keeps it for ever.',
    format: 'go-int',
    default: 60,
    defaultWhen: 'zero',
    env: 'TYK_GW_ANALYTICSCONFIG_STORAGEEXPIRATIONTIME',
  },
  enable_multiple_analytics_keys: {
    doc: 'Spreads the records over ten lists.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ANALYTICSCONFIG_ENABLEMULTIPLEANALYTICSKEYS',
  },
  serializer_type: {
    doc: 'Form of a record in Redis: msgpack, or protobuf in lists of its own.',
    format: 'string',
    default: '',
    env: 'TYK_GW_ANALYTICSCONFIG_SERIALIZERTYPE',
  },
  purge_interval: {
    doc: 'Seconds between transfers of the hybrid mode.',
    format: 'go-float',
    default: 10,
    defaultWhen: 'zero',
    env: 'TYK_GW_ANALYTICSCONFIG_PURGEINTERVAL',
    pending: true,
  },
  normalise_urls: {
    enabled: {
      doc: 'Replaces the variable parts of the recorded path.',
      format: 'go-bool',
      default: false,
      env: 'TYK_GW_ANALYTICSCONFIG_NORMALISEURLS_ENABLED',
    },
    normalise_uuids: {
      doc: 'Replaces UUIDs by {uuid}.',
      format: 'go-bool',
      default: false,
      env: 'TYK_GW_ANALYTICSCONFIG_NORMALISEURLS_NORMALISEUUIDS',
    },
    normalise_ulids: {
      doc: 'Replaces ULIDs by {ulid}.',
      format: 'go-bool',
      default: false,
      env: 'TYK_GW_ANALYTICSCONFIG_NORMALISEURLS_NORMALISEULIDS',
    },
    normalise_numbers: {
      doc: 'Replaces numbers by {id}.',
      format: 'go-bool',
      default: false,
      env: 'TYK_GW_ANALYTICSCONFIG_NORMALISEURLS_NORMALISENUMBERS',
    },
    custom_patterns: {
      doc: 'Regular expressions whose matches become {var}.',
      format: 'string-list',
      default: [],
      env: 'TYK_GW_ANALYTICSCONFIG_NORMALISEURLS_CUSTOM',
    },
  },
  enable_geo_ip: {
    doc: "Adds the client's place to every record.",
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ANALYTICSCONFIG_ENABLEGEOIP',
  },
  geo_ip_db_path: {
    doc: 'MaxMind City database (.mmdb); read again when the file changes.',
    format: 'string',
    default: '',
    env: 'TYK_GW_ANALYTICSCONFIG_GEOIPDBLOCATION',
  },
} as const satisfies ConfigSection
