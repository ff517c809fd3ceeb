// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { ApiVersion } from '../../api-definition/schema.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { compilePerVersion } from '../../chain/versioned.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { compileEndpoints, entriesOf } from '../../router/endpoint.ts'

const LENGTH_REQUIRED: Answer = { kind: 'error', error: gatewayErrors.lengthRequired }
const NOT_AN_INTEGER: Answer = { kind: 'error', error: gatewayErrors.lengthNotInteger }
const TOO_LARGE: Answer = { kind: 'error', error: gatewayErrors.requestTooLarge }

const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

/** Holds request bodies to the length that their version and endpoint allow, by the length they announce. */
export const requestSizeLimitMiddleware: MiddlewareDefinition = {
  name: 'RequestSizeLimitMiddleware',
  compile: (api, deps) => compilePerVersion(api.definition, undefined, (version) => compileStep(version, api, deps)),
}

function compileStep(version: ApiVersion, api: CompiledApi, deps: ChainDeps): Middleware | null {
  const find = compileEndpoints(entriesOf(version, 'size_limits'), api, deps, (entry) => entry.size_limit)
  const { global_size_limit: wholeLimit, global_size_limit_disabled: wholeDisabled } = version
  // The switch keeps the step out, no more: one that an endpoint brings in checks the limit of the version as well.
  if (find === null && (wholeLimit <= 0 || wholeDisabled)) return null
  return (ctx) => {
    if (WITHOUT_BODY.has(ctx.method)) return undefined
    const answer = wholeLimit > 0 ? checkLength(ctx, wholeLimit) : undefined
    if (answer !== undefined || find === null) return answer
    const limit = find(ctx.method, ctx.path)
    return limit === null ? undefined : checkLength(ctx, limit)
  }
}

function checkLength(ctx: RequestContext, limit: number): Answer | undefined {
  const text = ctx.headers.get('Content-Length')
  if (text === null || text === '') return LENGTH_REQUIRED
  const length = Number(text)
  if (!Number.isInteger(length)) return NOT_AN_INTEGER
  return length > limit ? TOO_LARGE : undefined
}
