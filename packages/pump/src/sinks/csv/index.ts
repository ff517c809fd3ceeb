import type { SinkDefinition } from '../types.ts'
import { csvOptions } from './options.ts'
import { createCsvSink } from './write.ts'

/** One CSV file per hour of writing, in the columns of Tyk's. */
export const csvSink = {
  type: 'csv',
  displayName: 'CSV Pump',
  envPrefix: 'TYK_PMP_PUMPS_CSV_META',
  options: csvOptions,
  advice: {
    unreachable: 'May the folder csv_dir be written, and is there room?',
    refused: 'May the folder csv_dir be written?',
  },
  batching: () => ({ maxRecords: 1000, maxBytes: 5_242_880, inFlight: 1, flushIntervalMs: 0 }),
  create: (options, deps) => createCsvSink(options, deps),
} as const satisfies SinkDefinition<typeof csvOptions>
