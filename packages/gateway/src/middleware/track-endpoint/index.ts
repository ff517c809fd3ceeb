// Hot path.
import { toByteString } from '../../byte-string.ts'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { ApiVersion } from '../../api-definition/schema.ts'
import type { ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { compilePerVersion } from '../../chain/versioned.ts'
import { compileEndpoints, entriesOf } from '../../router/endpoint.ts'

/** Marks requests whose record is to carry the pattern in place of their path, and those that are to leave none. */
export const trackEndpointMiddleware: MiddlewareDefinition = {
  name: 'TrackEndpointMiddleware',
  compile(api, deps) {
    if (api.definition.do_not_track || !deps.config.enable_analytics) return null
    return compilePerVersion(api.definition, undefined, (version) => compileStep(version, api, deps))
  },
}

function compileStep(version: ApiVersion, api: CompiledApi, deps: ChainDeps): Middleware | null {
  const tracked = compileEndpoints(entriesOf(version, 'track_endpoints'), api, deps, ({ path }) => toByteString(path))
  const untracked = compileEndpoints(entriesOf(version, 'do_not_track_endpoints'), api, deps, () => true)
  if (tracked === null && untracked === null) return null
  return (ctx) => {
    if (tracked !== null) ctx.trackedPath = tracked(ctx.method, ctx.path)
    if (untracked?.(ctx.method, ctx.path) === true) ctx.doNotTrack = true
    return undefined
  }
}
