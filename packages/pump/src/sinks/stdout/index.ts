import type { SinkDefinition } from '../types.ts'
import { stdoutOptions } from './options.ts'
import { createStdoutSink } from './write.ts'

/** Prints records, as JSON lines for a log collector or into the pump's own log. */
export const stdoutSink = {
  type: 'stdout',
  displayName: 'Stdout Pump',
  envPrefix: 'TYK_PMP_PUMPS_STDOUT_META',
  options: stdoutOptions,
  batching: () => ({ maxRecords: 1000, maxBytes: 5_242_880, inFlight: 1, flushIntervalMs: 0 }),
  create: (options, deps) => createStdoutSink(options, deps, deps.output ?? process.stdout),
} as const satisfies SinkDefinition<typeof stdoutOptions>
