// Hot path.
import type { UpstreamRequest } from './transport.ts'

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Whether a request may be sent again when nobody can tell if the upstream saw it. */
export function isReplayable(request: UpstreamRequest): boolean {
  if (IDEMPOTENT.has(request.method)) return true
  for (let i = 0; i < request.headers.length; i += 2) {
    const name = request.headers[i]
    if (name === 'Idempotency-Key' || name === 'X-Idempotency-Key') return true
  }
  return false
}

/** Whether Go sends `Content-Length: 0` when there is no body. */
export const announcesEmptyBody = (method: string): boolean =>
  method === 'POST' || method === 'PUT' || method === 'PATCH'
