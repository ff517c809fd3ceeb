// Hot path.
import type { ApiDefinition } from '../../api-definition/schema.ts'
import { canonicalHeaderName } from '../../chain/headers.ts'
import type { RequestContext } from '../../chain/context.ts'
import { isPreflight } from '../../chain/preflight.ts'
import type { Answer, MiddlewareDefinition } from '../../chain/types.ts'
import { compileCorsRules, type CorsRules } from './rules.ts'

const VARY_PREFLIGHT = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'

/**
 * Answers preflights and gives other answers the headers that let a page of another origin read them. Those are set
 * before authentication, so that a page can read why it was refused as well.
 */
export const corsMiddleware: MiddlewareDefinition = {
  name: 'CORSMiddleware',
  compile({ definition }) {
    // With passthrough no OPTIONS request comes here at all.
    if (!definition.CORS.enable) return null
    const rules = compileCorsRules(definition.CORS)
    const shared = sharedHeaders(definition)
    return (ctx) => {
      if (isPreflight(ctx)) return preflightAnswer(ctx, rules)
      const { answerHeaders } = ctx
      answerHeaders.push('Vary', 'Origin')
      const origin = ctx.headers.get('Origin')
      if (origin !== null && origin !== '' && rules.allowsOrigin(origin) && rules.allowsMethod(ctx.method)) {
        answerHeaders.push('Access-Control-Allow-Origin', rules.anyOrigin ? '*' : origin)
        for (const part of shared) answerHeaders.push(part)
      }
      return ctx.method === 'OPTIONS' ? EMPTY : undefined
    }
  },
}

const EMPTY: Answer = Object.freeze({ kind: 'reply', status: 200, headers: [], body: '' })

/** Headers that do not depend on the request. */
function sharedHeaders({ CORS }: ApiDefinition): string[] {
  const headers: string[] = []
  if (CORS.exposed_headers.length > 0) {
    headers.push('Access-Control-Expose-Headers', CORS.exposed_headers.map(canonicalHeaderName).join(', '))
  }
  if (CORS.allow_credentials) headers.push('Access-Control-Allow-Credentials', 'true')
  return headers
}

/** 204 whether it is allowed or not: that nothing more is said is the refusal. */
function preflightAnswer(ctx: RequestContext, rules: CorsRules): Answer {
  const headers = ['Vary', VARY_PREFLIGHT]
  const origin = ctx.headers.get('Origin')
  const method = ctx.headers.get('Access-Control-Request-Method') as string
  const wanted = ctx.headers.get('Access-Control-Request-Headers') ?? ''
  if (
    origin !== null &&
    origin !== '' &&
    rules.allowsOrigin(origin) &&
    rules.allowsMethod(method) &&
    rules.allowsHeaders(wanted)
  ) {
    headers.push('Access-Control-Allow-Origin', rules.anyOrigin ? '*' : origin, 'Access-Control-Allow-Methods', method)
    if (wanted !== '') headers.push('Access-Control-Allow-Headers', wanted)
    headers.push(...rules.preflightHeaders)
  }
  return { kind: 'reply', status: 204, headers, body: '' }
}
