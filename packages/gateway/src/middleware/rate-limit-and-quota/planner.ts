// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { fromByteString } from '../../byte-string.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { ChainDeps } from '../../chain/types.ts'
import type { Template } from '../../chain/variables.ts'
import { customLimitName, planLimits, type LimitPlan } from '../../limits/limit-plan.ts'
import type { RateBucket } from '../../limits/limiter.ts'
import { stripListenPath } from '../../proxy/upstream-url.ts'
import type { PathMatching } from '../../router/path-pattern.ts'
import type { Session } from '../../session/session.ts'

/** Plans are made once per session object; with a custom name, once per request. */
export function createPlanner(api: CompiledApi, deps: ChainDeps): (ctx: RequestContext, session: Session) => LimitPlan {
  const options = deps.config.http_server_options
  const matching: PathMatching = {
    prefix: options.enable_path_prefix_matching,
    suffix: options.enable_path_suffix_matching,
  }
  const known = new WeakMap<Session, { readonly plan: LimitPlan; readonly customName: Template | null }>()
  return (ctx, session) => {
    let planned = known.get(session)
    if (planned === undefined) {
      const id = deps.sessions.storageKeyOf(ctx.token)
      planned = {
        plan: planLimits(session, api, id, false, matching),
        customName: customLimitName(session, deps),
      }
      known.set(session, planned)
    }
    if (planned.customName === null) return planned.plan
    const name = fromByteString(planned.customName(ctx))
    return name === '' ? planned.plan : planLimits(session, api, name, true, matching)
  }
}

/** The bucket a request is counted in; null: its rate is not limited. */
export function bucketFor(ctx: RequestContext, plan: LimitPlan): RateBucket | null {
  if (plan.endpoints.length === 0) return plan.rate
  const path = stripListenPath(ctx.path, ctx.api.upstream.listenPath)
  const endpoint = plan.endpoints.find(({ method, pattern }) => method === ctx.method && pattern(path))
  return endpoint === undefined ? plan.rate : endpoint.rate
}
