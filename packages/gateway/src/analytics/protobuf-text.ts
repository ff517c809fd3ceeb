import type { AnalyticsRecord } from '@tek/analytics-record'
import { fromByteString } from '../byte-string.ts'

/**
 * A record whose byte strings are turned into text: protobuf strings must be valid UTF-8. Bytes that are none become
 * U+FFFD; msgpack, the default, keeps them.
 */
export function fromByteStrings(record: AnalyticsRecord): AnalyticsRecord {
  const converted = { ...record } as Record<string, unknown>
  for (const [name, value] of Object.entries(record)) {
    if (typeof value === 'string') converted[name] = fromByteString(value)
  }
  converted['tags'] = record.tags?.map(fromByteString) ?? null
  const { names } = record.geo.city
  if (names !== null) converted['geo'] = { ...record.geo, city: { ...record.geo.city, names: textsOf(names) } }
  return converted as unknown as AnalyticsRecord
}

const textsOf = (names: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(names).map(([language, name]) => [language, fromByteString(name)]))
