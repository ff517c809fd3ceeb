// Hot path.
import type { RequestContext } from '../chain/context.ts'
import type { RateBucket, Taken } from './limiter.ts'

/**
 * Puts a rate among the headers of the answer, whichever that will be. The first limiter of a chain wins.
 *
 * Used with `rate_limit_response_headers: rate_limits`.
 */
export function showRate(ctx: RequestContext, { rate }: RateBucket, { remaining, resetAtMs }: Taken): void {
  if (ctx.answerHeaders.includes('X-Ratelimit-Limit')) return
  const reset = String(Math.floor(resetAtMs / 1000))
  ctx.answerHeaders.push('X-Ratelimit-Limit', String(rate), 'X-Ratelimit-Remaining', String(remaining))
  ctx.answerHeaders.push('X-Ratelimit-Reset', reset)
}
