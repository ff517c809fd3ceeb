import type { ApiDefinition, ApiVersion } from './schema.ts'

/** The version that serves every request of an API without versions; null when the definition leaves it open. */
export function versionOf(definition: ApiDefinition): ApiVersion | null {
  const { versions } = definition.version_data
  const names = Object.keys(versions)
  if (names.length === 1) return versions[names[0] as string] ?? null
  return versions['Default'] ?? versions['default'] ?? versions[''] ?? null
}

/** More than one of the names that could mean "the default version" is there. */
export function defaultVersionIsAmbiguous(definition: ApiDefinition): boolean {
  const { versions } = definition.version_data
  return ['Default', 'default', ''].filter((name) => versions[name] !== undefined).length > 1
}

/** The versions that can serve a request of the API: one without versioning, else all, in the order of the definition. */
export function servedVersions(definition: ApiDefinition): readonly ServedVersion[] {
  const { versions, not_versioned: notVersioned } = definition.version_data
  const only = notVersioned ? versionOf(definition) : null
  return Object.entries(versions)
    .map(([name, version]) => ({ name, version }))
    .filter(({ version }) => !notVersioned || version === only)
}

export interface ServedVersion {
  /** The key under which the definition has it; what a request names. */
  readonly name: string
  readonly version: ApiVersion
}

/**
 * Milliseconds since 1970 of an expiry date `YYYY-MM-DD HH:MM` (UTC); Infinity: never. A date that cannot be read
 * counts as past, as in Tyk.
 */
export function expiryOf(text: string): number {
  if (text === '' || text === '-1') return Infinity
  const match = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d)$/.exec(text)
  if (match === null) return -Infinity
  const [year, month, day, hour, minute] = match.slice(1).map(Number) as [number, number, number, number, number]
  return Date.UTC(year, month - 1, day, hour, minute)
}
