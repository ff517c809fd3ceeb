import type { SinkDefinition } from '../sinks/types.ts'
import { pumpConfig, sinkOptions } from './schema.ts'
import { type ConfigSection, rowsOf } from './section.ts'
import type { SinkEntry } from './sink-entries.ts'
import { suggest } from './suggest.ts'

const PREFIX = 'TYK_PMP_'

/** `TYK_PMP_PUMPS_<NAME>_…` */
const OF_A_SINK = /^TYK_PMP_PUMPS_[^_]+_/

/** Read by the command line, not by a key. */
const OTHER_VARIABLES = ['TYK_PMP_BUILDDEMODATA'] as const

/**
 * The variables that look like ours and set nothing, each with the one that may have been meant. What belongs to a sink
 * that is left out, because its type is missing or unknown, has been told about already.
 */
export function unknownVariables(
  env: NodeJS.ProcessEnv,
  entries: readonly SinkEntry[],
  find: (type: string) => SinkDefinition | undefined,
): string[] {
  const loaded = entries.filter(({ type }) => find(type) !== undefined)
  const known = new Set<string>([...OTHER_VARIABLES, ...coreNames(), ...loaded.flatMap((one) => namesOf(one, find))])
  const isLeftOut = (name: string): boolean =>
    OF_A_SINK.test(name) && !loaded.some(({ envPrefix }) => name.startsWith(`${envPrefix}_`))
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.has(name) && !isLeftOut(name))
    .toSorted()
    .map((name) => suggest(name, [...known]))
}

function coreNames(): string[] {
  const rows = rowsOf(pumpConfig)
  const names = rows.flatMap(({ row }) => row.env ?? [])
  return names.concat(rows.flatMap(({ row }) => row.envOverrides ?? []))
}

function namesOf(entry: SinkEntry, find: (type: string) => SinkDefinition | undefined): string[] {
  const definition = find(entry.type)
  if (definition === undefined) return []
  const own = `${entry.envPrefix}_META`
  const prefixes = new Set([own, definition.envPrefix, ...(entry.metaPrefix === null ? [] : [entry.metaPrefix])])
  return [
    `${entry.envPrefix}_TYPE`,
    own,
    ...suffixed(sinkOptions, entry.envPrefix),
    ...[...prefixes].flatMap((prefix) => suffixed(definition.options, prefix)),
  ]
}

function suffixed(section: ConfigSection, prefix: string): string[] {
  return rowsOf(section).flatMap(({ row }) => (row.env === undefined ? [] : [`${prefix}_${row.env}`]))
}
