import { isOldVariable } from './old-keys.ts'
import type { PlacedRow } from './section.ts'
import { suggest } from './suggest.ts'

const PREFIX = 'TYK_GW_'

/** Variables of Tyk that set no key: read before any file, without meaning here, or free in their last part. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['TYK_GW_OMITCONFIGFILE', 'TYK_GW_OAS_VALIDATE_EXAMPLES'])
const VARIABLE_FAMILIES = ['TYK_GW_TRACER_OPTIONS_'] as const

/** The variables that look like ours and set nothing, each with the one that may have been meant. */
export function unknownVariables(rows: readonly PlacedRow[], env: NodeJS.ProcessEnv): string[] {
  const known = rows.flatMap(({ row }) => (row.env === undefined ? [] : [row.env]))
  const isKnown = new Set([...known, ...OTHER_VARIABLES])
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !isKnown.has(name) && !isOldVariable(name))
    .filter((name) => !VARIABLE_FAMILIES.some((family) => name.startsWith(family)))
    .toSorted()
    .map((name) => suggest(name, [...isKnown]))
}

/** The keys of a file that no section declares, each with the one that may have been meant. */
export function describeUnknownKeys(rows: readonly PlacedRow[], keys: readonly string[]): string[] {
  if (keys.length === 0) return []
  const known = new Set(rows.filter(({ row }) => !row.envOnly).flatMap(({ key }) => withSections(key)))
  return keys.map((key) => suggest(key, [...known]))
}

/** `a.b.c` → `a`, `a.b`, `a.b.c`. */
function withSections(key: string): string[] {
  const parts = key.split('.')
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'))
}
