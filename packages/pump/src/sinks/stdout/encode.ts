import { type AnalyticsRecord, formatRecord, goJsonString } from '@tek/analytics-record'

/** The record's JSON, with raw texts on one line each unless `legacy`. */
export function encodeStdoutRecord(record: AnalyticsRecord, legacy: boolean): string {
  if (legacy) return formatRecord(record)
  const rawRequest = flattenPayload(record.rawRequest)
  const rawResponse = flattenPayload(record.rawResponse)
  return formatRecord({ ...record, rawRequest, rawResponse })
}

/** Builds the line around a record: outer keys in byte order, as a Go logger prints its map. */
export function createLineEncoder(fieldName: string): (recordJson: string, time: Date) => string {
  const name = /^(?:level|msg|time)$/.test(fieldName) ? `fields.${fieldName}` : fieldName
  const sorted = ['level', 'msg', 'time', name].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const values: Readonly<Record<string, string>> = { level: '"info"', msg: '""' }
  return (recordJson, time) => {
    const value = (key: string): string =>
      values[key] ?? (key === 'time' ? `"${time.toISOString().slice(0, 19)}Z"` : recordJson)
    return `{${sorted.map((key) => `${goJsonString(key)}:${value(key)}`).join(',')}}\n`
  }
}

/**
 * An HTTP message on one line: CR and TAB go, LF becomes a space, and a JSON body is compacted. Base64 holds none of
 * these and passes unchanged.
 */
export function flattenPayload(text: string): string {
  const headersEnd = text.indexOf('\r\n\r\n')
  if (headersEnd < 0) return onOneLine(text)
  const body = compactJson(text.slice(headersEnd + 4))
  return body === null ? onOneLine(text) : `${onOneLine(text.slice(0, headersEnd))} ${body}`
}

function onOneLine(text: string): string {
  return /[\r\n\t]/.test(text) ? text.replaceAll(/[\r\t]/g, '').replaceAll('\n', ' ') : text
}

/** Takes the white space between tokens out and leaves numbers and escapes as they are; null when it is no JSON. */
function compactJson(text: string): string | null {
  try {
    JSON.parse(text)
  } catch {
    return null
  }
  return text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string: string | undefined) => string ?? '')
}
