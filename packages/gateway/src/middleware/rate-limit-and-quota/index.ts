// Hot path.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { createCountedLog, keyForLog } from '../../auth/counted-log.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import type { LimitPlan } from '../../limits/limit-plan.ts'
import { LimiterUnavailableError, type OnMove, type RateBucket, type Taken } from '../../limits/limiter.ts'
import { showRate } from '../../limits/show-rate.ts'
import type { Session } from '../../session/session.ts'
import { bucketFor, createPlanner } from './planner.ts'
import { createQuotaStep } from './quota-step.ts'

const RATE_EXCEEDED: Answer = { kind: 'error', error: gatewayErrors.rateLimitExceeded }
const RATE_UNKNOWN: Answer = { kind: 'error', error: gatewayErrors.rateUnknown }

/** Counts a request against its key's rate and then against its quota. A request the rate refuses uses no quota. */
export const rateLimitAndQuotaMiddleware: MiddlewareDefinition = {
  name: 'RateLimitAndQuotaCheck',
  compile(api, deps) {
    const { definition } = api
    if (definition.use_keyless || (definition.disable_rate_limit && definition.disable_quota)) return null
    const step = createStep(api, deps)
    return (ctx) => (ctx.authIgnored || ctx.session === null ? undefined : step(ctx, ctx.session))
  },
}

type Outcome = Answer | undefined | Promise<Answer | undefined>
type Step = (ctx: RequestContext, session: Session) => Outcome

function createStep(api: CompiledApi, deps: ChainDeps): Step {
  const { limiter } = deps
  const planFor = createPlanner(api, deps)
  const takeQuota = createQuotaStep(api, deps)
  const showsRates = deps.config.rate_limit_response_headers === 'rate_limits'
  const failures = createCountedLog(deps.log, 'info', deps.now)
  const problems = createCountedLog(deps.log, 'error', deps.now)

  const noteExceeded = (ctx: RequestContext, plan: LimitPlan): void => {
    failures.note('Key Rate Limit Exceeded', () => ({
      api_id: api.apiId,
      key: keyForLog(ctx.token, deps.config.enable_key_logging),
    }))
    api.events?.fire('RatelimitExceeded', ctx, plan.eventKey ?? ctx.token, gatewayErrors.rateLimitExceeded.message)
  }

  const watchesMoves = api.events?.wants('RateLimitSmoothingUp') || api.events?.wants('RateLimitSmoothingDown')

  /** Undefined where nobody wants to know. */
  const onMove = (ctx: RequestContext, plan: LimitPlan, bucket: RateBucket): OnMove | undefined => {
    if (!watchesMoves || bucket.smoothing === null) return undefined
    const key = plan.eventKey ?? ctx.token
    return (direction) =>
      direction === 'up'
        ? api.events?.fire('RateLimitSmoothingUp', ctx, key, 'Rate limit increased with smoothing')
        : api.events?.fire('RateLimitSmoothingDown', ctx, key, 'Rate limit decreased with smoothing')
  }

  const show = (ctx: RequestContext, bucket: RateBucket, taken: Taken): void => {
    if (showsRates) showRate(ctx, bucket, taken)
    if (ctx.variables === null) return
    ctx.variables.set('rate_limit_limit', bucket.rate)
    ctx.variables.set('rate_limit_remaining', taken.remaining)
    ctx.variables.set('rate_limit_reset', Math.floor(taken.resetAtMs / 1000))
  }

  const decide = (
    ctx: RequestContext,
    session: Session,
    plan: LimitPlan,
    bucket: RateBucket,
    taken: Taken,
  ): Outcome => {
    if (!taken.allowed) {
      noteExceeded(ctx, plan)
      if (plan.throttle !== null) return throttled(ctx, session, plan, bucket, taken)
    }
    show(ctx, bucket, taken)
    return taken.allowed ? takeQuota(ctx, session, plan) : RATE_EXCEEDED
  }

  /** Holds a refused request back and tries again, as the key's throttle allows. */
  async function throttled(
    ctx: RequestContext,
    session: Session,
    plan: LimitPlan,
    bucket: RateBucket,
    refusal: Taken,
  ): Promise<Answer | undefined> {
    const { retries, intervalMs } = plan.throttle ?? { retries: 0, intervalMs: 0 }
    let taken = refusal
    for (let level = 0; level <= retries && !ctx.request.socket.destroyed; level++) {
      await sleep(intervalMs)
      if (!(await limiter.hasRoom(bucket))) continue
      taken = await limiter.take(bucket, onMove(ctx, plan, bucket))
      if (taken.allowed) break
    }
    show(ctx, bucket, taken)
    return taken.allowed ? takeQuota(ctx, session, plan) : RATE_EXCEEDED
  }

  async function waitFor(
    ctx: RequestContext,
    session: Session,
    plan: LimitPlan,
    bucket: RateBucket,
    taking: Promise<Taken>,
  ): Promise<Answer | undefined> {
    try {
      return await decide(ctx, session, plan, bucket, await taking)
    } catch (err) {
      if (!(err instanceof LimiterUnavailableError)) throw err
      problems.note('rate could not be counted, request refused', () => ({ err, api_id: api.apiId }))
      return RATE_UNKNOWN
    }
  }

  return (ctx, session) => {
    const plan = planFor(ctx, session)
    const bucket = bucketFor(ctx, plan)
    if (bucket === null) return takeQuota(ctx, session, plan)
    const taken = limiter.take(bucket, onMove(ctx, plan, bucket))
    if (taken instanceof Promise) return waitFor(ctx, session, plan, bucket, taken)
    return decide(ctx, session, plan, bucket, taken)
  }
}
