// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { ApiVersion } from '../../api-definition/schema.ts'
import { defaultVersionIsAmbiguous, versionOf } from '../../api-definition/version.ts'
import type { RequestContext } from '../../chain/context.ts'
import { isPreflight } from '../../chain/preflight.ts'
import type { Answer, ChainDeps, MiddlewareDefinition } from '../../chain/types.ts'
import { compileVersionChoice } from '../../chain/version-choice.ts'
import { compilePerVersion } from '../../chain/versioned.ts'
import { gatewayErrors, type ErrorRow } from '../../errors/catalogue.ts'
import type { ApiEvents } from '../../events/index.ts'
import { compileExpiry } from './expiry.ts'
import { compileLists } from './lists.ts'

const REFUSED = 'Attempted access to disallowed version / path.'

type Step = (ctx: RequestContext) => Answer | undefined

/** Finds the version that serves a request, refuses it when that has expired, and asks the version's lists of paths. */
export const versionCheckMiddleware: MiddlewareDefinition = {
  name: 'VersionCheck',
  compile(api, deps) {
    const step = compileStep(api, deps)
    return step !== null && api.events?.wants('VersionFailure') === true ? withEvents(step, api.events) : step
  },
}

function compileStep(api: CompiledApi, deps: ChainDeps): Step | null {
  const { definition } = api
  if (definition.version_data.not_versioned) {
    if (defaultVersionIsAmbiguous(definition)) return always(gatewayErrors.ambiguousDefaultVersion)
    if (versionOf(definition) === null) return always(gatewayErrors.noDefaultVersion)
  }
  const choose = compileVersionChoice(api)
  const check = compilePerVersion<[], Answer | undefined>(definition, undefined, (version) =>
    compileVersion(version, api, deps),
  )
  if (choose === null) return check
  return (ctx) => {
    const error = choose(ctx)
    if (error !== null) return { kind: 'error', error }
    return check?.(ctx)
  }
}

/** Tells the handlers of an API that a request was refused for its version or path, and why. */
function withEvents(step: Step, events: ApiEvents): Step {
  return (ctx) => {
    const answer = step(ctx)
    if (answer?.kind === 'error') events.fire('VersionFailure', ctx, '', REFUSED, { Reason: answer.error.message })
    return answer
  }
}

function always(error: ErrorRow): Step {
  const answer: Answer = { kind: 'error', error }
  return () => answer
}

function compileVersion(version: ApiVersion, api: CompiledApi, deps: ChainDeps): Step | null {
  const expiry = compileExpiry(version, api.definition)
  const lists = compileLists(version, api, deps)
  if (expiry === null && lists === null) return null
  const { CORS } = api.definition
  const leavesPreflights = CORS.enable && !CORS.options_passthrough
  return (ctx) => {
    const nowMs = expiry === null ? 0 : deps.now()
    if (expiry !== null && nowMs > expiry.endMs) return expiry.answer
    if (lists !== null) {
      const verdict = leavesPreflights && isPreflight(ctx) ? 'ignore' : lists(ctx)
      if (verdict === 'ignore') ctx.authIgnored = true
      else if (verdict !== 'pass') return verdict
    }
    if (expiry !== null && nowMs <= expiry.announcedMs) ctx.answerHeaders.push('X-Tyk-Api-Expires', expiry.header)
    return undefined
  }
}
