import type { ConfigOf, ConfigRow, ConfigSection } from '../../src/config/section.ts'

type Values = { readonly [key: string]: unknown }

/** A section's defaults with some values over them, as the loader would hand it to a sink. */
export function optionsOf<S extends ConfigSection>(section: S, values: Values = {}): ConfigOf<S> {
  return Object.freeze(merge(section, values)) as ConfigOf<S>
}

function merge(section: ConfigSection, values: Values): Values {
  const merged: Record<string, unknown> = {}
  for (const [key, entry] of Object.entries(section)) {
    const given = values[key]
    merged[key] = isRow(entry) ? (given ?? entry.default) : merge(entry, (given ?? {}) as Values)
  }
  return merged
}

const isRow = (entry: ConfigRow | ConfigSection): entry is ConfigRow =>
  typeof entry['format'] !== 'undefined' && 'doc' in entry
