import type { SinkDefinition } from '../types.ts'
import { sqlOptions } from './options.ts'
import { createSqlSink } from './write.ts'

/**
 * An SQL table in Tyk's columns. The database is a SQLite file, through the driver built into Node: nothing to install,
 * and a page or a shell can read it while the pump writes.
 */
export const sqlSink = {
  type: 'sql',
  displayName: 'SQL Pump',
  envPrefix: 'TYK_PMP_PUMPS_SQL_META',
  options: sqlOptions,
  advice: {
    unreachable: 'May the folder and the file of connection_string be written, and is there room?',
    refused: 'Is the file of connection_string a SQLite database that may be written?',
  },
  batching: (options) => ({
    maxRecords: Math.max(1000, options.batch_size),
    maxBytes: 5_242_880,
    // SQLite has one writer at a time.
    inFlight: 1,
    flushIntervalMs: 0,
  }),
  create: createSqlSink,
} as const satisfies SinkDefinition<typeof sqlOptions>
