import type { ConfigSection } from './section.ts'

/** Tyk has these in builds for development alone. Another algorithm than the one named would let other amounts pass. */
const ABSENT_ALGORITHM =
  'this algorithm is not here; use enable_redis_rolling_limiter, enable_fixed_window_rate_limiter or ' +
  'enable_sentinel_rate_limiter, or none of them'

/** Top-level keys. */
export const rateLimiting = {
  enable_redis_rolling_limiter: {
    doc: 'Limits rates with an exact sliding log in Redis. Without Redis every limited request is refused.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLEREDISROLLINGLIMITER',
  },
  enable_sentinel_rate_limiter: {
    doc: 'Limits rates with a mark in Redis that a sliding log beside the request sets; requests that arrive together may pass. Wins over the sliding log.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLESENTINELRATELIMITER',
  },
  enable_fixed_window_rate_limiter: {
    doc: 'Limits rates in fixed windows in Redis; wins over the other two.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLEFIXEDWINDOWRATELIMITER',
  },
  enable_non_transactional_rate_limiter: {
    doc: 'Accepted without effect: the sliding log is one script, which is one round trip and atomic.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLENONTRANSACTIONALRATELIMITER',
  },
  enable_rate_limit_smoothing: {
    doc: 'Moves a limit of the sliding log or the sentinel up and down in steps with the load, where the key or policy says how.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLERATELIMITSMOOTHING',
  },
  enable_leaky_bucket_rate_limiter: {
    doc: 'Limits rates with a leaky bucket.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLELEAKYBUCKETRATELIMITER',
    refused: ABSENT_ALGORITHM,
  },
  enable_token_bucket_rate_limiter: {
    doc: 'Limits rates with a token bucket.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLETOKENBUCKETRATELIMITER',
    refused: ABSENT_ALGORITHM,
  },
  enable_sliding_window_rate_limiter: {
    doc: 'Limits rates in a sliding window.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLESLIDINGWINDOWRATELIMITER',
    refused: ABSENT_ALGORITHM,
  },
  drl_notification_frequency: {
    doc: "Seconds between announcements of this gateway's load.",
    format: 'go-int',
    default: 2,
    defaultWhen: 'zero',
    env: 'TYK_GW_DRLNOTIFICATIONFREQUENCY',
  },
  drl_threshold: {
    doc: 'Requests per second and gateway below which a limit is not divided among gateways but counted in Redis.',
    format: 'go-float',
    default: 5,
    defaultWhen: 'zero',
    env: 'TYK_GW_DRLTHRESHOLD',
  },
  drl_enable_sentinel_rate_limiter: {
    doc: 'Counts the limits that are too small to be divided with the sentinel instead of the sliding log.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_DRLENABLESENTINELRATELIMITER',
  },
  management_node: {
    doc: 'Does not announce this gateway to those that divide limits.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_MANAGEMENTNODE',
  },
  rate_limit_response_headers: {
    doc: 'What the X-RateLimit-* headers show: quotas or rate_limits.',
    format: 'string',
    default: 'quotas',
    defaultWhen: 'zero',
    env: 'TYK_GW_RATELIMITRESPONSEHEADERS',
  },
  enforce_org_quotas: {
    doc: 'Applies the limits of organisation sessions.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENFORCEORGQUOTAS',
  },
} as const satisfies ConfigSection

/** `monitor` of the configuration file. */
export const monitor = {
  enable_trigger_monitors: {
    doc: 'Calls a webhook when a quota is used to a percentage.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_MONITOR_ENABLETRIGGERMONITORS',
  },
  configuration: {
    method: {
      doc: 'Method of that webhook.',
      format: 'string',
      default: '',
      env: 'TYK_GW_MONITOR_CONFIG_METHOD',
    },
    target_path: {
      doc: 'URL of that webhook.',
      format: 'string',
      default: '',
      env: 'TYK_GW_MONITOR_CONFIG_TARGETPATH',
    },
    template_path: {
      doc: 'Template of its body; empty means default_webhook.json of template_path, or the built-in one.',
      format: 'string',
      default: '',
      env: 'TYK_GW_MONITOR_CONFIG_TEMPLATEPATH',
    },
    header_map: {
      doc: 'Headers of that webhook.',
      format: 'string-map',
      default: {},
      env: 'TYK_GW_MONITOR_CONFIG_HEADERLIST',
      sensitive: true,
    },
    event_timeout: {
      doc: 'Seconds during which an equal event is not sent again; 0 sends every one.',
      format: 'go-int',
      default: 0,
      env: 'TYK_GW_MONITOR_CONFIG_EVENTTIMEOUT',
    },
  },
  global_trigger_limit: {
    doc: 'Percentage of a quota at which to call; 0 never does.',
    format: 'go-float',
    default: 0,
    env: 'TYK_GW_MONITOR_GLOBALTRIGGERLIMIT',
  },
  monitor_user_keys: {
    doc: 'Watches the sessions of keys.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_MONITOR_MONITORUSERKEYS',
  },
  monitor_org_keys: {
    doc: 'Watches the sessions of organisations.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_MONITOR_MONITORORGKEYS',
  },
} as const satisfies ConfigSection
