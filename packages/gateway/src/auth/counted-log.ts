import type { Log } from '../log/log.ts'

/**
 * Logs what may repeat with every request: the first time at once, then at most one line per interval that says how
 * often it happened since the line before.
 */
export interface CountedLog {
  note(message: string, fields: () => Record<string, unknown>): void
}

interface Count {
  lastMs: number
  unlogged: number
}

export function createCountedLog(
  log: Log,
  level: 'info' | 'warn' | 'error',
  now: () => number,
  intervalMs = 10_000,
): CountedLog {
  // Messages are constants of the code, so this map cannot grow with traffic.
  const counts = new Map<string, Count>()
  return {
    note(message, fields) {
      if (!log.isLevelEnabled(level)) return
      const at = now()
      const count = counts.get(message)
      if (count !== undefined && at - count.lastMs < intervalMs) {
        count.unlogged++
        return
      }
      const times = 1 + (count?.unlogged ?? 0)
      counts.set(message, { lastMs: at, unlogged: 0 })
      log[level]({ ...fields(), times }, message)
    },
  }
}

/** A key as log lines may show it: its last four characters, or whole when the operator asked for that. */
export function keyForLog(key: string, enableKeyLogging: boolean): string {
  if (enableKeyLogging) return key
  return key.length > 4 ? `****${key.slice(-4)}` : '--'
}
