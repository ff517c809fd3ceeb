import type { ConfigSection } from './section.ts'

/** Top-level keys. */
export const events = {
  override_messages: {
    doc: 'Texts and statuses that replace those of authentication errors, by error id.',
    format: 'message-map',
    default: {},
  },
  error_overrides: {
    doc: 'Answers that replace errors by status and condition.',
    format: 'json',
    default: {},
    pending: true,
  },
  event_trigers_defunct: {
    doc: 'Has no effect; accepted for old files.',
    format: 'json',
    default: {},
  },
  event_triggers_defunct: {
    doc: 'Has no effect; accepted for old files.',
    format: 'json',
    default: {},
  },
} as const satisfies ConfigSection

/** `event_handlers` of the configuration file. */
export const eventHandlers = {
  events: {
    doc: 'Handlers of TokenCreated, TokenUpdated and TokenDeleted: a list of handler_name and handler_meta for each.',
    format: 'json',
    default: {},
  },
} as const satisfies ConfigSection

/** `uptime_tests` of the configuration file. */
export const uptimeTests = {
  disable: {
    doc: 'Runs no uptime tests on this gateway.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_UPTIMETESTS_DISABLE',
    pending: true,
  },
  poller_group: {
    doc: 'Gateways of one group share one tester.',
    format: 'string',
    default: '',
    env: 'TYK_GW_UPTIMETESTS_POLLERGROUP',
    pending: true,
  },
  config: {
    failure_trigger_sample_size: {
      doc: 'Failures in a row that mark a host as down.',
      format: 'go-int',
      default: 3,
      defaultWhen: 'zero',
      env: 'TYK_GW_UPTIMETESTS_CONFIG_FAILURETRIGGERSAMPLESIZE',
      pending: true,
    },
    time_wait: {
      doc: 'Seconds between tests.',
      format: 'go-int',
      default: 10,
      defaultWhen: 'zero',
      env: 'TYK_GW_UPTIMETESTS_CONFIG_TIMEWAIT',
      pending: true,
    },
    checker_pool_size: {
      doc: 'Tests that run at once; 0 means one per processor.',
      format: 'go-int',
      default: 0,
      env: 'TYK_GW_UPTIMETESTS_CONFIG_CHECKERPOOLSIZE',
      pending: true,
    },
    enable_uptime_analytics: {
      doc: 'Writes the results to Redis for the pump.',
      format: 'go-bool',
      default: false,
      env: 'TYK_GW_UPTIMETESTS_CONFIG_ENABLEUPTIMEANALYTICS',
      pending: true,
    },
  },
} as const satisfies ConfigSection
