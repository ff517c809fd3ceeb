import { pino } from 'pino'
import { type LogFormat, formatEntry } from './format.ts'
import type { Log } from './log.ts'

export interface LogSettings {
  readonly level: string
  readonly format: LogFormat
}

/**
 * Level and format from flag, environment and configuration. An unknown TYK_LOGLEVEL is info; an unknown format is
 * text. On a terminal, text takes the bracketed form that people read.
 */
export function logSettings(
  config: { readonly log_level: string; readonly log_format: string },
  env: NodeJS.ProcessEnv,
  debug: boolean,
  terminal: boolean,
): LogSettings {
  const level = (env['TYK_LOGLEVEL'] || config.log_level).toLowerCase()
  const format = (env['TYK_LOGFORMAT'] || config.log_format).toLowerCase()
  const known = level === 'error' || level === 'warn' || level === 'debug'
  const text = terminal ? 'terminal' : 'text'
  return {
    level: debug ? 'debug' : known ? level : 'info',
    format: format === 'json' || format === 'legacy' ? format : text,
  }
}

/** A pino logger whose lines have Tyk's shapes. `write` receives each finished line. */
export function createLog(settings: LogSettings, write: (line: string) => void): Log {
  const destination = {
    write(line: string): void {
      // Log lines are rare in a pump, so reading pino's JSON back costs nothing that matters.
      const { level, time, message, ...fields } = JSON.parse(line) as LineOfPino
      write(formatEntry(settings.format, { time: new Date(time), level, message: message ?? '', fields }))
    },
  }
  return pino(
    {
      level: settings.level,
      base: null,
      messageKey: 'message',
      errorKey: 'error',
      serializers: { err: errorText, error: errorText },
      formatters: { level: (label) => ({ level: label }), log: renameError },
    },
    destination,
  ).child({ prefix: 'main' })
}

interface LineOfPino {
  readonly level: string
  readonly time: number
  readonly message?: string
  readonly [field: string]: unknown
}

/** Code passes `err`, as pino's users do; Tyk's lines call the field `error`. */
function renameError(fields: Record<string, unknown>): Record<string, unknown> {
  const { err, ...rest } = fields
  return err === undefined ? fields : { ...rest, error: err }
}

function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${errorText(error.cause)}`
}
