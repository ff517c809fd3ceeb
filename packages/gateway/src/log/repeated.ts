import type { Log } from './log.ts'

export interface RepeatedLogOptions {
  /** How long equal lines are counted before the count is logged; default 10 s. */
  readonly intervalMs?: number
  /** How many different lines are told apart; what comes beyond is counted together. */
  readonly maxKeys?: number
}

type Level = 'info' | 'warn' | 'error'

/** A line that may come with every request, logged once per interval with its count. */
export interface RepeatedLog {
  /**
   * Logs the line at once if its key is new in this interval, else counts it.
   *
   * @param key What makes two lines the same.
   */
  write(level: Level, key: string, fields: object, message: string): void
  /** Logs the counts so far and begins a new interval. */
  flush(): void
  /** Flushes and stops. */
  close(): void
}

interface Line {
  readonly level: Level
  readonly fields: object
  readonly message: string
  repeats: number
}

/** Creates a log for lines that repeat. Counted lines carry the field `repeated`. */
export function createRepeatedLog(log: Log, options: RepeatedLogOptions = {}): RepeatedLog {
  const { intervalMs = 10_000, maxKeys = 1000 } = options
  const lines = new Map<string, Line>()
  let uncounted = 0

  const flush = (): void => {
    for (const { level, fields, message, repeats } of lines.values()) {
      if (repeats > 0) log[level]({ ...fields, repeated: repeats }, message)
    }
    if (uncounted > 0) log.warn({ repeated: uncounted }, 'Too many different lines, counted together')
    lines.clear()
    uncounted = 0
  }
  const timer = setInterval(flush, intervalMs).unref()

  return {
    write: (level, key, fields, message) => {
      const line = lines.get(key)
      if (line !== undefined) {
        line.repeats++
      } else if (lines.size >= maxKeys) {
        uncounted++
      } else {
        lines.set(key, { level, fields, message, repeats: 0 })
        log[level](fields, message)
      }
    },
    flush,
    close: () => {
      clearInterval(timer)
      flush()
    },
  }
}
