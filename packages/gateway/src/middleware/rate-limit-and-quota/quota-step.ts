// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { createCountedLog, keyForLog } from '../../auth/counted-log.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import type { CountedQuota } from '../../events/index.ts'
import type { LimitPlan } from '../../limits/limit-plan.ts'
import { countQuota, type QuotaCount } from '../../limits/quota.ts'
import { sessionTtlSeconds } from '../../session/lifetime.ts'
import { withQuotaCopies } from '../../session/quota-copies.ts'
import type { Session } from '../../session/session.ts'

const LIMIT_EXCEEDED = 'Key Quota Limit Exceeded'
const EXCEEDED: Answer = { kind: 'error', error: gatewayErrors.quotaExceeded }

type Quota = NonNullable<LimitPlan['quota']>
type QuotaStep = (
  ctx: RequestContext,
  session: Session,
  plan: LimitPlan,
) => Answer | undefined | Promise<Answer | undefined>

/** Counts a request against the quota of its key. While Redis is away every quota counts as exceeded. */
export function createQuotaStep(api: CompiledApi, deps: ChainDeps): QuotaStep {
  const failures = createCountedLog(deps.log, 'info', deps.now)
  const problems = createCountedLog(deps.log, 'error', deps.now)
  const monitor = deps.events.monitors.keys

  const exceeded = (ctx: RequestContext, { eventKey }: LimitPlan): Answer => {
    api.events?.fire('QuotaExceeded', ctx, eventKey ?? ctx.token, LIMIT_EXCEEDED)
    failures.note(LIMIT_EXCEEDED, () => ({
      api_id: api.apiId,
      key: keyForLog(ctx.token, deps.config.enable_key_logging),
    }))
    return EXCEEDED
  }

  /** Remembers the figures of this request: for the answer, the context variables and the stored session. */
  const note = (
    ctx: RequestContext,
    session: Session,
    scope: string,
    max: number,
    counted: QuotaCount,
  ): CountedQuota => {
    const nowMs = deps.now()
    const remaining = Math.max(0, max - counted.count)
    const renews = Math.floor((nowMs + Math.max(0, counted.leftMs)) / 1000)
    ctx.quota = { max, remaining, renews }
    if (ctx.variables !== null) {
      ctx.variables.set('quota_limit', max)
      ctx.variables.set('quota_remaining', remaining)
      ctx.variables.set('quota_reset', renews)
    }
    const ttlSeconds = sessionTtlSeconds(session, api.definition, deps.config, Math.floor(nowMs / 1000))
    const copy = (): Session => withQuotaCopies(session, scope, { remaining, renews })
    deps.sessions.noteQuota(ctx.token, copy, ttlSeconds, nowMs - (performance.now() - ctx.startedMs))
    return { scope, remaining, renews }
  }

  async function count(
    ctx: RequestContext,
    session: Session,
    plan: LimitPlan,
    quota: Quota,
  ): Promise<Answer | undefined> {
    let counted
    try {
      counted = await countQuota(deps.redis.main, quota.counter, quota.periodSeconds)
    } catch (err) {
      problems.note('quota could not be counted, request refused', () => ({ err, api_id: api.apiId }))
      return EXCEEDED
    }
    const figures = note(ctx, session, plan.scope, quota.max, counted)
    if (counted.count > quota.max) return exceeded(ctx, plan)
    monitor?.check(session, plan.eventKey ?? ctx.token, figures)
    return undefined
  }

  return (ctx, session, plan) => {
    const { quota } = plan
    if (quota !== null) return deps.redis.isUp ? count(ctx, session, plan, quota) : exceeded(ctx, plan)
    monitor?.check(session, plan.eventKey ?? ctx.token, null)
    return undefined
  }
}
