import type { ConfigSection } from './section.ts'

/** Top-level keys. */
export const upstream = {
  proxy_default_timeout: {
    doc: 'Seconds to wait for a connection and for the first header of an answer.',
    format: 'go-float',
    default: 30,
    defaultWhen: 'not-positive',
    env: 'TYK_GW_PROXYDEFAULTTIMEOUT',
  },
  max_idle_connections: {
    doc: 'Idle upstream connections kept per API; of APIs that share connections, for all of them together so many times their number. 0 sets no limit.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_MAXIDLECONNS',
  },
  max_idle_connections_per_host: {
    doc: 'Idle upstream connections kept per host for each API that sends there; 0 means 500 (Tyk: 2, with which connections are opened all the time).',
    format: 'go-int',
    default: 500,
    defaultWhen: 'zero',
    env: 'TYK_GW_MAXIDLECONNSPERHOST',
  },
  max_conn_time: {
    doc: 'Seconds after which upstream connections are renewed; 0 never does, below 0 each request has its own.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_MAXCONNTIME',
  },
  upstream_transport: {
    doc: 'How ordinary requests go upstream: direct, or through @fastify/http-proxy. Not a key of Tyk.',
    format: ['direct', 'http-proxy'],
    default: 'direct',
    env: 'TYK_GW_UPSTREAMTRANSPORT',
  },
  proxy_close_connections: {
    doc: 'Opens a new upstream connection for every request.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_PROXYCLOSECONNECTIONS',
  },
  proxy_enable_http2: {
    doc: 'Speaks HTTP/2 to TLS upstreams that agree; h2c:// targets always get it.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_PROXYENABLEHTTP2',
  },
  proxy_ssl_insecure_skip_verify: {
    doc: 'Accepts any upstream certificate.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_PROXYSSLINSECURESKIPVERIFY',
  },
  proxy_ssl_min_version: {
    doc: 'Lowest TLS version for upstreams, in the numbers of http_server_options.min_version.',
    format: 'go-int',
    default: 771,
    defaultWhen: 'zero',
    range: [0, 65_535],
    env: 'TYK_GW_PROXYSSLMINVERSION',
  },
  proxy_ssl_max_version: {
    doc: 'Highest TLS version for upstreams.',
    format: 'go-int',
    default: 772,
    defaultWhen: 'zero',
    range: [0, 65_535],
    env: 'TYK_GW_PROXYSSLMAXVERSION',
  },
  proxy_ssl_ciphers: {
    doc: 'Cipher suites for upstreams, TLS 1.2 and below.',
    format: 'string-list',
    default: [],
    env: 'TYK_GW_PROXYSSLCIPHERSUITES',
  },
  proxy_ssl_disable_renegotiation: {
    doc: 'Refuses TLS renegotiation with upstreams.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_PROXYSSLDISABLERENEGOTIATION',
  },
  ssl_force_common_name_check: {
    doc: 'Checks the common name of upstream certificates as well.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_SSLFORCECOMMONNAMECHECK',
  },
} as const satisfies ConfigSection

/** `dns_cache` of the configuration file. */
export const dnsCache = {
  enabled: {
    doc: 'Keeps the addresses of upstream names in memory.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_DNSCACHE_ENABLED',
    pending: true,
  },
  ttl: {
    doc: 'Seconds an address is kept; 0 and -1 keep it for ever.',
    format: 'go-int',
    default: 0,
    generated: 3600,
    env: 'TYK_GW_DNSCACHE_TTL',
    pending: true,
  },
  multiple_ips_handle_strategy: {
    doc: 'What to do with several addresses: pick_first, random or no_cache.',
    format: 'string',
    default: '',
    generated: 'no_cache',
    env: 'TYK_GW_DNSCACHE_MULTIPLEIPSHANDLESTRATEGY',
    pending: true,
  },
} as const satisfies ConfigSection

/** `service_discovery` of the configuration file. */
export const serviceDiscovery = {
  default_cache_timeout: {
    doc: 'Seconds a discovered upstream address is kept.',
    format: 'go-int',
    default: 120,
    defaultWhen: 'not-positive',
    env: 'TYK_GW_SERVICEDISCOVERY_DEFAULTCACHETIMEOUT',
    pending: true,
  },
} as const satisfies ConfigSection
