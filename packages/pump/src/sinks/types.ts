import type { Writable } from 'node:stream'
import type { AnalyticsRecord, RecordBlock } from '@tek/analytics-record'
import type { ConfigOf, ConfigSection } from '../config/section.ts'
import type { DeadLetterStore } from '../dead-letters/store.ts'
import type { Log } from '../log/log.ts'

/** One record as a sink sees it: its own view (filtered, trimmed, fields ignored) and where it came from. */
export interface PumpRecord {
  readonly record: AnalyticsRecord
  /** Deterministic id of the raw bytes as they lay in Redis: the same on every redelivery by anyone. */
  readonly id: string
  /** Bytes this record counts for in queues: the length of its raw element. */
  readonly sizeBytes: number
  /** Where `record` lies, unchanged. A sink that copies fields from there never asks for `record`, which is then never made. */
  readonly located?: LocatedRecord | null
}

/** A record in a block in which `locateFields` has found its fields. */
export interface LocatedRecord {
  readonly block: RecordBlock
  readonly index: number
  /** Writes the record's `id`, for sinks that need no text of it. */
  writeId(into: { ascii(text: string, length?: number): void; byte(code: number): void }): void
}

/** `rejected` records are dead-lettered with the reason; `retry` ones are sent again after a back-off. */
export type Verdict = 'delivered' | 'retry' | Rejection

export interface Rejection {
  readonly rejected: string
  /** The target's own word for the kind of error, e.g. `document_parsing_exception`. */
  readonly errorType?: string
  /** The index or table it was meant for. */
  readonly index?: string
  /** The one field that it is about. */
  readonly field?: string
}

/** What came of looking for one record in the target. */
export type Sighting =
  | { readonly kind: 'found'; readonly where: string }
  /** Not there, or not yet. */
  | { readonly kind: 'missing'; readonly where: string }
  /** The target does not let us look. */
  | { readonly kind: 'hidden'; readonly why: string }

/** One output of the pump. Retry, batching, dead letters and metrics are `delivery/`'s, not a sink's. */
export interface Sink {
  /**
   * Sends a batch.
   *
   * @param again - Some of it may have arrived before: an attempt had no answer, or another pump began with the lease.
   * @returns One verdict per record, in order.
   * @throws SinkUnavailableError (retry the whole batch later) or SinkRefusedError (configuration: hold everything)
   *   when nothing can be said about any of them.
   */
  write(batch: readonly PumpRecord[], signal: AbortSignal, again?: boolean): Promise<readonly Verdict[]>
  /** Resolves when the target answers and accepts the credentials. Start never waits for it. */
  check(signal: AbortSignal): Promise<void>
  /**
   * Looks for a written record the way its readers do, by a query. Absent: the target cannot be asked.
   *
   * @throws what `write` throws.
   */
  find?(record: PumpRecord, signal: AbortSignal): Promise<Sighting>
  /** Takes a record out of the target that `find` has found. Absent: the target keeps what it has. */
  remove?(record: PumpRecord, signal: AbortSignal): Promise<void>
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
  /** In place of the standard output, for a sink that prints there. */
  readonly output?: Writable
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
  /** What to look at when the target does not answer, or refuses; for the sinks that have such. */
  readonly advice?: { readonly unreachable: string; readonly refused: string }
  /** @throws SinkOptionError when an option has a value that cannot work; the message names the key and the cure. */
  create(options: ConfigOf<S>, deps: SinkDeps): Sink
  /** Keeps dead letters in the sink's own target, beside the records. Absent: it cannot. */
  deadLetters?(options: ConfigOf<S>, deps: SinkDeps): DeadLetterStore
}
