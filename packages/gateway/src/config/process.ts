import type { ConfigSection } from './section.ts'

/** Top-level keys. */
export const process = {
  workers: {
    doc: 'Processes that serve together as one gateway; 0 means one per core. Not a key of Tyk.',
    format: 'go-int',
    default: 1,
    range: [0, 1024],
    env: 'TYK_GW_WORKERS',
  },
  busy_poll_microseconds: {
    doc: 'Longest time to wait awake, not asleep, for those that usually answer within it: less latency for more processor time; 0: never. Not a key of Tyk.',
    format: 'go-int',
    default: 0,
    range: [0, 1000],
    env: 'TYK_GW_BUSYPOLLMICROSECONDS',
  },
  log_level: {
    doc: 'Least important lines to print: debug, info, warn or error; empty means info.',
    format: 'string',
    default: '',
    env: 'TYK_GW_LOGLEVEL',
  },
  log_format: {
    doc: 'Form of a log line: text, json or legacy; anything else means text.',
    format: 'string',
    default: '',
    env: 'TYK_GW_LOGFORMAT',
  },
  track_404_logs: {
    doc: 'Logs requests that match no API.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_TRACK404LOGS',
  },
  health_check_endpoint_name: {
    doc: 'Path of the liveness endpoint, without the slash.',
    format: 'string',
    default: 'hello',
    defaultWhen: 'zero',
    env: 'TYK_GW_HEALTHCHECKENDPOINTNAME',
  },
  readiness_check_endpoint_name: {
    doc: 'Path of the readiness endpoint, without the slash.',
    format: 'string',
    default: 'ready',
    defaultWhen: 'zero',
    env: 'TYK_GW_READINESSCHECKENDPOINTNAME',
  },
  graceful_shutdown_timeout_duration: {
    doc: 'Seconds that requests in flight get to end.',
    format: 'go-int',
    default: 30,
    defaultWhen: 'zero',
    env: 'TYK_GW_GRACEFULSHUTDOWNTIMEOUTDURATION',
  },
  graceful_shutdown_delay_seconds: {
    doc: 'Seconds to go on serving after the stop signal while readiness answers 503.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_GRACEFULSHUTDOWNDELAYSECONDS',
  },
  pid_file_location: {
    doc: 'File for the process id.',
    format: 'string',
    default: '',
    generated: '/var/run/tyk/tyk-gateway.pid',
    env: 'TYK_GW_PIDFILELOCATION',
  },
  suppress_redis_signal_reload: {
    doc: 'Does not listen to the notifications of other gateways.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_SUPPRESSREDISSIGNALRELOAD',
  },
  reload_interval: {
    doc: 'Seconds between the moments at which asked-for reloads are done.',
    format: 'go-int',
    default: 1,
    defaultWhen: 'not-positive',
    env: 'TYK_GW_RELOADINTERVAL',
  },
  allow_insecure_configs: {
    doc: 'Accepts notifications without a valid signature.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ALLOWINSECURECONFIGS',
  },
  enable_config_inspection: {
    doc: "Opens the control API's view of the configuration.",
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLECONFIGINSPECTION',
    pending: true,
  },
  enable_http_profiler: {
    doc: 'Opens the profiling endpoints.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_HTTPPROFILE',
    pending: true,
  },
} as const satisfies ConfigSection

/** `access_logs` of the configuration file. */
export const accessLogs = {
  enabled: {
    doc: 'Logs one line per request.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ACCESSLOGS_ENABLED',
  },
  template: {
    doc: 'Fields of that line; empty means all.',
    format: 'string-list',
    default: [],
    env: 'TYK_GW_ACCESSLOGS_TEMPLATE',
  },
} as const satisfies ConfigSection

/** `liveness_check` of the configuration file. */
export const livenessCheck = {
  check_duration: {
    doc: 'Time between checks of Redis. In the file an integer of nanoseconds, in the environment a duration such as 10s.',
    format: 'go-duration',
    default: 10_000,
    defaultWhen: 'zero',
    env: 'TYK_GW_LIVENESSCHECK_CHECKDURATION',
  },
} as const satisfies ConfigSection

/** `health_check` of the configuration file. */
export const healthCheck = {
  enable_health_checks: {
    doc: 'Counts requests per API for /tyk/health.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_HEALTHCHECK_ENABLEHEALTHCHECKS',
    pending: true,
  },
  health_check_value_timeouts: {
    doc: 'Seconds those counts look back.',
    format: 'go-int',
    default: 0,
    env: 'TYK_GW_HEALTHCHECK_HEALTHCHECKVALUETIMEOUT',
    pending: true,
  },
} as const satisfies ConfigSection
