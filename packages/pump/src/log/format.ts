/** The shapes of a log line. They are those of Tyk's programs, so that what people grep and parse still matches. */

export type LogFormat = 'text' | 'json' | 'legacy' | 'terminal'

export interface LogEntry {
  readonly time: Date
  /** pino's name: debug, info, warn, error, fatal. */
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export function formatEntry(format: LogFormat, entry: LogEntry): string {
  switch (format) {
    case 'json':
      return formatJson(entry)
    case 'terminal':
      return formatTerminal(entry)
    case 'text':
      return formatText(entry, formatTime(entry.time), 'message')
    case 'legacy':
      return formatText(entry, formatShortTime(entry.time), 'msg')
  }
}

/** `time`, `level` and the message, then the other fields by name; an empty message is left out. */
function formatText(entry: LogEntry, time: string, messageKey: string): string {
  const message = entry.message === '' ? [] : [`${messageKey}=${quoted(entry.message)}`]
  const head = [`time=${quoted(time)}`, `level=${levelName(entry.level)}`, ...message]
  const reserved = new Set(['time', 'level', messageKey])
  const fields = sortedFields(entry.fields).map(([name, value]) => {
    return `${reserved.has(name) ? `fields.${name}` : name}=${quoted(plain(value))}`
  })
  return `${[...head, ...fields].join(' ')}\n`
}

function formatJson(entry: LogEntry): string {
  const line: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(entry.fields)) {
    const reserved = name === 'time' || name === 'level' || name === 'message'
    line[reserved ? `fields.${name}` : name] = value
  }
  Object.assign(line, { level: levelName(entry.level), message: entry.message, time: formatTime(entry.time) })
  return `${JSON.stringify(Object.fromEntries(sortedFields(line)))}\n`
}

/** The form of the 2020 releases: `[Jan 10 20:18:53]  INFO main: text`. */
function formatTerminal(entry: LogEntry): string {
  const { prefix, ...rest } = entry.fields
  const source = prefix === undefined ? '' : `${plain(prefix)}: `
  const fields = sortedFields(rest).map(([name, value]) => ` ${name}=${quoted(plain(value))}`)
  const level = levelName(entry.level).slice(0, 5).toUpperCase().replace('WARNI', 'WARN').padStart(5)
  return `[${formatShortTime(entry.time)}] ${level} ${source}${entry.message}${fields.join('')}\n`
}

function levelName(level: string): string {
  return level === 'warn' ? 'warning' : level
}

function sortedFields(fields: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** Bare when it needs no quotes, otherwise as Go's %q would print it. */
function quoted(text: string): string {
  return /^[A-Za-z0-9\-._/@^+]*$/.test(text) ? text : goQuote(text)
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
}

function goQuote(text: string): string {
  const body = text.replace(/["\\\u0000-\u001f\u007f]/g, (char) => {
    return ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
  return `"${body}"`
}

const two = (number: number): string => String(number).padStart(2, '0')

/** RFC 3339 with seconds, in the local zone. */
export function formatTime(time: Date): string {
  const offset = -time.getTimezoneOffset()
  const zone =
    offset === 0
      ? 'Z'
      : `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`
  const date = `${String(time.getFullYear()).padStart(4, '0')}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  return `${date}T${formatClock(time)}${zone}`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function formatShortTime(time: Date): string {
  return `${MONTHS[time.getMonth()] ?? ''} ${two(time.getDate())} ${formatClock(time)}`
}

function formatClock(time: Date): string {
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
}
