import type { ConfigSection } from './section.ts'

/** Top-level keys. */
export const observability = {
  enable_metrics: {
    doc: 'Serves /metrics for Prometheus where the liveness endpoint is, to everyone who reaches that. Not a key of Tyk.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_ENABLEMETRICS',
  },
  disable_regexp_cache: {
    doc: 'Has no effect: expressions are compiled at load.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_DISABLEREGEXPCACHE',
  },
  regexp_cache_expire: {
    doc: 'Has no effect: expressions are compiled at load.',
    format: 'go-int',
    default: 60,
    defaultWhen: 'zero',
    env: 'TYK_GW_REGEXPCACHEEXPIRE',
  },
  regexp_cache_max_entries: {
    doc: 'Has no effect: expressions are compiled at load.',
    format: 'go-int',
    default: 5000,
    defaultWhen: 'zero',
    env: 'TYK_GW_REGEXPCACHEMAXENTRIES',
  },
  disable_regexp_cache_bound: {
    doc: 'Has no effect: expressions are compiled at load.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_DISABLEREGEXPCACHEBOUND',
  },
  disable_auto_max_procs: {
    doc: 'Has no effect: concerns the Go scheduler.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_DISABLEAUTOMAXPROCS',
  },
  statsd_connection_string: {
    doc: 'Address, host:port, of a StatsD server.',
    format: 'string',
    default: '',
    env: 'TYK_GW_STATSDCONNECTIONSTRING',
    pending: true,
  },
  statsd_prefix: {
    doc: 'Prefix of StatsD names.',
    format: 'string',
    default: '',
    env: 'TYK_GW_STATSDPREFIX',
    pending: true,
  },
  use_sentry: {
    doc: 'Sends log lines to Sentry.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_USESENTRY',
    pending: true,
  },
  sentry_code: {
    doc: 'Sentry DSN.',
    format: 'string',
    default: '',
    env: 'TYK_GW_SENTRYCODE',
    sensitive: true,
    pending: true,
  },
  sentry_log_level: {
    doc: 'Least important line sent to Sentry.',
    format: 'string',
    default: '',
    env: 'TYK_GW_SENTRYLOGLEVEL',
    pending: true,
  },
  use_syslog: {
    doc: 'Sends log lines to syslog.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_USESYSLOG',
    pending: true,
  },
  syslog_transport: {
    doc: 'Transport: udp or tcp.',
    format: 'string',
    default: '',
    env: 'TYK_GW_SYSLOGTRANSPORT',
    pending: true,
  },
  syslog_network_addr: {
    doc: 'Address, host:port, of syslog.',
    format: 'string',
    default: '',
    env: 'TYK_GW_SYSLOGNETWORKADDR',
    pending: true,
  },
  use_graylog: {
    doc: 'Sends log lines to Graylog.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_USEGRAYLOG',
    pending: true,
  },
  graylog_network_addr: {
    doc: 'Address, host:port, of Graylog.',
    format: 'string',
    default: '',
    env: 'TYK_GW_GRAYLOGNETWORKADDR',
    pending: true,
  },
  use_logstash: {
    doc: 'Sends log lines to Logstash.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_USELOGSTASH',
    pending: true,
  },
  logstash_transport: {
    doc: 'Transport: udp or tcp.',
    format: 'string',
    default: '',
    env: 'TYK_GW_LOGSTASHTRANSPORT',
    pending: true,
  },
  logstash_network_addr: {
    doc: 'Address, host:port, of Logstash.',
    format: 'string',
    default: '',
    env: 'TYK_GW_LOGSTASHNETWORKADDR',
    pending: true,
  },
  use_redis_log: {
    doc: 'Publishes log lines of organisations in Redis.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_USEREDISLOG',
    pending: true,
  },
} as const satisfies ConfigSection

/** `newrelic` of the configuration file. */
export const newrelic = {
  app_name: {
    doc: 'New Relic application; empty leaves the agent off.',
    format: 'string',
    default: '',
    env: 'TYK_GW_NEWRELIC_APPNAME',
    pending: true,
  },
  license_key: {
    doc: 'New Relic licence.',
    format: 'string',
    default: '',
    env: 'TYK_GW_NEWRELIC_LICENSEKEY',
    sensitive: true,
    pending: true,
  },
  enable_distributed_tracing: {
    doc: 'New Relic distributed tracing.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_NEWRELIC_ENABLEDISTRIBUTEDTRACING',
    pending: true,
  },
} as const satisfies ConfigSection

/** `tracing` of the configuration file. */
export const tracing = {
  name: {
    doc: 'OpenTracing tracer, an older mechanism.',
    format: 'string',
    default: '',
    env: 'TYK_GW_TRACER_NAME',
    pending: true,
  },
  enabled: {
    doc: 'Turns that tracer on.',
    format: 'go-bool',
    default: false,
    env: 'TYK_GW_TRACER_ENABLED',
    pending: true,
  },
  options: {
    doc: 'Options of that tracer.',
    format: 'json',
    default: {},
    sensitive: true,
    pending: true,
  },
} as const satisfies ConfigSection
