import { allPending, type ConfigSection, withEnv } from './section.ts'

/** Where telemetry goes. The root, traces and metrics have these keys each. */
const exporterRows = {
  enabled: {
    doc: 'Sends data to a collector.',
    format: 'go-bool',
    default: false,
  },
  exporter: {
    doc: 'Protocol of the collector: grpc or http.',
    format: 'string',
    default: 'grpc',
    defaultWhen: 'zero',
  },
  endpoint: {
    doc: 'Address, host:port, of the collector.',
    format: 'string',
    default: 'localhost:4317',
    defaultWhen: 'zero',
  },
  headers: {
    doc: 'Headers sent to the collector.',
    format: 'string-map',
    default: {},
    sensitive: true,
  },
  connection_timeout: {
    doc: 'Seconds to wait for the collector.',
    format: 'go-int',
    default: 1,
    defaultWhen: 'zero',
  },
  resource_name: {
    doc: 'Name of this gateway, service.name.',
    format: 'string',
    default: 'tyk-gateway',
    defaultWhen: 'zero',
  },
  tls: {
    enable: {
      doc: 'Uses TLS to the collector.',
      format: 'go-bool',
      default: false,
    },
    insecure_skip_verify: {
      doc: 'Accepts any collector certificate.',
      format: 'go-bool',
      default: false,
    },
    ca_file: {
      doc: 'PEM file of the authorities to trust.',
      format: 'string',
      default: '',
    },
    cert_file: {
      doc: 'PEM file of the client certificate.',
      format: 'string',
      default: '',
    },
    key_file: {
      doc: 'PEM file of the client key.',
      format: 'string',
      default: '',
    },
    min_version: {
      doc: 'Lowest TLS version.',
      format: 'string',
      default: '1.2',
      defaultWhen: 'zero',
    },
    max_version: {
      doc: 'Highest TLS version.',
      format: 'string',
      default: '1.3',
      defaultWhen: 'zero',
    },
  },
} as const satisfies ConfigSection

const traceRows = {
  ...exporterRows,
  span_processor_type: {
    doc: 'How spans leave: batch or simple.',
    format: 'string',
    default: 'batch',
    defaultWhen: 'zero',
  },
  span_batch_config: {
    max_queue_size: {
      doc: 'Most spans that wait.',
      format: 'go-int',
      default: 2048,
      defaultWhen: 'zero',
    },
    max_export_batch_size: {
      doc: 'Most spans in one batch.',
      format: 'go-int',
      default: 512,
      defaultWhen: 'zero',
    },
    batch_timeout: {
      doc: 'Seconds before an incomplete batch leaves.',
      format: 'go-int',
      default: 5,
      defaultWhen: 'zero',
    },
  },
  context_propagation: {
    doc: 'Headers that carry the trace: tracecontext, b3, custom or composite.',
    format: 'string',
    default: 'tracecontext',
    defaultWhen: 'zero',
  },
  custom_trace_header: {
    doc: 'Header whose value names the trace.',
    format: 'string',
    default: '',
  },
  sampling: {
    type: {
      doc: 'Which traces are kept: AlwaysOn, AlwaysOff or TraceIDRatioBased.',
      format: 'string',
      default: 'AlwaysOn',
      defaultWhen: 'zero',
    },
    rate: {
      doc: 'Share of the traces kept by TraceIDRatioBased.',
      format: 'go-float',
      default: 0.5,
      defaultWhen: 'zero',
    },
    parent_based: {
      doc: "Follows the caller's decision where there is one.",
      format: 'go-bool',
      default: false,
    },
  },
} as const satisfies ConfigSection

const metricRows = {
  ...exporterRows,
  export_interval: {
    doc: 'Seconds between exports.',
    format: 'go-int',
    default: 60,
    defaultWhen: 'zero',
  },
  temporality: {
    doc: 'Kind of sums: cumulative or delta.',
    format: 'string',
    default: 'cumulative',
    defaultWhen: 'zero',
  },
  shutdown_timeout: {
    doc: 'Seconds for the last export.',
    format: 'go-int',
    default: 30,
    defaultWhen: 'zero',
  },
  cardinality_limit: {
    doc: 'Most attribute sets per instrument.',
    format: 'go-int',
    default: 2000,
    defaultWhen: 'zero',
  },
  runtime_metrics: {
    doc: 'Adds the metrics of the process.',
    format: 'go-bool',
    default: true,
  },
  retry: {
    enabled: {
      doc: 'Repeats a failed export.',
      format: 'go-bool',
      default: true,
    },
    initial_interval: {
      doc: 'Milliseconds before the first repetition.',
      format: 'go-int',
      default: 5000,
      defaultWhen: 'zero',
    },
    max_interval: {
      doc: 'Most milliseconds between repetitions.',
      format: 'go-int',
      default: 30_000,
      defaultWhen: 'zero',
    },
    max_elapsed_time: {
      doc: 'Milliseconds after which an export is given up.',
      format: 'go-int',
      default: 60_000,
      defaultWhen: 'zero',
    },
  },
  api_metrics: {
    doc: 'Own instruments per API; replaces the built-in ones.',
    format: 'json',
    default: [],
  },
} as const satisfies ConfigSection

