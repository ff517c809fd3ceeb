import type { Writable } from 'node:stream'
import type { ConfiguredSink } from './config/load.ts'
import { ConfigReport } from './config/report.ts'
import { SinkOptionError } from './errors.ts'
import { unknownFields } from './filter/index.ts'
import type { Log } from './log/log.ts'
import type { Sink, SinkBatching } from './sinks/types.ts'

export interface CreatedSink {
  readonly configured: ConfiguredSink
  readonly sink: Sink
  readonly batching: SinkBatching
  readonly log: Log
}

/**
 * Creates every sink. None of them opens anything yet.
 *
 * @param output - Where sinks print that print; absent: the standard output.
 * @throws ConfigError listing the options that cannot work, of all sinks.
 */
export function createSinks(
  configured: readonly ConfiguredSink[],
  workingDirectory: string,
  log: Log,
  output?: Writable,
): CreatedSink[] {
  const report = new ConfigReport()
  const created = configured.flatMap((one) => {
    const { name, definition, meta } = one
    const sinkLog = log.child({ prefix: `${definition.type}-pump` })
    try {
      const batching = definition.batching(meta)
      const sink = definition.create(meta, { name, log: sinkLog, workingDirectory, ...(output && { output }) })
      return [{ configured: one, sink, batching, log: sinkLog }]
    } catch (error) {
      if (!(error instanceof SinkOptionError)) throw error
      report.problems.push({ key: `pumps.${name}.meta`, message: error.message })
      return []
    }
  })
  report.throwIfAny()
  for (const { name, options } of configured) {
    for (const field of unknownFields(options.ignore_fields)) {
      log.error({ sink: name }, `Error looking for field + ${field} in AnalyticsRecord struct: not found.`)
    }
    log.info(`Init Pump: ${name}`)
  }
  return created
}
