// Hot path.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { createCountedLog, keyForLog } from '../../auth/counted-log.ts'
import { fromByteString } from '../../auth/text.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps, MiddlewareDefinition } from '../../chain/types.ts'
import type { Template } from '../../chain/variables.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { customLimitName, planLimits, type LimitPlan, type PlannedRate } from '../../limits/limit-plan.ts'
import { localBucketsOf, type Taken } from '../../limits/local-buckets.ts'
import { countQuota } from '../../limits/quota.ts'
import { rememberQuota } from '../../limits/request-quota.ts'
import { stripListenPath } from '../../proxy/upstream-url.ts'
import type { PathMatching } from '../../router/path-pattern.ts'
import { sessionTtlSeconds } from '../../session/lifetime.ts'
import { withQuotaCopies } from '../../session/quota-copies.ts'
import type { Session } from '../../session/session.ts'

const RATE_EXCEEDED: Answer = { kind: 'error', error: gatewayErrors.rateLimitExceeded }
const QUOTA_EXCEEDED: Answer = { kind: 'error', error: gatewayErrors.quotaExceeded }

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

type Step = (ctx: RequestContext, session: Session) => Answer | undefined | Promise<Answer | undefined>

function createStep(api: CompiledApi, deps: ChainDeps): Step {
  const buckets = localBucketsOf(deps)
  const planFor = createPlanner(api, deps)
  const showsRates = deps.config.rate_limit_response_headers === 'rate_limits'
  const failures = createCountedLog(deps.log, 'info', deps.now)
  const problems = createCountedLog(deps.log, 'error', deps.now)

  const refused = (ctx: RequestContext, message: string, answer: Answer): Answer => {
    failures.note(message, () => ({ api_id: api.apiId, key: keyForLog(ctx.token, deps.config.enable_key_logging) }))
    return answer
  }

  const show = (ctx: RequestContext, rate: PlannedRate, taken: Taken): void => {
    const reset = Math.floor(taken.resetAtMs / 1000)
    if (showsRates) {
      const shown = [
        'X-Ratelimit-Limit',
        rate.rate,
        'X-Ratelimit-Remaining',
        taken.remaining,
        'X-Ratelimit-Reset',
        reset,
      ]
      for (const part of shown) ctx.answerHeaders.push(String(part))
    }
    if (ctx.variables === null) return
    ctx.variables.set('rate_limit_limit', rate.rate)
    ctx.variables.set('rate_limit_remaining', taken.remaining)
    ctx.variables.set('rate_limit_reset', reset)
  }

  const quotaStep = (
    ctx: RequestContext,
    session: Session,
    plan: LimitPlan,
  ): Answer | undefined | Promise<Answer | undefined> => {
    if (plan.quota === null) return undefined
    if (deps.redis.isUp) return takeQuota(ctx, session, plan, plan.quota)
    return refused(ctx, 'Key Quota Limit Exceeded', QUOTA_EXCEEDED)
  }

  async function takeQuota(
    ctx: RequestContext,
    session: Session,
    plan: LimitPlan,
    { counter, max, periodSeconds }: NonNullable<LimitPlan['quota']>,
  ): Promise<Answer | undefined> {
    let counted
    try {
      counted = await countQuota(deps.redis.main, counter, periodSeconds)
    } catch (err) {
      problems.note('quota could not be counted, request refused', () => ({ err, api_id: api.apiId }))
      return QUOTA_EXCEEDED
    }
    const nowMs = deps.now()
    const quota = {
      max,
      remaining: Math.max(0, max - counted.count),
      renews: Math.floor((nowMs + Math.max(0, counted.leftMs)) / 1000),
    }
    rememberQuota(ctx, quota)
    if (ctx.variables !== null) {
      ctx.variables.set('quota_limit', max)
      ctx.variables.set('quota_remaining', quota.remaining)
      ctx.variables.set('quota_reset', quota.renews)
    }
    const ttlSeconds = sessionTtlSeconds(session, api.definition, deps.config, Math.floor(nowMs / 1000))
    deps.sessions.noteQuota(ctx.token, () => withQuotaCopies(session, plan.scope, quota), ttlSeconds)
    return counted.count > max ? refused(ctx, 'Key Quota Limit Exceeded', QUOTA_EXCEEDED) : undefined
  }

  /** Holds a refused request back and tries again, as the key's throttle allows. */
  async function throttled(
    ctx: RequestContext,
    session: Session,
    plan: LimitPlan,
    rate: PlannedRate,
    refusal: Taken,
  ): Promise<Answer | undefined> {
    const { retries, intervalMs } = plan.throttle ?? { retries: 0, intervalMs: 0 }
    let taken = refusal
    for (let level = 0; level <= retries && !ctx.request.socket.destroyed; level++) {
      await sleep(intervalMs)
      if (!buckets.hasRoom(rate.bucket)) continue
      taken = buckets.take(rate.bucket, rate.rate, rate.perSeconds)
      if (taken.allowed) break
    }
    show(ctx, rate, taken)
    return taken.allowed ? quotaStep(ctx, session, plan) : RATE_EXCEEDED
  }

  return (ctx, session) => {
    const plan = planFor(ctx, session)
    const rate = rateFor(ctx, plan)
    if (rate !== null) {
      const taken = buckets.take(rate.bucket, rate.rate, rate.perSeconds)
      if (!taken.allowed) {
        const answer = refused(ctx, 'Key Rate Limit Exceeded', RATE_EXCEEDED)
        if (plan.throttle !== null) return throttled(ctx, session, plan, rate, taken)
        show(ctx, rate, taken)
        return answer
      }
      show(ctx, rate, taken)
    }
    return quotaStep(ctx, session, plan)
  }
}

/** Plans are made once per session object; with a custom name, once per request. */
function createPlanner(api: CompiledApi, deps: ChainDeps): (ctx: RequestContext, session: Session) => LimitPlan {
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

function rateFor(ctx: RequestContext, plan: LimitPlan): PlannedRate | null {
  if (plan.endpoints.length === 0) return plan.rate
  const path = stripListenPath(ctx.path, ctx.api.upstream.listenPath)
  const endpoint = plan.endpoints.find(({ method, pattern }) => method === ctx.method && pattern(path))
  return endpoint === undefined ? plan.rate : endpoint.rate
}
