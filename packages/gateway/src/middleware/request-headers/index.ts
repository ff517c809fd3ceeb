// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { ApiVersion } from '../../api-definition/schema.ts'
import type { RequestContext } from '../../chain/context.ts'
import { changeHeaders, compileHeaderChanges, type HeaderChanges } from '../../chain/header-changes.ts'
import type { ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { compilePerVersion } from '../../chain/versioned.ts'
import { compileEndpoints, entriesOf } from '../../router/endpoint.ts'

/** Removes and sets request headers, with variables: those of the whole version first, then those of the endpoint. */
export const requestHeadersMiddleware: MiddlewareDefinition = {
  name: 'RequestHeaderInjector',
  compile: (api, deps) => compilePerVersion(api.definition, undefined, (version) => compileStep(version, api, deps)),
}

function compileStep(version: ApiVersion, api: CompiledApi, deps: ChainDeps): Middleware | null {
  const whole = version.global_headers_disabled
    ? null
    : compileHeaderChanges(version.global_headers_remove, version.global_headers, deps)
  const find = compileEndpoints(entriesOf(version, 'transform_headers'), api, deps, (entry) =>
    compileHeaderChanges(entry.delete_headers, entry.add_headers, deps),
  )
  if (whole === null && find === null) return null
  return (ctx) => {
    if (whole !== null) change(ctx, whole)
    const endpoint = find === null ? null : find(ctx.method, ctx.path)
    if (endpoint !== null) change(ctx, endpoint)
    return undefined
  }
}

function change(ctx: RequestContext, changes: HeaderChanges): void {
  changeHeaders(ctx.headers, changes, ctx)
  if (changes.remove.includes('X-Forwarded-For')) ctx.omitForwardedFor = true
}
