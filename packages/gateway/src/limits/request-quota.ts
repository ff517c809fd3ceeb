// Hot path.
import type { RequestContext } from '../chain/context.ts'
import { limitFor } from '../session/session.ts'

/** What this request's own count of the quota was. The session object is shared by requests and keeps older figures. */
export interface RequestQuota {
  readonly max: number
  readonly remaining: number
  /** Unix seconds. */
  readonly renews: number
}

const quotas = new WeakMap<RequestContext, RequestQuota>()

export const rememberQuota = (ctx: RequestContext, quota: RequestQuota): void => void quotas.set(ctx, quota)

const NOTHING: readonly [limit: number, remaining: number, reset: number] = Object.freeze([0, 0, 0])

/**
 * Values of `X-RateLimit-Limit`, `-Remaining` and `-Reset` where they show the quota: zeros without a session.
 *
 * With `rate_limit_response_headers: rate_limits` they are not used; the limiter has then put its own values among the
 * answer's headers.
 */
export function rateLimitHeaders(ctx: RequestContext): readonly [limit: number, remaining: number, reset: number] {
  const { session } = ctx
  if (session === null) return NOTHING
  const counted = quotas.get(ctx)
  if (counted !== undefined) return [counted.max, counted.remaining, counted.renews]
  const limit = limitFor(session, ctx.api.apiId)
  return [limit.quota_max, limit.quota_remaining, limit.quota_renews]
}
