import { canonicalHeaderName } from '../../chain/headers.ts'
import type { Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { compileTemplate } from '../../chain/variables.ts'
import { versionOf } from '../../api-definition/version.ts'

/** Removes and sets request headers of the whole API: `global_headers_remove`, then `global_headers` with variables. */
export const requestHeadersMiddleware: MiddlewareDefinition = {
  name: 'RequestHeaderInjector',
  compile(api, deps): Middleware | null {
    const version = versionOf(api.definition)
    if (version === null || version.global_headers_disabled) return null
    const removed = version.global_headers_remove.map(canonicalHeaderName)
    const sources = { env: deps.env, secrets: deps.config.secrets }
    const set = Object.entries(version.global_headers)
      .map(([name, value]) => [canonicalHeaderName(name), compileTemplate(value, sources)] as const)
      // Host is not a header of the list; setting it has no effect in Tyk either.
      .filter(([name]) => name !== 'Host')
    if (removed.length === 0 && set.length === 0) return null
    return (ctx) => {
      for (const name of removed) ctx.headers.delete(name)
      for (const [name, value] of set) ctx.headers.set(name, value(ctx))
      return undefined
    }
  },
}
