import type { GatewayConfig } from '../config/schema.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFormat = 'text' | 'json' | 'legacy'

export interface LogSettings {
  readonly level: LogLevel
  readonly format: LogFormat
}

/**
 * Level and format of the log.
 *
 * TYK_LOGLEVEL and TYK_LOGFORMAT beat the configuration, even with a value that means nothing; `--debug` beats every
 * level.
 */
export function logSettings(
  config: Pick<GatewayConfig, 'log_level' | 'log_format'>,
  env: NodeJS.ProcessEnv,
  debug: boolean,
): LogSettings {
  const level = parseLogLevel(env['TYK_LOGLEVEL'] || config.log_level) ?? 'info'
  return { level: debug ? 'debug' : level, format: parseLogFormat(env['TYK_LOGFORMAT'] || config.log_format) }
}

/** Why the configured level stops the start; undefined when it is good or does not count. */
export function logLevelProblem(configured: string, env: NodeJS.ProcessEnv, debug: boolean): string | undefined {
  if (debug || env['TYK_LOGLEVEL'] || configured === '' || parseLogLevel(configured) !== undefined) return undefined
  return `Invalid log level "${configured}" specified in config, must be error, warn, debug or info.`
}

function parseLogLevel(text: string): LogLevel | undefined {
  const level = text.toLowerCase()
  return level === 'debug' || level === 'info' || level === 'warn' || level === 'error' ? level : undefined
}

function parseLogFormat(text: string): LogFormat {
  const format = text.toLowerCase()
  return format === 'json' || format === 'legacy' ? format : 'text'
}
