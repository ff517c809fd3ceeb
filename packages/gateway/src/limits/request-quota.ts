// Hot path.
import type { RequestContext } from '../chain/context.ts'
import { limitFor } from '../session/session.ts'

const NOTHING: readonly [limit: number, remaining: number, reset: number] = Object.freeze([0, 0, 0])

/**
 * Values of `X-RateLimit-Limit`, `-Remaining` and `-Reset` where they show the quota: zeros without a session.
 *
 * With `rate_limit_response_headers: rate_limits` they are not used; the limiter has then put its own values among the
 * answer's headers.
 */
export function rateLimitHeaders(ctx: RequestContext): readonly [limit: number, remaining: number, reset: number] {
  const { session, quota } = ctx
  if (session === null) return NOTHING
  if (quota !== null) return [quota.max, quota.remaining, quota.renews]
  const limit = limitFor(session, ctx.api.apiId)
  return [limit.quota_max, limit.quota_remaining, limit.quota_renews]
}
