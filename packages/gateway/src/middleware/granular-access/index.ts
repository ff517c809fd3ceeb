// Hot path.
import { createCountedLog, keyForLog } from '../../auth/counted-log.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { stripListenPath } from '../../proxy/upstream-url.ts'
import { compilePathPattern, type PathMatching, type PathTest } from '../../router/path-pattern.ts'
import type { AccessRight } from '../../session/access-rights.ts'

const DISALLOWED: Answer = { kind: 'error', error: gatewayErrors.resourceDisallowed }

interface AllowedPattern {
  readonly pattern: PathTest
  readonly methods: readonly string[]
}

/** Holds a key to the paths and methods that its right to the API lists, if it lists any. */
export const granularAccessMiddleware: MiddlewareDefinition = {
  name: 'GranularAccessMiddleware',
  compile({ definition, apiId }, deps) {
    if (definition.use_keyless) return null
    const options = deps.config.http_server_options
    const matching = { prefix: options.enable_path_prefix_matching, suffix: options.enable_path_suffix_matching }
    const failures = createCountedLog(deps.log, 'info', deps.now)
    // By right: sessions that share their policies' result share its patterns.
    const compiled = new WeakMap<AccessRight, readonly AllowedPattern[]>()
    const patternsOf = (right: AccessRight): readonly AllowedPattern[] => {
      let patterns = compiled.get(right)
      if (patterns === undefined) {
        patterns = compileAllowed(right, matching, deps)
        compiled.set(right, patterns)
      }
      return patterns
    }
    return (ctx) => {
      if (ctx.authIgnored || ctx.session === null) return undefined
      const right = ctx.session.access_rights[apiId]
      if (right === undefined || right.allowed_urls.length === 0) return undefined
      if (isAllowed(ctx, patternsOf(right), matching)) return undefined
      failures.note('Attempted access to unauthorised endpoint.', () => ({
        api_id: apiId,
        key: keyForLog(ctx.token, deps.config.enable_key_logging),
      }))
      return DISALLOWED
    }
  },
}

function compileAllowed(right: AccessRight, matching: PathMatching, deps: ChainDeps): AllowedPattern[] {
  return right.allowed_urls.flatMap(({ url, methods }) => {
    const pattern = compilePathPattern(url, matching)
    if (pattern !== null) return [{ pattern, methods }]
    deps.log.error({ url }, 'allowed_urls: not a regular expression, entry skipped')
    return []
  })
}

function isAllowed(ctx: RequestContext, patterns: readonly AllowedPattern[], matching: PathMatching): boolean {
  // With prefix matching a pattern may leave the listen path out; without it the whole path is searched.
  const stripped = matching.prefix ? stripListenPath(ctx.path, ctx.api.upstream.listenPath) : null
  return patterns.some(
    ({ pattern, methods }) =>
      methods.includes(ctx.method) && ((stripped !== null && pattern(stripped)) || pattern(ctx.path)),
  )
}
