// Hot path.
import { toByteString } from '../../byte-string.ts'
import type { ApiDefinition, AuthConfig } from '../../api-definition/schema.ts'
import { withoutQueryParameter } from '../../auth/query.ts'
import { canonicalHeaderName, type HeaderList } from '../../chain/headers.ts'
import type { MiddlewareDefinition } from '../../chain/types.ts'

/** Takes the places where credentials are read out of the request before it goes upstream. */
export const stripAuthMiddleware: MiddlewareDefinition = {
  name: 'StripAuth',
  compile({ definition }) {
    if (definition.use_keyless || !definition.strip_auth_data) return null
    const places = configsToStrip(definition).map(placesOf)
    return (ctx) => {
      for (const { header, param, cookie } of places) {
        if (param !== null && ctx.query !== '') ctx.query = withoutQueryParameter(ctx.query, param)
        ctx.headers.delete(header)
        removeCookie(ctx.headers, cookie)
      }
      return undefined
    }
  },
}

/** Every entry counts, whether its way of authentication is on or not. */
function configsToStrip(definition: ApiDefinition): AuthConfig[] {
  const configs = Object.values(definition.auth_configs)
  return configs.length > 0 ? configs : [definition.auth]
}

function placesOf(config: AuthConfig): {
  readonly header: string
  readonly param: string | null
  readonly cookie: string
} {
  const name = config.auth_header_name === '' ? 'Authorization' : config.auth_header_name
  return {
    header: canonicalHeaderName(name),
    param: config.use_param ? toByteString(config.param_name === '' ? name : config.param_name) : null,
    cookie: toByteString(config.cookie_name === '' ? name : config.cookie_name),
  }
}

/**
 * Removes from each Cookie line the first item that begins with the name; what is left stays as it was, even an empty
 * line.
 */
function removeCookie(headers: HeaderList, name: string): void {
  const { pairs } = headers
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs[i] !== 'Cookie') continue
    const items = (pairs[i + 1] as string).split(';')
    const at = items.findIndex((item) => item.trim().startsWith(name))
    if (at === -1) continue
    items.splice(at, 1)
    pairs[i + 1] = items.join(';')
  }
}
