import type { AnalyticsRecord } from '@tek/analytics-record'
import type { SinkOptions } from '../config/schema.ts'

type Accept = (record: AnalyticsRecord) => boolean

/** Says which records a sink gets. A block list wins over an allow list; several allow lists must all match. */
export function compileFilters(filters: SinkOptions['filters']): Accept | null {
  const rules: Accept[] = [
    ...blocks(filters.skip_api_ids, (record) => record.apiId),
    ...blocks(filters.skip_org_ids, (record) => record.orgId),
    ...blocks(filters.skip_response_codes, (record) => record.responseCode),
    ...allows(filters.api_ids, (record) => record.apiId),
    ...allows(filters.org_ids, (record) => record.orgId),
    ...allows(filters.response_codes, (record) => record.responseCode),
  ]
  return rules.length === 0 ? null : (record) => rules.every((passes) => passes(record))
}

function blocks<T>(list: readonly T[], valueOf: (record: AnalyticsRecord) => T): Accept[] {
  const blocked = new Set(list)
  return blocked.size === 0 ? [] : [(record) => !blocked.has(valueOf(record))]
}

function allows<T>(list: readonly T[], valueOf: (record: AnalyticsRecord) => T): Accept[] {
  const allowed = new Set(list)
  return allowed.size === 0 ? [] : [(record) => allowed.has(valueOf(record))]
}
