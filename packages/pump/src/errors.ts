/** One class per thing a caller tells apart. `code` is stable and documented. */

/** The target cannot be reached or is busy as a whole: the batch is retried with back-off. */
export class SinkUnavailableError extends Error {
  readonly code = 'PUMP_SINK_UNAVAILABLE'
  /** Milliseconds the target asked to wait, from `Retry-After`. */
  readonly retryAfterMs: number | null
  constructor(message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(message, options)
    this.retryAfterMs = options?.retryAfterMs ?? null
  }
}

/** The target refuses everything: credentials, version, read-only. Records are held and a person must act. */
export class SinkRefusedError extends Error {
  readonly code = 'PUMP_SINK_REFUSED'
}

/** The request was too large for the target: the batch is halved and sent again. */
export class SinkBatchTooLargeError extends Error {
  readonly code = 'PUMP_SINK_BATCH_TOO_LARGE'
}

/** A sink option has a value that cannot work. */
export class SinkOptionError extends Error {
  readonly code = 'PUMP_SINK_OPTION'
}

/** Another hold has taken the lease over; nothing of it may be acknowledged by this one any more. */
export class LeaseLostError extends Error {
  readonly code = 'PUMP_LEASE_LOST'
}

/** A lease is not in Redis any more although nobody finished it: the server was emptied or evicted it. */
export class LeaseGoneError extends Error {
  readonly code = 'PUMP_LEASE_GONE'
}

/** Redis knows a smaller offset than it did: a failover has lost the last commits. */
export class CommitBehindError extends Error {
  readonly code = 'PUMP_COMMIT_BEHIND'
}

/** The file system refused something about spilled records; the message is its own. */
export class SpillFileError extends Error {
  readonly code = 'PUMP_SPILL_FILE'
}

/** The configuration holds problems; the message lists all of them. */
export class ConfigError extends Error {
  readonly code = 'PUMP_CONFIG'
}

/** The health check's port cannot be listened on; the message says how to choose another. */
export class HealthPortError extends Error {
  readonly code = 'PUMP_HEALTH_PORT'
}
