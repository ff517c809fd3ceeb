import { hash } from 'node:crypto'
import type { Instant } from '@tek/analytics-record'

const MOST_MS = 2 ** 48 - 1

/**
 * The id of a record: 6 bytes of its own time in epoch milliseconds, then 128 bits of the hash of its raw bytes, in
 * base64url. The same bytes have the same id whoever delivers them and however often; the time in front keeps look-ups
 * of new ids in one corner of an index.
 */
export function recordId(raw: Uint8Array, timestamp: Instant): string {
  const bytes = Buffer.alloc(22)
  const ms = timestamp.seconds * 1000 + Math.floor(timestamp.nanos / 1e6)
  bytes.writeUIntBE(Math.min(Math.max(ms, 0), MOST_MS), 0, 6)
  hash('sha256', raw, 'buffer').copy(bytes, 6, 0, 16)
  return bytes.toString('base64url')
}
