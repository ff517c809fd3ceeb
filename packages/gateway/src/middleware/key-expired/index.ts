// Hot path.
import { createCountedLog, keyForLog } from '../../auth/counted-log.ts'
import type { Answer, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'

const SESSION_MISSING: Answer = { kind: 'error', error: gatewayErrors.sessionMissing }
const INACTIVE: Answer = { kind: 'error', error: gatewayErrors.keyInactive }
const EXPIRED: Answer = { kind: 'error', error: gatewayErrors.keyExpired }
const FROM_INACTIVE = 'Attempted access from inactive key.'
const FROM_EXPIRED = 'Attempted access from expired key.'

/** Refuses keys that were switched off or have expired. */
export const keyExpiredMiddleware: MiddlewareDefinition = {
  name: 'KeyExpired',
  compile({ definition, apiId }, deps) {
    if (definition.use_keyless) return null
    const failures = createCountedLog(deps.log, 'info', deps.now)
    // A session made from a token takes over the token's expiry. The leeway that let the token through holds here too;
    // in Tyk such a token still fails at this step.
    const tokenLeewaySeconds = definition.enable_jwt ? definition.jwt_expires_at_validation_skew : 0
    return (ctx) => {
      if (ctx.authIgnored) return undefined
      const { session, token } = ctx
      if (session === null) return SESSION_MISSING
      const fields = () => ({ mw: 'KeyExpired', api_id: apiId, key: keyForLog(token, deps.config.enable_key_logging) })
      if (session.is_inactive) {
        failures.note(FROM_INACTIVE, fields)
        ctx.api.events?.fire('KeyExpired', ctx, token, FROM_INACTIVE)
        return INACTIVE
      }
      if (session.expires < 1) return undefined
      const leewaySeconds = session.meta_data?.['TykJWTSessionID'] === undefined ? 0 : tokenLeewaySeconds
      if (Math.floor(deps.now() / 1000) <= session.expires + leewaySeconds) return undefined
      failures.note(FROM_EXPIRED, fields)
      ctx.api.events?.fire('KeyExpired', ctx, token, FROM_EXPIRED)
      return EXPIRED
    }
  },
}
