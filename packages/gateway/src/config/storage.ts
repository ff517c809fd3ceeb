import { type ConfigSection, withEnv } from './section.ts'

const tlsVersions = ['', '1.0', '1.1', '1.2', '1.3'] as const

/** One Redis. Three sections have these keys. */
const redisRows = {
  type: {
    doc: 'Must be redis.',
    format: 'string',
    default: '',
  },
  host: {
    doc: 'Redis host, used when neither addrs nor hosts is given.',
    format: 'string',
    default: '',
  },
  port: {
    doc: 'Redis port.',
    format: 'go-int',
    default: 0,
    range: [0, 65_535],
  },
  addrs: {
    doc: 'Addresses, host:port, of the cluster nodes or sentinels; the first one alone without cluster and sentinel.',
    format: 'string-list',
    default: [],
  },
  hosts: {
    doc: 'Older form of addrs: host names with their ports.',
    format: 'string-map',
    default: {},
  },
  username: {
    doc: 'User of the Redis access list.',
    format: 'string',
    default: '',
  },
  password: {
    doc: 'Redis password.',
    format: 'string',
    default: '',
    sensitive: true,
    reference: true,
  },
  database: {
    doc: 'Redis database number; ignored by a cluster.',
    format: 'go-int',
    default: 0,
  },
  enable_cluster: {
    doc: 'Treats addrs as the nodes of a Redis cluster.',
    format: 'go-bool',
    default: false,
  },
  master_name: {
    doc: 'Name of the Sentinel master; turns addrs into sentinels.',
    format: 'string',
    default: '',
  },
  sentinel_password: {
    doc: 'Password of the sentinels.',
    format: 'string',
    default: '',
    sensitive: true,
  },
  optimisation_max_idle: {
    doc: 'Has no effect, as in Tyk; accepted because shipped files contain it.',
    format: 'go-int',
    default: 0,
  },
  optimisation_max_active: {
    doc: 'Has no effect: one connection carries all commands at once.',
    format: 'go-int',
    default: 500,
    defaultWhen: 'zero',
  },
  timeout: {
    doc: 'Seconds to wait for a connection, a read or a write.',
    format: 'go-int',
    default: 5,
    defaultWhen: 'zero',
  },
  use_ssl: {
    doc: 'Connects with TLS.',
    format: 'go-bool',
    default: false,
  },
  ssl_insecure_skip_verify: {
    doc: 'Accepts any server certificate.',
    format: 'go-bool',
    default: false,
  },
  ca_file: {
    doc: 'PEM file of the authorities to trust.',
    format: 'string',
    default: '',
  },
  cert_file: {
    doc: 'PEM file of the client certificate; used only together with key_file.',
    format: 'string',
    default: '',
  },
  key_file: {
    doc: 'PEM file of the client key.',
    format: 'string',
    default: '',
  },
  tls_min_version: {
    doc: 'Lowest TLS version, 1.0 to 1.3.',
    format: tlsVersions,
    default: '1.2',
    defaultWhen: 'zero',
  },
  tls_max_version: {
    doc: 'Highest TLS version, 1.0 to 1.3.',
    format: tlsVersions,
    default: '1.3',
    defaultWhen: 'zero',
  },
  compress_api_definitions: {
    doc: 'Compresses API definitions kept in Redis.',
    format: 'go-bool',
    default: false,
    pending: true,
  },
  compress_policies: {
    doc: 'Compresses policies kept in Redis.',
    format: 'go-bool',
    default: false,
    pending: true,
  },
  max_decompressed_size: {
    doc: 'Largest size in bytes that compressed data may unpack to.',
    format: 'go-int',
    default: 0,
    pending: true,
  },
} as const satisfies ConfigSection

/** Without environment names: how they are spelled is not known. */
const cloudIdentity = {
  iam_auth: {
    doc: 'Cloud identity instead of a password.',
    format: 'json',
    default: {},
    sensitive: true,
    pending: true,
  },
} as const satisfies ConfigSection

