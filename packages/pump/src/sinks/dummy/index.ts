import type { SinkDefinition } from '../types.ts'
import { dummyOptions } from './options.ts'
import { createDummySink } from './write.ts'

/** Counts records in the log and forgets them: a sink to try filters and load with. */
export const dummySink = {
  type: 'dummy',
  displayName: 'Dummy Pump',
  // No option is read, so nothing can be set here.
  envPrefix: 'TYK_PMP_PUMPS_DUMMY_META',
  options: dummyOptions,
  batching: () => ({ maxRecords: 1000, maxBytes: 5_242_880, inFlight: 1, flushIntervalMs: 0 }),
  create: (_options, deps) => createDummySink(deps),
} as const satisfies SinkDefinition<typeof dummyOptions>
