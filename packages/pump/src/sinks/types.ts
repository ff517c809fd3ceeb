import type { AnalyticsRecord } from '@tek/analytics-record'
import type { ConfigOf, ConfigSection } from '../config/section.ts'
import type { Log } from '../log/log.ts'

/** One record as a sink sees it: its own view (filtered, trimmed, fields ignored) and where it came from. */
export interface PumpRecord {
  readonly record: AnalyticsRecord
  /** Deterministic id of the raw bytes as they lay in Redis: the same on every redelivery by anyone. */
  readonly id: string
  /** Bytes this record counts for in queues: the length of its raw element. */
  readonly sizeBytes: number
}

/** `rejected` records are dead-lettered with the reason; `retry` ones are sent again after a back-off. */
export type Verdict = 'delivered' | 'retry' | { readonly rejected: string }

/** One output of the pump. Retry, batching, dead letters and metrics are `delivery/`'s, not a sink's. */
export interface Sink {
  /**
   * Sends a batch.
   *
   * @returns One verdict per record, in order.
   * @throws SinkUnavailableError (retry the whole batch later) or SinkRefusedError (configuration: hold everything)
   *   when nothing can be said about any of them.
   */
  write(batch: readonly PumpRecord[], signal: AbortSignal): Promise<readonly Verdict[]>
  /** Resolves when the target answers and accepts the credentials. Start never waits for it. */
  check(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** How `delivery/` should batch for a sink; read once after `create`. */
export interface SinkBatching {
  /** Records per `write`. Infinity when only bytes count. */
  readonly maxRecords: number
  /** Bytes of raw elements per `write`. */
  readonly maxBytes: number
  /** Writes at the same time. */
  readonly inFlight: number
  /** Milliseconds a record may wait for a fuller batch; 0: flush at the end of every take. */
  readonly flushIntervalMs: number
}

export interface SinkDeps {
  /** The configured name, e.g. `ELASTICSEARCH` or `ES-PROD`. */
  readonly name: string
  readonly log: Log
  /** Base for relative paths in options. */
  readonly workingDirectory: string
}

export interface SinkDefinition<S extends ConfigSection = ConfigSection> {
  /** `type` in pump.conf, lower case. */
  readonly type: string
  /** Tyk's name of the pump in its log lines, e.g. `Elasticsearch Pump`. */
  readonly displayName: string
  /** Environment prefix when the sink's name has none of its own, e.g. `TYK_PMP_PUMPS_KAFKA_META`. */
  readonly envPrefix: string
  readonly options: S
  batching(options: ConfigOf<S>): SinkBatching
  /** @throws SinkOptionError when an option has a value that cannot work; the message names the key and the cure. */
  create(options: ConfigOf<S>, deps: SinkDeps): Sink
}
