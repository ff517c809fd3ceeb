// Hot path.
import { compileAddressList, ipListInForce } from '../../auth/address-list.ts'
import type { Answer, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { AUTH_FAILURE } from '../../events/index.ts'

const DISALLOWED: Answer = { kind: 'error', error: gatewayErrors.ipDisallowed }

/** Keeps the listed client addresses out. */
export const ipDenyListMiddleware: MiddlewareDefinition = {
  name: 'IPBlackListMiddleware',
  compile({ definition }, { log }) {
    const { blacklisted_ips: entries, enable_ip_blacklisting: enabled } = definition
    if (!ipListInForce(definition, entries, enabled)) return null
    const includes = compileAddressList(entries, log)
    return (ctx) => {
      if (!includes(ctx.clientIp)) return undefined
      ctx.api.events?.fire('AuthFailure', ctx, ctx.clientIp, AUTH_FAILURE)
      return DISALLOWED
    }
  },
}
