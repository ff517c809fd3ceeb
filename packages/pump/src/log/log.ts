import type { Logger } from 'pino'

/** What code logs with: pino's logger. The message is constant, the variables are fields. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'isLevelEnabled' | 'child'>
