import type { Log } from '../log/log.ts'

type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/**
 * A log that leaves out what another process has written already.
 *
 * @param isOpen - asked for each line.
 */
export function gatedLog(log: Log, isOpen: (level: Level) => boolean): Log {
  const at =
    (level: Level) =>
    (...args: unknown[]): void => {
      if (isOpen(level)) Reflect.apply(log[level], log, args)
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    // Often asked once, at load, about lines that are written much later.
    isLevelEnabled: (level) => log.isLevelEnabled(level),
    child: ((...args: Parameters<Log['child']>) => gatedLog(log.child(...args), isOpen)) as Log['child'],
  }
}
