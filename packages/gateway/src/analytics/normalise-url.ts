import { RE2JS } from 're2js'
import type { Log } from '../log/log.ts'
import { fromByteString, toByteString } from '../byte-string.ts'

export interface NormaliseUrlOptions {
  readonly enabled: boolean
  readonly normalise_uuids: boolean
  readonly normalise_ulids: boolean
  readonly normalise_numbers: boolean
  readonly custom_patterns: readonly string[]
}

const UUID = /[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}/g
const ULID = /[0-7][0-9A-HJKMNP-TV-Z]{25}/gi
const NUMBER = /\/\d+/g

/**
 * Builds the function that rewrites a record's `path`, a byte string, so that `/orders/17` and `/orders/18` count as one endpoint.
 *
 * Order: UUIDs, ULIDs, numbers, then each custom pattern. Custom patterns are RE2; one that does not compile is logged
 * and left out. Returns null when nothing is enabled.
 */
export function buildUrlNormaliser(options: NormaliseUrlOptions, log: Log): ((path: string) => string) | null {
  if (!options.enabled) return null
  const steps: ((path: string) => string)[] = []
  if (options.normalise_uuids) steps.push((path) => path.replace(UUID, '{uuid}'))
  if (options.normalise_ulids) steps.push((path) => path.replace(ULID, '{ulid}'))
  if (options.normalise_numbers) steps.push((path) => path.replace(NUMBER, '/{id}'))
  for (const text of options.custom_patterns) {
    try {
      const pattern = RE2JS.compile(text)
      steps.push((path) => withoutMatches(pattern, path))
    } catch (err) {
      log.error({ err, pattern: text }, 'failed to compile custom pattern')
    }
  }
  return steps.length === 0 ? null : (path) => steps.reduce((text, step) => step(text), path)
}

/** The path is a byte string, the pattern is about characters. */
function withoutMatches(pattern: RE2JS, path: string): string {
  const text = fromByteString(path)
  const changed = pattern.matcher(text).replaceAll('{var}')
  return changed === text ? path : toByteString(changed)
}
