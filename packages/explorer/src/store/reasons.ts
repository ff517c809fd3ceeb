/**
 * What a failed request's status means, and whose it is. A record does not say so itself.
 *
 * A gateway that answers an error by itself records no time of the upstream (0 ms), whether a key was refused or the
 * upstream could not be reached. So a time above 0 means that the upstream answered; without one it is taken for the
 * gateway's, if the code is one that a gateway sends. An upstream that answers such a code in less than a millisecond
 * is mistaken for the gateway. Where the store does not keep the time, nobody knows.
 */
export type MadeBy = 'gateway' | 'upstream' | 'unknown'

interface Reason {
  /** Where the gateway answers with it; absent where it never does by itself. */
  readonly gateway?: string
  readonly upstream: string
}

/** The gateway's answers are those of `docs/reference/errors.md`. */
const REASONS: Readonly<Record<number, Reason>> = {
  400: { gateway: 'malformed request or credentials, or too large', upstream: 'bad request' },
  401: { gateway: 'credentials missing, expired or not accepted', upstream: 'unauthorised' },
  402: { upstream: 'payment required' },
  403: {
    gateway: 'key, address, endpoint or version not allowed, or quota exceeded',
    upstream: 'forbidden',
  },
  404: { gateway: 'no such endpoint in this version', upstream: 'not found' },
  405: { gateway: 'method not allowed', upstream: 'method not allowed' },
  406: { upstream: 'not acceptable' },
  408: { upstream: 'request timed out' },
  409: { upstream: 'conflict' },
  410: { upstream: 'gone' },
  411: { gateway: 'length of the body missing', upstream: 'length required' },
  412: { upstream: 'precondition failed' },
  413: { gateway: 'request too large', upstream: 'content too large' },
  414: { upstream: 'URI too long' },
  415: { upstream: 'media type not supported' },
  422: { gateway: 'body does not fit the schema', upstream: 'content not processable' },
  429: { gateway: 'rate limit exceeded', upstream: 'too many requests' },
  431: { upstream: 'header fields too large' },
  499: { gateway: 'client closed the request', upstream: 'client closed the request' },
  500: { gateway: 'upstream not reachable, or error in the gateway', upstream: 'internal server error' },
  501: { upstream: 'not implemented' },
  502: { upstream: 'bad gateway' },
  503: { gateway: 'circuit breaker open or no upstream left', upstream: 'service unavailable' },
  504: { gateway: 'upstream did not answer in time', upstream: 'gateway timeout' },
}

/** @param upstreamMs - null where the store does not keep it. */
export function madeBy(code: number, upstreamMs: number | null): MadeBy {
  if (upstreamMs === null) return 'unknown'
  if (upstreamMs > 0) return 'upstream'
  return REASONS[code]?.gateway === undefined ? 'upstream' : 'gateway'
}

/** In a few words, without a full stop. */
export function reasonOf(code: number, by: MadeBy): string {
  const reason = REASONS[code]
  if (reason === undefined) return code >= 500 ? 'server error' : 'client error'
  if (by === 'gateway') return reason.gateway ?? reason.upstream
  if (by === 'upstream' || reason.gateway === undefined || reason.gateway === reason.upstream) return reason.upstream
  return `${reason.upstream}, or by the gateway: ${reason.gateway}`
}
