import { allPending, type ConfigSection, withEnv } from './section.ts'

const tlsVersions = ['', '1.0', '1.1', '1.2', '1.3'] as const

/** How the gateway reaches the servers of a service. */
const proxy = {
  enabled: {
    doc: 'Reaches the servers of the service, in global those of every service, through these proxies.',
    format: 'go-bool',
    default: false,
  },
  http_proxy: {
    doc: 'Proxy for http URLs; empty means that of global if it is enabled, else that of HTTP_PROXY.',
    format: 'string',
    default: '',
    sensitive: true,
  },
  https_proxy: {
    doc: 'Proxy for https URLs; empty means that of global if it is enabled, else that of HTTPS_PROXY.',
    format: 'string',
    default: '',
    sensitive: true,
  },
  bypass_proxy: {
    doc: 'Hosts that are reached directly: names, with their subdomains, addresses and blocks of them. Empty as above, NO_PROXY.',
    format: 'string',
    default: '',
  },
} as const satisfies ConfigSection

/** How the gateway and the servers of a service prove to each other who they are. */
const mtls = {
  enabled: {
    doc: 'Puts the rest of this section in force.',
    format: 'go-bool',
    default: false,
  },
  cert_file: {
    doc: 'PEM file of the certificate that the gateway shows, with its chain; read again at each reload.',
    format: 'string',
    default: '',
    reference: true,
  },
  key_file: {
    doc: 'PEM file of the key of cert_file.',
    format: 'string',
    default: '',
    reference: true,
  },
  ca_file: {
    doc: 'PEM file of the authorities whose servers are trusted; without it and ca_cert_ids, those of the system.',
    format: 'string',
    default: '',
    reference: true,
  },
  cert_id: {
    doc: 'Id of a stored certificate to show.',
    format: 'string',
    default: '',
    refused: 'the certificate store holds no private keys in this version; use cert_file and key_file',
  },
  ca_cert_ids: {
    doc: 'Ids of stored authorities; they go before ca_file.',
    format: 'string-list',
    default: [],
  },
  insecure_skip_verify: {
    doc: 'Accepts any certificate of a server.',
    format: 'go-bool',
    default: false,
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
} as const satisfies ConfigSection

/** Services that this version does not call. */
const uncalled = allPending({
  health: {
    doc: 'Proxy and client certificates for uptime tests.',
    format: 'json',
    default: {},
    sensitive: true,
  },
  discovery: {
    doc: 'Proxy and client certificates for service discovery.',
    format: 'json',
    default: {},
    sensitive: true,
  },
} as const satisfies ConfigSection)

/** `external_services` of the configuration file: calls that the gateway makes itself. */
export const externalServices = {
  global: withEnv(proxy, {
    enabled: 'TYK_GW_EXTERNALSERVICES_GLOBAL_ENABLED',
    http_proxy: 'TYK_GW_EXTERNALSERVICES_GLOBAL_HTTPPROXY',
    https_proxy: 'TYK_GW_EXTERNALSERVICES_GLOBAL_HTTPSPROXY',
    bypass_proxy: 'TYK_GW_EXTERNALSERVICES_GLOBAL_BYPASSPROXY',
  }),
  /** Sets of JSON web keys, discovery documents of OpenID issuers, introspection of tokens. */
  oauth: {
    proxy: withEnv(proxy, {
      enabled: 'TYK_GW_EXTERNALSERVICES_OAUTH_PROXY_ENABLED',
      http_proxy: 'TYK_GW_EXTERNALSERVICES_OAUTH_PROXY_HTTPPROXY',
      https_proxy: 'TYK_GW_EXTERNALSERVICES_OAUTH_PROXY_HTTPSPROXY',
      bypass_proxy: 'TYK_GW_EXTERNALSERVICES_OAUTH_PROXY_BYPASSPROXY',
    }),
    mtls: withEnv(mtls, {
      enabled: 'TYK_GW_EXTERNALSERVICES_OAUTH_MTLS_ENABLED',
      cert_file: 'TYK_GW_EXTERNALSERVICES_OAUTH_MTLS_CERTFILE',
      key_file: 'TYK_GW_EXTERNALSERVICES_OAUTH_MTLS_KEYFILE',
      ca_file: 'TYK_GW_EXTERNALSERVICES_OAUTH_MTLS_CAFILE',
      cert_id: 'TYK_GW_EXTERNALSERVICES_OAUTH_MTLS_CERTID',
      ca_cert_ids: 'TYK_GW_EXTERNALSERVICES_OAUTH_MTLS_CACERTIDS',
      insecure_skip_verify: 'TYK_GW_EXTERNALSERVICES_OAUTH_MTLS_INSECURESKIPVERIFY',
      tls_min_version: 'TYK_GW_EXTERNALSERVICES_OAUTH_MTLS_TLSMINVERSION',
      tls_max_version: 'TYK_GW_EXTERNALSERVICES_OAUTH_MTLS_TLSMAXVERSION',
    }),
  },
  webhooks: {
    proxy: withEnv(proxy, {
      enabled: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_PROXY_ENABLED',
      http_proxy: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_PROXY_HTTPPROXY',
      https_proxy: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_PROXY_HTTPSPROXY',
      bypass_proxy: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_PROXY_BYPASSPROXY',
    }),
    mtls: withEnv(mtls, {
      enabled: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_MTLS_ENABLED',
      cert_file: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_MTLS_CERTFILE',
      key_file: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_MTLS_KEYFILE',
      ca_file: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_MTLS_CAFILE',
      cert_id: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_MTLS_CERTID',
      ca_cert_ids: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_MTLS_CACERTIDS',
      insecure_skip_verify: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_MTLS_INSECURESKIPVERIFY',
      tls_min_version: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_MTLS_TLSMINVERSION',
      tls_max_version: 'TYK_GW_EXTERNALSERVICES_WEBHOOKS_MTLS_TLSMAXVERSION',
    }),
  },
  storage: {
    doc: 'TLS of a Redis for rate limits alone.',
    format: 'json',
    default: {},
    sensitive: true,
    refused: 'rates are counted in the Redis of storage; set storage.use_ssl, ca_file, cert_file and key_file there',
  },
  ...uncalled,
} as const satisfies ConfigSection
