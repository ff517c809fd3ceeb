import type { ApiDefinition, ApiVersion } from '../../api-definition/schema.ts'
import { expiryOf } from '../../api-definition/version.ts'
import type { Answer } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'

export interface Expiry {
  /** From here on requests are refused; Infinity: never. */
  readonly endMs: number
  readonly answer: Answer
  /** Until here answers tell the date in `header`; -Infinity: they do not. */
  readonly announcedMs: number
  readonly header: string
}

/**
 * When an API or a version of it ends; null when there is nothing to refuse or to tell.
 *
 * The API's own date ends an API without versions, that of the version one with them. Answers tell the API's date, or
 * else that of the version, also where it ends nothing.
 */
export function compileExpiry(version: ApiVersion, definition: ApiDefinition): Expiry | null {
  const ofApi = expiryOf(definition.expiration)
  const ofVersion = expiryOf(version.expires)
  const notVersioned = definition.version_data.not_versioned
  const endMs = notVersioned ? ofApi : ofVersion
  const announcedMs = [ofApi, ofVersion].find(Number.isFinite) ?? -Infinity
  if (endMs === Infinity && announcedMs === -Infinity) return null
  return {
    endMs,
    answer: { kind: 'error', error: notVersioned ? gatewayErrors.apiHasExpired : gatewayErrors.versionHasExpired },
    announcedMs,
    header: announcedMs === -Infinity ? '' : new Date(announcedMs).toUTCString().replace('GMT', 'UTC'),
  }
}
