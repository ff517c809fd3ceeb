import { quoteIfNeeded } from './quote.ts'
import type { LogFormat } from './settings.ts'
import { rfc3339, stamp } from './time.ts'

/** One line of the log before it takes its form. */
export interface LogEntry {
  readonly timeMs: number
  /** `debug`, `info`, `warning`, `error` or `fatal`. */
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export type FormatLine = (entry: LogEntry) => string

/** The form of a line: the configured one, and on a terminal the bracketed one in place of `text`. */
export function lineFormat(format: LogFormat, isTty: boolean): FormatLine {
  if (format === 'json') return jsonLine
  if (format === 'legacy') return legacyLine
  return isTty ? terminalLine : textLine
}

/** `time="2026-01-31T09:15:02Z" level=info message="API reload complete" prefix=main` */
export const textLine: FormatLine = ({ timeMs, level, message, fields }) => {
  const head = [pair('time', rfc3339(timeMs)), pair('level', level)]
  if (message !== '') head.push(pair('message', message))
  return [...head, ...pairs(fields, ['time', 'level', 'message'])].join(' ')
}

/** `time="Jan 31 09:15:02" level=info msg="API reload complete" prefix=main` */
export const legacyLine: FormatLine = ({ timeMs, level, message, fields }) => {
  const head = [pair('time', stamp(timeMs)), pair('level', level)]
  if (message !== '') head.push(pair('msg', message))
  return [...head, ...pairs(fields, ['time', 'level', 'msg'])].join(' ')
}

/** `{"level":"info","message":"API reload complete","prefix":"main","time":"2026-01-31T09:15:02Z"}` */
export const jsonLine: FormatLine = ({ timeMs, level, message, fields }) => {
  const own = { level, message, time: rfc3339(timeMs) }
  const all = Object.entries(own).concat(renamed(fields, Object.keys(own)) as [string, string][])
  return JSON.stringify(Object.fromEntries(all.toSorted(byName)))
}

/** `[Jan 31 09:15:02]  INFO main: API reload complete` */
export const terminalLine: FormatLine = ({ timeMs, level, message, fields }) => {
  const { prefix, ...others } = fields
  const name = level === 'warning' ? 'WARN' : level.toUpperCase()
  const source = typeof prefix === 'string' && prefix !== '' ? ` ${prefix}:` : ''
  const text = message === '' ? '' : ` ${message}`
  return [`[${stamp(timeMs)}] ${name.padStart(5)}${source}${text}`, ...pairs(others, [])].join(' ')
}

function pairs(fields: LogEntry['fields'], reserved: readonly string[]): string[] {
  return renamed(fields, reserved)
    .toSorted(byName)
    .map(([name, value]) => pair(name, textOf(value)))
}

/** A field must not pass for one of the line's own parts. */
function renamed(fields: LogEntry['fields'], reserved: readonly string[]): [string, unknown][] {
  return Object.entries(fields).map(([name, value]) => [reserved.includes(name) ? `fields.${name}` : name, value])
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : Number(a > b)
}

function pair(name: string, value: string): string {
  return `${name}=${quoteIfNeeded(value)}`
}

function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}
