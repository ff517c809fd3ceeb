import { type AnalyticsRecord, formatInstant, goJson, goJsonString } from '@tek/analytics-record'
import type { ConfigOf } from '../../config/section.ts'
import type { Rejection } from '../types.ts'
import { decodeBase64Text } from './base64.ts'
import { DOCUMENT_MEMBERS } from './document-members.ts'
import type { elasticsearchOptions } from './options.ts'

type Options = ConfigOf<typeof elasticsearchOptions>

export interface Encoder {
  indexOf(record: AnalyticsRecord): string
  /** The same for a record of no MCP call, by its time in seconds since 1970. */
  indexAt(seconds: number): string
  /** The line before a document. `type` is null on servers without mapping types. */
  actionLine(index: string, id: string, type: string | null): string
  /** `withRaw: false` leaves the raw texts empty, for a document that is too large with them. */
  document(record: AnalyticsRecord, withRaw?: boolean): string
}

/** Prints records as JSON text. Most bulk bodies are written without it, see `bulk-body.ts`. */
export function createEncoder(options: Options): Encoder {
  const { index_name, mcp_index_name, rolling_index } = options
  const dayOf = createDays()
  const indexOn = (name: string, seconds: number): string => (rolling_index ? `${name}-${dayOf(seconds)}` : name)
  const printers = compilePrinters(options)

  return {
    indexOf: ({ mcpStats, timestamp }) =>
      indexOn(mcpStats.isMcp && mcp_index_name !== '' ? mcp_index_name : index_name, timestamp.seconds),
    indexAt: (seconds) => indexOn(index_name, seconds),
    actionLine,
    document(record, withRaw = true) {
      let text = ''
      for (const print of printers) text += print(record, withRaw)
      return `{${text.slice(1)}}`
    },
  }
}

/** Create, never index: a repeated write answers 409 instead of replacing, and data streams take nothing else. */
export function actionLine(index: string, id: string, type: string | null): string {
  const typed = type === null ? '' : `"_type":${goJsonString(type)},`
  return `{"create":{"_index":${goJsonString(index)},${typed}"_id":${goJsonString(id)}}}`
}

/** Prints one member with the comma before it. */
type Print = (record: AnalyticsRecord, withRaw: boolean) => string

function compilePrinters({ extended_stats, decode_base64 }: Options): Print[] {
  return DOCUMENT_MEMBERS.filter(({ extended }) => extended_stats || !extended).flatMap(({ name, field }): Print[] => {
    const begin = `,"${name}":`
    if (field === 'timestamp') return [(record) => `${begin}"${formatInstant(record.timestamp)}"`]
    if (field === 'rawRequest' || field === 'rawResponse') {
      const rawText = decode_base64 ? decodeBase64Text : (text: string) => text
      return [(record, withRaw) => begin + goJsonString(withRaw ? rawText(record[field]) : '')]
    }
    const print: Print = (record) => begin + goJson(record[field])
    return field === MEMBER_BEFORE_MCP ? [print, mcpFields] : [print]
  })
}

const MEMBER_BEFORE_MCP = 'ipAddress'

/** A record that has no document form, e.g. a time beyond every calendar, is rejected alone. */
export function notEncodable(error: unknown): Rejection {
  const reason = error instanceof Error ? error.message : String(error)
  return { rejected: `the record cannot be encoded: ${reason}`, errorType: 'not_encodable' }
}

function mcpFields({ mcpStats }: AnalyticsRecord): string {
  if (!mcpStats.isMcp) return ''
  return (
    `,"mcp_method":${goJsonString(mcpStats.jsonrpcMethod)}` +
    `,"mcp_primitive_name":${goJsonString(mcpStats.primitiveName)}` +
    `,"mcp_primitive_type":${goJsonString(mcpStats.primitiveType)}`
  )
}

/**
 * The record's own UTC day, not the day of the write: a redelivery after midnight must meet the same index, or the id
 * would not protect against a second copy.
 */
function createDays(): (seconds: number) => string {
  const recent = { day: NaN, text: '' }
  return (seconds) => {
    const day = Math.floor(seconds / SECONDS_PER_DAY)
    if (day !== recent.day) Object.assign(recent, { text: utcDay(seconds), day })
    return recent.text
  }
}

const SECONDS_PER_DAY = 86_400

function utcDay(seconds: number): string {
  const day = new Date(seconds * 1000).toISOString()
  return day.slice(0, day.indexOf('T')).replaceAll('-', '.')
}
