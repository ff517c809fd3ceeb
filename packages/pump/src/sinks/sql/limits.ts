import type { ConfigOf } from '../../config/section.ts'
import { SinkOptionError } from '../../errors.ts'
import type { sqlOptions } from './options.ts'
import type { RetentionLimits } from './retention.ts'

const DAY_MS = 86_400_000
/** The log of what was written last needs some of it, and so do pages that are kept for the records to come. */
const LEAST_BYTES = 32 * 1024 * 1024

/**
 * Null when records are kept for ever.
 *
 * @throws SinkOptionError when the size is one that cannot be kept.
 */
export function limitsOf(options: ConfigOf<typeof sqlOptions>): RetentionLimits | null {
  const { retention_days: days, max_size_bytes: bytes } = options
  if (bytes !== 0 && bytes < LEAST_BYTES) {
    throw new SinkOptionError(
      `max_size_bytes (…_META_MAXSIZEBYTES): expected 0 for no bound or at least ${LEAST_BYTES}, got ${bytes} ` +
        '(2147483648 is 2 GiB)',
    )
  }
  if (days === 0 && bytes === 0) return null
  return { maxAgeMs: days === 0 ? null : days * DAY_MS, maxBytes: bytes === 0 ? null : bytes }
}
