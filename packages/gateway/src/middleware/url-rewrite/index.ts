// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { ApiVersion } from '../../api-definition/schema.ts'
import { createCountedLog } from '../../auth/counted-log.ts'
import type { RequestContext } from '../../chain/context.ts'
import { readBody } from '../../chain/read-body.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { compilePerVersion } from '../../chain/versioned.ts'
import { compileEndpoints, entriesOf } from '../../router/endpoint.ts'
import { compileRewrite, type Rewrite } from './rewrite.ts'

/** Bodies are searched up to this length; what is longer matches no trigger. */
const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024

/**
 * Rewrites the URL of an endpoint's requests by a pattern and its triggers. Later steps still see the client's URL; the
 * new one takes effect when the request goes upstream.
 */
export const urlRewriteMiddleware: MiddlewareDefinition = {
  name: 'URLRewriteMiddleware',
  compile: (api, deps) => compilePerVersion(api.definition, undefined, (version) => compileStep(version, api, deps)),
}

function compileStep(version: ApiVersion, api: CompiledApi, deps: ChainDeps): Middleware | null {
  const find = compileEndpoints(entriesOf(version, 'url_rewrites'), api, deps, (entry) => compileRewrite(entry, deps))
  if (find === null) return null
  const problems = createCountedLog(deps.log, 'error', deps.now)
  const rewrite = (ctx: RequestContext, rule: Rewrite, payload: string | null): Answer | undefined => {
    const outcome = rule.apply(ctx, payload)
    if (outcome === null) return undefined
    if (outcome.kind === 'error') return outcome
    if (outcome.kind === 'url') ctx.rewrite = outcome.url
    else problems.note('URL rewrite gave no usable URL, request not rewritten', () => ({ reason: outcome.reason }))
    return undefined
  }
  return (ctx) => {
    const rule = find(ctx.method, ctx.path)
    if (rule === null) return undefined
    if (!rule.needsPayload) return rewrite(ctx, rule, null)
    return readBody(ctx, MAX_PAYLOAD_BYTES).then((body) => {
      if (body === null) problems.note('body too long for the payload triggers of a URL rewrite', () => ({}))
      return rewrite(ctx, rule, body === null ? null : body.toString('latin1'))
    })
  }
}
