import type { ConfiguredSink } from './load.ts'
import type { DeadLetterConfig } from './schema.ts'

/** The sink in whose target dead letters are kept, or what is wrong with the configuration. */
export function findDeadLetterSink(
  { sink: wanted }: DeadLetterConfig,
  sinks: readonly ConfiguredSink[],
): ConfiguredSink | { readonly key: string; readonly problem: string } {
  const able = sinks.filter(({ definition }) => definition.deadLetters !== undefined)
  const found = wanted === '' ? able[0] : able.find(({ name }) => name === wanted.toUpperCase())
  if (found !== undefined) return found
  const there = able.length === 0 ? 'there is none' : `there is ${able.map(({ name }) => name).join(', ')}`
  return wanted === ''
    ? { key: 'destination', problem: `"elasticsearch" needs a sink of type elasticsearch, ${there}` }
    : { key: 'sink', problem: `expected a sink of type elasticsearch, ${there}; got "${wanted}"` }
}