/** `opentelemetry` of the configuration file; its own exporter keys are the older spelling of those below `traces`. */
export const opentelemetry = allPending({
  ...withEnv(traceRows, {
    enabled: 'TYK_GW_OPENTELEMETRY_ENABLED',
    exporter: 'TYK_GW_OPENTELEMETRY_EXPORTER',
    endpoint: 'TYK_GW_OPENTELEMETRY_ENDPOINT',
    headers: 'TYK_GW_OPENTELEMETRY_HEADERS',
    connection_timeout: 'TYK_GW_OPENTELEMETRY_CONNECTIONTIMEOUT',
    resource_name: 'TYK_GW_OPENTELEMETRY_RESOURCENAME',
    tls: {
      enable: 'TYK_GW_OPENTELEMETRY_TLS_ENABLE',
      insecure_skip_verify: 'TYK_GW_OPENTELEMETRY_TLS_INSECURESKIPVERIFY',
      ca_file: 'TYK_GW_OPENTELEMETRY_TLS_CAFILE',
      cert_file: 'TYK_GW_OPENTELEMETRY_TLS_CERTFILE',
      key_file: 'TYK_GW_OPENTELEMETRY_TLS_KEYFILE',
      min_version: 'TYK_GW_OPENTELEMETRY_TLS_MINVERSION',
      max_version: 'TYK_GW_OPENTELEMETRY_TLS_MAXVERSION',
    },
    span_processor_type: 'TYK_GW_OPENTELEMETRY_SPANPROCESSORTYPE',
    span_batch_config: {
      max_queue_size: 'TYK_GW_OPENTELEMETRY_SPANBATCHCONFIG_MAXQUEUESIZE',
      max_export_batch_size: 'TYK_GW_OPENTELEMETRY_SPANBATCHCONFIG_MAXEXPORTBATCHSIZE',
      batch_timeout: 'TYK_GW_OPENTELEMETRY_SPANBATCHCONFIG_BATCHTIMEOUT',
    },
    context_propagation: 'TYK_GW_OPENTELEMETRY_CONTEXTPROPAGATION',
    custom_trace_header: 'TYK_GW_OPENTELEMETRY_CUSTOMTRACEHEADER',
    sampling: {
      type: 'TYK_GW_OPENTELEMETRY_SAMPLING_TYPE',
      rate: 'TYK_GW_OPENTELEMETRY_SAMPLING_RATE',
      parent_based: 'TYK_GW_OPENTELEMETRY_SAMPLING_PARENTBASED',
    },
  }),
  traces: {
    ...withEnv(traceRows, {
      enabled: 'TYK_GW_OPENTELEMETRY_TRACES_ENABLED',
      exporter: 'TYK_GW_OPENTELEMETRY_TRACES_EXPORTER',
      endpoint: 'TYK_GW_OPENTELEMETRY_TRACES_ENDPOINT',
      headers: 'TYK_GW_OPENTELEMETRY_TRACES_HEADERS',
      connection_timeout: 'TYK_GW_OPENTELEMETRY_TRACES_CONNECTIONTIMEOUT',
      resource_name: 'TYK_GW_OPENTELEMETRY_TRACES_RESOURCENAME',
      tls: {
        enable: 'TYK_GW_OPENTELEMETRY_TRACES_TLS_ENABLE',
        insecure_skip_verify: 'TYK_GW_OPENTELEMETRY_TRACES_TLS_INSECURESKIPVERIFY',
        ca_file: 'TYK_GW_OPENTELEMETRY_TRACES_TLS_CAFILE',
        cert_file: 'TYK_GW_OPENTELEMETRY_TRACES_TLS_CERTFILE',
        key_file: 'TYK_GW_OPENTELEMETRY_TRACES_TLS_KEYFILE',
        min_version: 'TYK_GW_OPENTELEMETRY_TRACES_TLS_MINVERSION',
        max_version: 'TYK_GW_OPENTELEMETRY_TRACES_TLS_MAXVERSION',
      },
      span_processor_type: 'TYK_GW_OPENTELEMETRY_TRACES_SPANPROCESSORTYPE',
      span_batch_config: {
        max_queue_size: 'TYK_GW_OPENTELEMETRY_TRACES_SPANBATCHCONFIG_MAXQUEUESIZE',
        max_export_batch_size: 'TYK_GW_OPENTELEMETRY_TRACES_SPANBATCHCONFIG_MAXEXPORTBATCHSIZE',
        batch_timeout: 'TYK_GW_OPENTELEMETRY_TRACES_SPANBATCHCONFIG_BATCHTIMEOUT',
      },
      context_propagation: 'TYK_GW_OPENTELEMETRY_TRACES_CONTEXTPROPAGATION',
      custom_trace_header: 'TYK_GW_OPENTELEMETRY_TRACES_CUSTOMTRACEHEADER',
      sampling: {
        type: 'TYK_GW_OPENTELEMETRY_TRACES_SAMPLING_TYPE',
        rate: 'TYK_GW_OPENTELEMETRY_TRACES_SAMPLING_RATE',
        parent_based: 'TYK_GW_OPENTELEMETRY_TRACES_SAMPLING_PARENTBASED',
      },
    }),
    mcp: {
      read_sources: {
        doc: 'Where the trace of an MCP call is read from.',
        format: 'string-list',
        default: [],
        env: 'TYK_GW_OPENTELEMETRY_TRACES_MCPTRACECONTEXT_READSOURCES',
      },
    },
  },
  metrics: withEnv(metricRows, {
    enabled: 'TYK_GW_OPENTELEMETRY_METRICS_ENABLED',
    exporter: 'TYK_GW_OPENTELEMETRY_METRICS_EXPORTER',
    endpoint: 'TYK_GW_OPENTELEMETRY_METRICS_ENDPOINT',
    headers: 'TYK_GW_OPENTELEMETRY_METRICS_HEADERS',
    connection_timeout: 'TYK_GW_OPENTELEMETRY_METRICS_CONNECTIONTIMEOUT',
    resource_name: 'TYK_GW_OPENTELEMETRY_METRICS_RESOURCENAME',
    tls: {
      enable: 'TYK_GW_OPENTELEMETRY_METRICS_TLS_ENABLE',
      insecure_skip_verify: 'TYK_GW_OPENTELEMETRY_METRICS_TLS_INSECURESKIPVERIFY',
      ca_file: 'TYK_GW_OPENTELEMETRY_METRICS_TLS_CAFILE',
      cert_file: 'TYK_GW_OPENTELEMETRY_METRICS_TLS_CERTFILE',
      key_file: 'TYK_GW_OPENTELEMETRY_METRICS_TLS_KEYFILE',
      min_version: 'TYK_GW_OPENTELEMETRY_METRICS_TLS_MINVERSION',
      max_version: 'TYK_GW_OPENTELEMETRY_METRICS_TLS_MAXVERSION',
    },
    export_interval: 'TYK_GW_OPENTELEMETRY_METRICS_EXPORTINTERVAL',
    temporality: 'TYK_GW_OPENTELEMETRY_METRICS_TEMPORALITY',
    shutdown_timeout: 'TYK_GW_OPENTELEMETRY_METRICS_SHUTDOWNTIMEOUT',
    cardinality_limit: 'TYK_GW_OPENTELEMETRY_METRICS_CARDINALITYLIMIT',
    runtime_metrics: 'TYK_GW_OPENTELEMETRY_METRICS_RUNTIMEMETRICS',
    retry: {
      enabled: 'TYK_GW_OPENTELEMETRY_METRICS_RETRY_ENABLED',
      initial_interval: 'TYK_GW_OPENTELEMETRY_METRICS_RETRY_INITIALINTERVAL',
      max_interval: 'TYK_GW_OPENTELEMETRY_METRICS_RETRY_MAXINTERVAL',
      max_elapsed_time: 'TYK_GW_OPENTELEMETRY_METRICS_RETRY_MAXELAPSEDTIME',
    },
    api_metrics: 'TYK_GW_OPENTELEMETRY_METRICS_APIMETRICS',
  }),
} as const satisfies ConfigSection)
