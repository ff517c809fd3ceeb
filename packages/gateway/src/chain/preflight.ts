// Hot path.
import type { RequestContext } from './context.ts'

/** Whether a browser asks what a request from another origin may do. */
export function isPreflight(ctx: RequestContext): boolean {
  if (ctx.method !== 'OPTIONS') return false
  const method = ctx.headers.get('Access-Control-Request-Method')
  return method !== null && method !== ''
}
