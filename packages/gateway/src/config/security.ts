import type { ConfigSection } from './section.ts'

/** `security` of the configuration file. */
export const security = {
  private_certificate_encoding_secret: {
    doc: 'Encrypts private keys in the certificate store; empty means secret.',
    format: 'string',
    default: '',
    env: 'TYK_GW_SECURITY_PRIVATECERTIFICATEENCODINGSECRET',
    sensitive: true,
    reference: true,
    pending: true,
  },
  control_api_use_mutual_tls: {
    doc: 'Lets only clients with a certificate of certificates.control_api into the control API; needs use_ssl.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_SECURITY_CONTROLAPIUSEMUTUALTLS',
  },
  allow_unsafe_dynamic_mtls_token: {
    doc: 'With use_certificate, accepts a key without the certificate it belongs to.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_SECURITY_ALLOWUNSAFEDYNAMICMTLSTOKEN',
  },
  pinned_public_keys: {
    doc: 'Public keys that upstreams must have, by host: ids or paths of PEM files, separated by commas.',
    format: 'string-map',
    default: {},
    env: 'TYK_GW_SECURITY_PINNEDPUBLICKEYS',
  },
  certificates: {
    control_api: {
      doc: 'Client certificates and authorities let into the control API: ids, or paths of PEM files.',
      format: 'string-list',
      default: [],
      env: 'TYK_GW_SECURITY_CERTIFICATES_CONTROLAPI',
    },
    apis: {
      doc: 'Client certificates and authorities accepted by every API with mutual TLS: ids, or paths of PEM files.',
      format: 'string-list',
      default: [],
      env: 'TYK_GW_SECURITY_CERTIFICATES_API',
    },
    upstream: {
      doc: 'Client certificates for upstreams, by host: paths of PEM files with key and chain.',
      format: 'string-map',
      default: {},
      env: 'TYK_GW_SECURITY_CERTIFICATES_UPSTREAM',
    },
    dashboard_api: {
      doc: 'Certificates for a Dashboard.',
      format: 'string-list',
      default: [],
      env: 'TYK_GW_SECURITY_CERTIFICATES_DASHBOARD',
      pending: true,
    },
    mdcb_api: {
      doc: 'Certificates for the hybrid mode.',
      format: 'string-list',
      default: [],
      env: 'TYK_GW_SECURITY_CERTIFICATES_MDCB',
      pending: true,
    },
  },
  certificate_expiry_monitor: {
    warning_threshold_days: {
      doc: 'Days before expiry at which a certificate is announced.',
      format: 'go-int',
      default: 0,
      generated: 30,
      env: 'TYK_GW_SECURITY_CERTIFICATEEXPIRYMONITOR_WARNINGTHRESHOLDDAYS',
      pending: true,
    },
    check_cooldown_seconds: {
      doc: 'Seconds between two checks of one certificate.',
      format: 'go-int',
      default: 0,
      generated: 3600,
      env: 'TYK_GW_SECURITY_CERTIFICATEEXPIRYMONITOR_CHECKCOOLDOWNSECONDS',
      pending: true,
    },
    event_cooldown_seconds: {
      doc: 'Seconds between two announcements of one certificate.',
      format: 'go-int',
      default: 0,
      generated: 86_400,
      env: 'TYK_GW_SECURITY_CERTIFICATEEXPIRYMONITOR_EVENTCOOLDOWNSECONDS',
      pending: true,
    },
  },
} as const satisfies ConfigSection
