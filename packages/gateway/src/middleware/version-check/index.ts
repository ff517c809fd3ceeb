import { defaultVersionIsAmbiguous, expiryOf, versionOf } from '../../api-definition/version.ts'
import type { Answer, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'

/**
 * Picks the version object and checks the API's expiry.
 *
 * APIs with several versions and those with path lists are refused at load (see `api-definition/guards.ts`), so what is
 * left here is decided once, not per request.
 */
export const versionCheckMiddleware: MiddlewareDefinition = {
  name: 'VersionCheck',
  compile(api, deps): Middleware | null {
    const { definition } = api
    if (defaultVersionIsAmbiguous(definition)) return always(gatewayErrors.ambiguousDefaultVersion)
    if (versionOf(definition) === null) return always(gatewayErrors.noDefaultVersion)
    const expiresAt = expiryOf(definition.expiration)
    if (expiresAt === Infinity) return null
    const expired: Answer = { kind: 'error', error: gatewayErrors.apiHasExpired }
    const header = new Date(expiresAt).toUTCString().replace('GMT', 'UTC')
    return (ctx) => {
      if (deps.now() > expiresAt) return expired
      ctx.answerHeaders.push('X-Tyk-Api-Expires', header)
      return undefined
    }
  },
}

function always(error: ErrorRow): Middleware {
  const answer: Answer = { kind: 'error', error }
  return () => answer
}
