import { pino } from 'pino'
import { type FormatLine, lineFormat } from './line-formats.ts'
import type { Log } from './log.ts'
import { secretFields } from './redact.ts'
import type { LogFormat, LogLevel } from './settings.ts'

export interface LoggerOptions {
  readonly format: LogFormat
  readonly level: LogLevel
  /** Where lines go; default: the process's stderr. */
  readonly destination?: { write(line: string): unknown }
  /** Whether that is a terminal; default: whether stderr is one. */
  readonly isTty?: boolean
  readonly now?: () => number
}

// Names of a line's own parts inside pino, chosen so that no field can have them.
const TIME = '@time'
const LEVEL = '@level'
const MESSAGE = '@message'
const CAUSES_SHOWN = 5

/**
 * Creates the program's logger. Fields are logged as they are given, except errors: `err` becomes the text field
 * `error`, its causes behind it.
 */
export function createLogger(options: LoggerOptions): Log {
  const { level, destination = process.stderr, isTty = process.stderr.isTTY, now = Date.now } = options
  const format = lineFormat(options.format, isTty)
  return pino(
    {
      level,
      base: null,
      messageKey: MESSAGE,
      timestamp: () => `,"${TIME}":${now()}`,
      formatters: { level: (label) => ({ [LEVEL]: label === 'warn' ? 'warning' : label }) },
      serializers: { err: errorText, error: errorText },
      redact: { paths: secretFields.flatMap((name) => [name, `*.${name}`]), censor: '****' },
    },
    // Pino knows how to merge, serialise and redact fields; the order and quoting of Tyk's lines it does not.
    { write: (json: string) => void destination.write(`${reformat(json, format)}\n`) },
  )
}

function reformat(json: string, format: FormatLine): string {
  const {
    [TIME]: timeMs,
    [LEVEL]: level,
    [MESSAGE]: message = '',
    err,
    ...fields
  } = JSON.parse(json) as Record<string, unknown>
  const error = err === undefined ? {} : { error: err }
  return format({
    timeMs: Number(timeMs),
    level: String(level),
    message: String(message),
    fields: { ...fields, ...error },
  })
}

/** The message of an error and of its causes: `reading policies.json: unexpected end`. */
export function errorText(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const texts: string[] = []
  let cause: unknown = error
  while (cause instanceof Error && texts.length < CAUSES_SHOWN) {
    texts.push(messageOf(cause))
    cause = cause.cause
  }
  return texts.join(': ')
}

/** Node gives an error that stands for several, a connection refused on two addresses say, an empty message. */
function messageOf(error: Error): string {
  if (error.message !== '') return error.message
  return error instanceof AggregateError ? error.errors.map((one) => String(errorText(one))).join('; ') : error.name
}
