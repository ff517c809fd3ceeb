// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { ApiVersion } from '../../api-definition/schema.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { compilePerVersion } from '../../chain/versioned.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { compileEndpoints, entriesOf } from '../../router/endpoint.ts'

const NOT_ALLOWED: Answer = { kind: 'error', error: gatewayErrors.methodNotAllowed }

const ALLOWED = new Set(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])

/** Gives requests of an endpoint another method on their way upstream. */
export const methodTransformMiddleware: MiddlewareDefinition = {
  name: 'TransformMethod',
  compile: (api, deps) => compilePerVersion(api.definition, undefined, (version) => compileStep(version, api, deps)),
}

function compileStep(version: ApiVersion, api: CompiledApi, deps: ChainDeps): Middleware | null {
  const find = compileEndpoints(entriesOf(version, 'method_transforms'), api, deps, (entry) =>
    entry.to_method.toUpperCase(),
  )
  if (find === null) return null
  return (ctx) => {
    const method = find(ctx.method, ctx.path)
    if (method === null) return undefined
    if (!ALLOWED.has(method)) return NOT_ALLOWED
    ctx.upstreamMethod = method
    return undefined
  }
}
