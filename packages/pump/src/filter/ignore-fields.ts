import { type AnalyticsRecord, RECORD_FIELDS, emptyRecord } from '@tek/analytics-record'

const NAMES = new Map(RECORD_FIELDS.flatMap(({ json, name }) => (json === null ? [] : [[json, name] as const])))

/** Names in `ignore_fields` that no record field has. */
export function unknownFields(fields: readonly string[]): string[] {
  return fields.filter((field) => !NAMES.has(field))
}

/** The named fields at their zero value; null when there is nothing to ignore. */
export function compileIgnoredFields(fields: readonly string[]): Partial<AnalyticsRecord> | null {
  const empty = emptyRecord()
  const names = fields.flatMap((field) => NAMES.get(field) ?? [])
  if (names.length === 0) return null
  return Object.fromEntries(names.map((name) => [name, empty[name]])) as Partial<AnalyticsRecord>
}
