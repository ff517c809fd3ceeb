import { createLog } from '../../log/create-log.ts'
import type { Log } from '../../log/log.ts'

/** The log of sinks during a check: what they warn of becomes part of the report. */
export interface SinkLog {
  readonly log: Log
  /** What was logged at warn or above since this was called last. */
  readonly warnings: () => readonly string[]
}

/** @param echo - Gets every line as well, at any level; null: nobody does. */
export function createSinkLog(echo: ((line: string) => void) | null): SinkLog {
  let warnings: string[] = []
  const log = createLog({ level: echo === null ? 'warn' : 'debug', format: 'json' }, (line) => {
    echo?.(line)
    const { level, message, error, reason } = JSON.parse(line) as Readonly<Record<string, unknown>>
    if (level !== 'warning' && level !== 'error') return
    const more = [reason, error].filter((text) => typeof text === 'string')
    warnings.push([String(message), ...more].join(': '))
  })
  return {
    log,
    warnings: () => {
      const taken = warnings
      warnings = []
      return taken
    },
  }
}