/** What a gateway without a configuration file uses. */
const generatedRedis = {
  ...redisRows,
  type: { ...redisRows.type, generated: 'redis' },
  host: { ...redisRows.host, generated: 'localhost' },
  port: { ...redisRows.port, generated: 6379 },
  optimisation_max_idle: { ...redisRows.optimisation_max_idle, generated: 100 },
} as const satisfies ConfigSection

/** The Redis of keys, notifications and, unless separated, everything else. */
export const storage = {
  ...withEnv(generatedRedis, {
    type: 'TYK_GW_STORAGE_TYPE',
    host: 'TYK_GW_STORAGE_HOST',
    port: 'TYK_GW_STORAGE_PORT',
    addrs: 'TYK_GW_STORAGE_ADDRS',
    hosts: 'TYK_GW_STORAGE_HOSTS',
    username: 'TYK_GW_STORAGE_USERNAME',
    password: 'TYK_GW_STORAGE_PASSWORD',
    database: 'TYK_GW_STORAGE_DATABASE',
    enable_cluster: 'TYK_GW_STORAGE_ENABLECLUSTER',
    master_name: 'TYK_GW_STORAGE_MASTERNAME',
    sentinel_password: 'TYK_GW_STORAGE_SENTINELPASSWORD',
    optimisation_max_idle: 'TYK_GW_STORAGE_MAXIDLE',
    optimisation_max_active: 'TYK_GW_STORAGE_MAXACTIVE',
    timeout: 'TYK_GW_STORAGE_TIMEOUT',
    use_ssl: 'TYK_GW_STORAGE_USESSL',
    ssl_insecure_skip_verify: 'TYK_GW_STORAGE_SSLINSECURESKIPVERIFY',
    ca_file: 'TYK_GW_STORAGE_CAFILE',
    cert_file: 'TYK_GW_STORAGE_CERTFILE',
    key_file: 'TYK_GW_STORAGE_KEYFILE',
    tls_min_version: 'TYK_GW_STORAGE_TLSMINVERSION',
    tls_max_version: 'TYK_GW_STORAGE_TLSMAXVERSION',
    compress_api_definitions: 'TYK_GW_STORAGE_COMPRESSAPIDEFINITIONS',
    compress_policies: 'TYK_GW_STORAGE_COMPRESSPOLICIES',
    max_decompressed_size: 'TYK_GW_STORAGE_MAXDECOMPRESSEDSIZE',
  }),
  ...cloudIdentity,
} as const satisfies ConfigSection

/** The Redis of analytics records when enable_separate_analytics_store is on. */
export const analyticsStorage = {
  ...withEnv(redisRows, {
    type: 'TYK_GW_ANALYTICSSTORAGE_TYPE',
    host: 'TYK_GW_ANALYTICSSTORAGE_HOST',
    port: 'TYK_GW_ANALYTICSSTORAGE_PORT',
    addrs: 'TYK_GW_ANALYTICSSTORAGE_ADDRS',
    hosts: 'TYK_GW_ANALYTICSSTORAGE_HOSTS',
    username: 'TYK_GW_ANALYTICSSTORAGE_USERNAME',
    password: 'TYK_GW_ANALYTICSSTORAGE_PASSWORD',
    database: 'TYK_GW_ANALYTICSSTORAGE_DATABASE',
    enable_cluster: 'TYK_GW_ANALYTICSSTORAGE_ENABLECLUSTER',
    master_name: 'TYK_GW_ANALYTICSSTORAGE_MASTERNAME',
    sentinel_password: 'TYK_GW_ANALYTICSSTORAGE_SENTINELPASSWORD',
    optimisation_max_idle: 'TYK_GW_ANALYTICSSTORAGE_MAXIDLE',
    optimisation_max_active: 'TYK_GW_ANALYTICSSTORAGE_MAXACTIVE',
    timeout: 'TYK_GW_ANALYTICSSTORAGE_TIMEOUT',
    use_ssl: 'TYK_GW_ANALYTICSSTORAGE_USESSL',
    ssl_insecure_skip_verify: 'TYK_GW_ANALYTICSSTORAGE_SSLINSECURESKIPVERIFY',
    ca_file: 'TYK_GW_ANALYTICSSTORAGE_CAFILE',
    cert_file: 'TYK_GW_ANALYTICSSTORAGE_CERTFILE',
    key_file: 'TYK_GW_ANALYTICSSTORAGE_KEYFILE',
    tls_min_version: 'TYK_GW_ANALYTICSSTORAGE_TLSMINVERSION',
    tls_max_version: 'TYK_GW_ANALYTICSSTORAGE_TLSMAXVERSION',
    compress_api_definitions: 'TYK_GW_ANALYTICSSTORAGE_COMPRESSAPIDEFINITIONS',
    compress_policies: 'TYK_GW_ANALYTICSSTORAGE_COMPRESSPOLICIES',
    max_decompressed_size: 'TYK_GW_ANALYTICSSTORAGE_MAXDECOMPRESSEDSIZE',
  }),
  ...cloudIdentity,
} as const satisfies ConfigSection

