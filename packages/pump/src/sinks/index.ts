import { csvSink } from './csv/index.ts'
import { dummySink } from './dummy/index.ts'
import { elasticsearchSink } from './elasticsearch/index.ts'
import { sqlSink } from './sql/index.ts'
import { stdoutSink } from './stdout/index.ts'
import type { SinkDefinition } from './types.ts'

/** Every sink there is. Nothing else names them all. */
export const sinkDefinitions: readonly SinkDefinition[] = [elasticsearchSink, csvSink, stdoutSink, sqlSink, dummySink]

/** The sink of a `type` in pump.conf, in any letter case. */
export function findSink(type: string): SinkDefinition | undefined {
  const wanted = type.toLowerCase()
  return sinkDefinitions.find((definition) => definition.type === wanted)
}
