/**
 * What happens to a record before one sink gets it: pure functions, compiled once from the sink's options. The record is
 * shared by all sinks, so a change is made on a copy.
 */
import type { AnalyticsRecord } from '@tek/analytics-record'
import type { SinkOptions } from '../config/schema.ts'
import { compileFilters } from './accept.ts'
import { compileIgnoredFields } from './ignore-fields.ts'
import { decodeText, trimText } from './raw-texts.ts'

export { unknownFields } from './ignore-fields.ts'

/** The sink's own view of a record, or null when the sink does not get it. */
export type Prepare = (record: AnalyticsRecord) => AnalyticsRecord | null

/**
 * Compiles a sink's options, in Tyk's order: omit or cut the raw texts, filter, ignore fields, decode the raw texts.
 *
 * @param globalMaxBytes - The size of raw texts for sinks that set none.
 * @returns null when nothing is configured: records pass as they are.
 */
export function compilePrepare(options: SinkOptions, globalMaxBytes: number): Prepare | null {
  const accept = compileFilters(options.filters)
  const shape = compileShape(options, globalMaxBytes)
  if (accept === null && shape === null) return null
  // Cutting comes before filtering in Tyk, but no filter looks at what is cut: filtering first gives the same records.
  return (record) => (accept !== null && !accept(record) ? null : shape === null ? record : shape(record))
}

function compileShape(
  options: SinkOptions,
  globalMaxBytes: number,
): ((record: AnalyticsRecord) => AnalyticsRecord) | null {
  const ignored = compileIgnoredFields(options.ignore_fields)
  const { omit_detailed_recording: omit, raw_request_decoded, raw_response_decoded } = options
  const maxBytes = options.max_record_size || globalMaxBytes
  if (!omit && maxBytes === 0 && ignored === null && !raw_request_decoded && !raw_response_decoded) return null
  const cut = (text: string): string => (omit ? '' : maxBytes === 0 ? text : trimText(text, maxBytes))
  return (record) => {
    const copy = { ...record, rawRequest: cut(record.rawRequest), rawResponse: cut(record.rawResponse) }
    if (ignored !== null) Object.assign(copy, ignored)
    if (raw_request_decoded) copy.rawRequest = decodeText(copy.rawRequest)
    if (raw_response_decoded) copy.rawResponse = decodeText(copy.rawResponse)
    return copy
  }
}
