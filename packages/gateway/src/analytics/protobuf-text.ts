import type { AnalyticsRecord } from '@tek/analytics-record'

/**
 * A record whose byte strings are turned into text: protobuf strings must be valid UTF-8. Bytes that are none become
 * U+FFFD; msgpack, the default, keeps them.
 */
export function fromByteStrings(record: AnalyticsRecord): AnalyticsRecord {
  const converted = { ...record } as Record<string, unknown>
  for (const [name, value] of Object.entries(record)) {
    if (typeof value === 'string') converted[name] = decode(value)
  }
  converted['tags'] = record.tags?.map(decode) ?? null
  return converted as unknown as AnalyticsRecord
}

const decode = (bytes: string): string =>
  /^[\u0000-\u007f]*$/.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8')
