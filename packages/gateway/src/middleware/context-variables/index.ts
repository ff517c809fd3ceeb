// Hot path.
import { contextVariable } from '../../chain/context-variables.ts'
import type { RequestContext } from '../../chain/context.ts'
import { readBody } from '../../chain/read-body.ts'
import type { Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { referencedContextVariables } from '../../chain/variables.ts'

/** Go reads at most this much of a form body. */
const MAX_FORM_BYTES = 10 * 1024 * 1024
const FORM_METHODS = new Set(['POST', 'PUT', 'PATCH'])

/**
 * Fills `$tyk_context`.
 *
 * Variables that the definition names are read here, before later steps change the request; others when somebody asks.
 */
export const contextVariablesMiddleware: MiddlewareDefinition = {
  name: 'MiddlewareContextVars',
  compile(api): Middleware | null {
    if (!api.definition.enable_context_vars) return null
    const names = referencedContextVariables(JSON.stringify(api.definition))
    const wantsForm = names.some((name) => name.startsWith('request_data'))
    const fill = (ctx: RequestContext): undefined => {
      for (const name of names) contextVariable(ctx, name)
    }
    return (ctx) => {
      ctx.variables = new Map()
      if (wantsForm && carriesForm(ctx)) return readForm(ctx).then(() => fill(ctx))
      return fill(ctx)
    }
  },
}

function carriesForm(ctx: RequestContext): boolean {
  const type = ctx.headers.get('Content-Type')
  return (
    FORM_METHODS.has(ctx.method) && type?.split(';')[0]?.trim().toLowerCase() === 'application/x-www-form-urlencoded'
  )
}

async function readForm(ctx: RequestContext): Promise<void> {
  const body = await readBody(ctx, MAX_FORM_BYTES)
  if (body !== null) ctx.formBody = body.toString('latin1')
}
