// Hot path.
import { compileAddressList, ipListInForce } from '../../auth/address-list.ts'
import type { Answer, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { AUTH_FAILURE } from '../../events/index.ts'

const DISALLOWED: Answer = { kind: 'error', error: gatewayErrors.ipDisallowed }

/** Lets only the listed client addresses in. */
export const ipAllowListMiddleware: MiddlewareDefinition = {
  name: 'IPWhiteListMiddleware',
  compile({ definition }, { log }) {
    const { allowed_ips: entries, enable_ip_whitelisting: enabled } = definition
    if (!ipListInForce(definition, entries, enabled)) return null
    const includes = compileAddressList(entries, log)
    return (ctx) => {
      if (includes(ctx.clientIp)) return undefined
      ctx.api.events?.fire('AuthFailure', ctx, ctx.clientIp, AUTH_FAILURE)
      return DISALLOWED
    }
  },
}
