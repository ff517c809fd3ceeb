// Hot path.
import type { RequestContext } from '../../chain/context.ts'
import { requestedUpgrade } from '../../proxy/request-headers.ts'

/** Whether the record of a request holds its messages: the API, the configuration or the key asks for it. */
export function wantsDetail(ctx: RequestContext): boolean {
  if (!ctx.api.analytics.detailed && ctx.session?.enable_detailed_recording !== true) return false
  return !isStreaming(ctx)
}

/** Upgrades and streaming gRPC calls are exchanges without an end to wait for. */
function isStreaming({ request: { headers } }: RequestContext): boolean {
  if (requestedUpgrade(headers.connection, headers.upgrade) !== null) return true
  return headers['content-type'] === 'application/grpc' && headers['content-length'] === undefined
}