/** The Redis of cached answers when enable_separate_cache_store is on. */
export const cacheStorage = {
  ...withEnv(redisRows, {
    type: 'TYK_GW_CACHESTORAGE_TYPE',
    host: 'TYK_GW_CACHESTORAGE_HOST',
    port: 'TYK_GW_CACHESTORAGE_PORT',
    addrs: 'TYK_GW_CACHESTORAGE_ADDRS',
    hosts: 'TYK_GW_CACHESTORAGE_HOSTS',
    username: 'TYK_GW_CACHESTORAGE_USERNAME',
    password: 'TYK_GW_CACHESTORAGE_PASSWORD',
    database: 'TYK_GW_CACHESTORAGE_DATABASE',
    enable_cluster: 'TYK_GW_CACHESTORAGE_ENABLECLUSTER',
    master_name: 'TYK_GW_CACHESTORAGE_MASTERNAME',
    sentinel_password: 'TYK_GW_CACHESTORAGE_SENTINELPASSWORD',
    optimisation_max_idle: 'TYK_GW_CACHESTORAGE_MAXIDLE',
    optimisation_max_active: 'TYK_GW_CACHESTORAGE_MAXACTIVE',
    timeout: 'TYK_GW_CACHESTORAGE_TIMEOUT',
    use_ssl: 'TYK_GW_CACHESTORAGE_USESSL',
    ssl_insecure_skip_verify: 'TYK_GW_CACHESTORAGE_SSLINSECURESKIPVERIFY',
    ca_file: 'TYK_GW_CACHESTORAGE_CAFILE',
    cert_file: 'TYK_GW_CACHESTORAGE_CERTFILE',
    key_file: 'TYK_GW_CACHESTORAGE_KEYFILE',
    tls_min_version: 'TYK_GW_CACHESTORAGE_TLSMINVERSION',
    tls_max_version: 'TYK_GW_CACHESTORAGE_TLSMAXVERSION',
    compress_api_definitions: 'TYK_GW_CACHESTORAGE_COMPRESSAPIDEFINITIONS',
    compress_policies: 'TYK_GW_CACHESTORAGE_COMPRESSPOLICIES',
    max_decompressed_size: 'TYK_GW_CACHESTORAGE_MAXDECOMPRESSEDSIZE',
  }),
  ...cloudIdentity,
} as const satisfies ConfigSection

/** Top-level keys. The misspelt variables are Tyk's. */
export const separateStores = {
  enable_separate_analytics_store: {
    doc: 'Writes records to analytics_storage.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLESEPERATEANALYTICSSTORE',
  },
  enable_separate_cache_store: {
    doc: 'Keeps cached answers in cache_storage.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLESEPERATECACHESTORE',
    pending: true,
  },
} as const satisfies ConfigSection
