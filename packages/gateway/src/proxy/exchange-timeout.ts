// Hot path.
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { ApiVersion } from '../api-definition/schema.ts'
import type { RequestContext } from '../chain/context.ts'
import type { ChainDeps } from '../chain/types.ts'
import { compilePerVersion } from '../chain/versioned.ts'
import { compileEndpoints, entriesOf } from '../router/endpoint.ts'

/**
 * Milliseconds that a request may take upstream from its beginning to the last byte of the answer, by its endpoint or
 * else its version; 0: no limit. Null for an API that sets none.
 *
 * Tyk compares the path as it is sent upstream, so with prefix matching a target with a base path takes its endpoints
 * out of force; here the client's path counts as well.
 */
export function compileExchangeTimeout(api: CompiledApi, deps: ChainDeps): ((ctx: RequestContext) => number) | null {
  return compilePerVersion<[], number>(api.definition, 0, (version) => compileVersion(version, api, deps))
}

type Timeout = (ctx: RequestContext) => number

function compileVersion(version: ApiVersion, api: CompiledApi, deps: ChainDeps): Timeout | null {
  const entries = entriesOf(version, 'hard_timeouts')
  const msOf = ({ duration, timeout }: (typeof entries)[number]): number => (duration > 0 ? duration : timeout * 1000)
  const byClientPath = compileEndpoints(entries, api, deps, msOf)
  const byUpstreamPath = compileEndpoints(entries, api, deps, msOf, (path) => [path])
  const whole = version.global_enforce_timeout_disabled ? 0 : Math.max(0, version.global_enforce_timeout)
  if (byClientPath === null && whole === 0) return null
  return (ctx) => {
    const method = ctx.upstreamMethod ?? ctx.method
    const ms = byClientPath?.(method, ctx.path) ?? byUpstreamPath?.(method, ctx.upstreamPath ?? ctx.path) ?? 0
    return ms > 0 ? ms : whole
  }
}
