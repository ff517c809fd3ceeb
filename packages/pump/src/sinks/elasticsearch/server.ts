import type { ConfiguredVersion } from './settings.ts'
import type { NodeAnswer } from './transport.ts'

/** What is known of the other side. */
export interface Server {
  /** As it says itself, else as configured, which may be the first number alone; null when neither says it. */
  readonly version: string | null
  readonly distribution: 'elasticsearch' | 'opensearch' | 'unknown'
  /** Servers before version 7 want a mapping type with each document, later ones refuse it. */
  readonly typed: boolean
  /** The official client accepts it. */
  readonly official: boolean
}

/**
 * Decides from the answer to `GET /`. What the server says wins over the configured version, so that a configuration
 * written for an older server goes on working after an upgrade.
 */
export function recogniseServer(answer: NodeAnswer, configured: ConfiguredVersion): Server {
  const version = readVersion(answer)
  if (!version) return assumeServer(configured)
  const { number, opensearch } = version
  const [major = 0, minor = 0] = number.split('.').map(Number)
  if (opensearch) return { version: number, distribution: 'opensearch', typed: false, official: false }
  // From 7.14 on servers name their product; the client refuses those that do not. 7.11 brought its media types.
  const official = answer.productHeader === 'Elasticsearch' && (major > 7 || (major === 7 && minor >= 14))
  return { version: number, distribution: 'elasticsearch', typed: major < 7, official }
}

/** For a server that does not let us see its version, such as one whose API key may only write. */
function assumeServer(configured: ConfiguredVersion): Server {
  if (configured === 'auto') return { version: null, distribution: 'unknown', typed: false, official: false }
  if (configured === 'opensearch') return { version: null, distribution: 'opensearch', typed: false, official: false }
  return { version: configured, distribution: 'elasticsearch', typed: Number(configured) < 7, official: false }
}

function readVersion(answer: NodeAnswer): { number: string; opensearch: boolean } | null {
  if (answer.status !== 200) return null
  const version = (answer.body as { version?: { number?: unknown; distribution?: unknown } } | null | undefined)
    ?.version
  if (typeof version?.number !== 'string' || !/^\d+\./.test(version.number)) return null
  return { number: version.number, opensearch: version.distribution === 'opensearch' }
}

/** Whether its version is this one or newer. What is not known of it counts as current. */
export function isAtLeast({ version }: Server, major: number, minor: number): boolean {
  if (version === null) return true
  const [itsMajor = 0, itsMinor = Infinity] = version.split('.').map(Number)
  return itsMajor > major || (itsMajor === major && itsMinor >= minor)
}
