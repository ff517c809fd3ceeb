/**
 * What a failed request's status means, and whose it is. A record does not say so itself.
 *
 * A gateway that answers an error by itself records no time of the upstream, whether a key was refused or the upstream could
 * not be reached. Times are whole milliseconds, so an upstream that answers within one has none either: a single record
 * without a time says nothing, many of them do.
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

/** So many requests without a millisecond at the upstream did not reach it: a fast upstream takes one now and then. */
const SURELY_NOT_REACHED = 20

/**
 * Who made the errors of a group.
 *
 * @param timed - Of how many of them the store keeps the upstream's time.
 * @param atUpstream - How many of these spent a millisecond or more at the upstream.
 */
export function madeBy(code: number, timed: number, atUpstream: number): MadeBy {
  const reason = REASONS[code]
  if (reason !== undefined && reason.gateway === undefined) return 'upstream'
  if (atUpstream > 0 && atUpstream * 2 >= timed) return 'upstream'
  const isGateways = reason !== undefined && atUpstream === 0 && timed >= SURELY_NOT_REACHED
  return isGateways ? 'gateway' : 'unknown'
}

/** In a few words, without a full stop. */
export function reasonOf(code: number, by: MadeBy): string {
  const reason = REASONS[code]
  if (reason === undefined) return code >= 500 ? 'server error' : 'client error'
  if (by === 'gateway') return reason.gateway ?? reason.upstream
  if (by === 'upstream' || reason.gateway === undefined || reason.gateway === reason.upstream) return reason.upstream
  return `${reason.upstream}, or by the gateway: ${reason.gateway}`
}
