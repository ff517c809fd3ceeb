import type { ConfigSection } from './section.ts'

/** Top-level keys. */
export const tokens = {
  jwt_ssl_insecure_skip_verify: {
    doc: 'Accepts any certificate of a server of JSON web keys.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_JWTSSLINSECURESKIPVERIFY',
  },
  oauth_token_expire: {
    doc: 'Seconds an OAuth access token lives.',
    format: 'go-int',
    default: 3600,
    defaultWhen: 'zero',
    range: [-2_147_483_648, 2_147_483_647],
    env: 'TYK_GW_OAUTHTOKENEXPIRE',
    pending: true,
  },
  oauth_refresh_token_expire: {
    doc: 'Seconds an OAuth refresh token lives.',
    format: 'go-int',
    default: 1_209_600,
    defaultWhen: 'zero',
    env: 'TYK_GW_OAUTHREFRESHEXPIRE',
    pending: true,
  },
  oauth_token_expired_retain_period: {
    doc: 'Seconds a lapsed OAuth token is kept for listing; 0 keeps it.',
    format: 'go-int',
    default: 0,
    range: [-2_147_483_648, 2_147_483_647],
    env: 'TYK_GW_OAUTHTOKENEXPIREDRETAINPERIOD',
    pending: true,
  },
  oauth_redirect_uri_separator: {
    doc: 'Separates several redirect URIs of an OAuth client.',
    format: 'string',
    default: '',
    env: 'TYK_GW_OAUTHREDIRECTURISEPARATOR',
    pending: true,
  },
  oauth_error_status_code: {
    doc: 'Status of an answer to a wrong OAuth token.',
    format: 'go-int',
    default: 403,
    defaultWhen: 'zero',
    env: 'TYK_GW_OAUTHERRORSTATUSCODE',
    pending: true,
  },
} as const satisfies ConfigSection

/** `jwks` of the configuration file. */
export const jwks = {
  cache: {
    timeout: {
      doc: 'Seconds a fetched set of JSON web keys is kept.',
      format: 'go-int',
      default: 240,
      defaultWhen: 'zero',
      env: 'TYK_GW_JWKS_CACHE_TIMEOUT',
    },
  },
} as const satisfies ConfigSection

/** `private` of the configuration file. */
export const privateOptions = {
  oauth_tokens_purge_interval: {
    doc: 'Seconds between purges of lapsed OAuth tokens.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_PRIVATE_OAUTHTOKENSPURGEINTERVAL',
    envOnly: true,
    pending: true,
  },
} as const satisfies ConfigSection
