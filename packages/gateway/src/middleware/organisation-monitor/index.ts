// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { createCountedLog } from '../../auth/counted-log.ts'
import { hashKey } from '../../auth/key-hash.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import type { RateBucket, Taken } from '../../limits/limiter.ts'
import { limiterKey, quotaKey } from '../../limits/limiter-key.ts'
import { countQuota } from '../../limits/quota.ts'
import { withQuotaCopies } from '../../session/quota-copies.ts'
import type { Session } from '../../session/session.ts'
import { besideTheRequest } from './off-thread.ts'

const INACTIVE: Answer = { kind: 'error', error: gatewayErrors.organisationInactive }
const QUOTA_EXCEEDED: Answer = { kind: 'error', error: gatewayErrors.organisationQuotaExceeded }
const RATE_EXCEEDED: Answer = { kind: 'error', error: gatewayErrors.organisationRateExceeded }
const QUOTA_MESSAGE = 'Organisation quota has been exceeded'
const RATE_MESSAGE = 'Organisation rate limit has been exceeded'

/**
 * Holds all requests to the APIs of an organisation to the limits of its session, keyless ones too. Without a session
 * there are none. While Redis is away that is so as well, and an organisation whose session is in memory has its quota
 * refused, like the quota of a key.
 */
export const organisationMonitorMiddleware: MiddlewareDefinition = {
  name: 'OrganizationMonitor',
  compile(api, deps) {
    if (!deps.config.enforce_org_quotas || api.orgId === '') return null
    const step = createStep(api, deps)
    return deps.config.experimental_process_org_off_thread ? besideTheRequest(step, api.orgId, deps) : step
  },
}

type Outcome = Answer | undefined | Promise<Answer | undefined>

function createStep(api: CompiledApi, deps: ChainDeps): (ctx: RequestContext) => Outcome {
  const { orgId, apiId, events } = api
  const { organisations, limiter, redis } = deps
  const id = deps.config.hash_keys ? hashKey(orgId) : orgId
  const rateName = limiterKey(id)
  const counter = quotaKey('', id)
  const failures = createCountedLog(deps.log, 'info', deps.now)
  const problems = createCountedLog(deps.log, 'error', deps.now)
  const monitor = deps.events.monitors.organisations
  const fields = () => ({ api_id: apiId, org_id: orgId, mw: 'OrganizationMonitor' })
  const buckets = new WeakMap<Session, RateBucket>()

  /** The rate of an organisation; null: it is not limited. Made once per session object. */
  const bucketOf = (session: Session): RateBucket | null => {
    const { rate, per, smoothing, last_updated: updated } = session
    if (!(rate > 0 && per > 0)) return null
    let bucket = buckets.get(session)
    if (bucket === undefined) {
      bucket = { key: rateName, localName: `${rateName}:${updated}`, rate, perSeconds: per, smoothing }
      buckets.set(session, bucket)
    }
    return bucket
  }

  const quotaExceeded = (ctx: RequestContext): Answer => {
    events?.fire('OrgQuotaExceeded', ctx, orgId, QUOTA_MESSAGE)
    failures.note(QUOTA_MESSAGE, fields)
    return QUOTA_EXCEEDED
  }

  const takeQuota = async (ctx: RequestContext, session: Session): Promise<Answer | undefined> => {
    let counted
    try {
      counted = await countQuota(redis.main, counter, session.quota_renewal_rate)
    } catch (err) {
      problems.note('quota of an organisation could not be counted, request refused', () => ({ ...fields(), err }))
      return QUOTA_EXCEEDED
    }
    const nowMs = deps.now()
    const remaining = Math.max(0, session.quota_max - counted.count)
    const renews = Math.floor((nowMs + Math.max(0, counted.leftMs)) / 1000)
    const copy = (): Session => withQuotaCopies(session, '', { remaining, renews })
    organisations.noteQuota(orgId, copy, 0, nowMs - (performance.now() - ctx.startedMs))
    if (counted.count > session.quota_max) return quotaExceeded(ctx)
    monitor?.check(session, '', { scope: '', remaining, renews })
    return undefined
  }

  const afterRate = (ctx: RequestContext, session: Session, taken: Taken | null): Outcome => {
    if (taken !== null && !taken.allowed) {
      events?.fire('OrgRateLimitExceeded', ctx, orgId, RATE_MESSAGE)
      failures.note(RATE_MESSAGE, fields)
      return RATE_EXCEEDED
    }
    if (session.quota_max > 0) return redis.isUp ? takeQuota(ctx, session) : quotaExceeded(ctx)
    return undefined
  }

  const unknownRate = (err: unknown): null => {
    problems.note('rate of an organisation could not be counted, request allowed', () => ({ ...fields(), err }))
    return null
  }

  const check = (ctx: RequestContext, session: Session | null): Outcome => {
    if (session === null) return undefined
    if (session.is_inactive) {
      failures.note('Organisation access is disabled.', fields)
      return INACTIVE
    }
    const bucket = bucketOf(session)
    if (bucket === null) return afterRate(ctx, session, null)
    const taken = limiter.take(bucket)
    if (!(taken instanceof Promise)) return afterRate(ctx, session, taken)
    return taken.catch(unknownRate).then((settled) => afterRate(ctx, session, settled))
  }

  return (ctx) => {
    const known = organisations.peek(orgId)
    return known === undefined ? organisations.find(orgId).then((found) => check(ctx, found)) : check(ctx, known)
  }
}
