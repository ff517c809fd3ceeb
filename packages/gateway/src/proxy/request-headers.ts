// Hot path.
import { canonicalHeaderName } from '../chain/headers.ts'
import type { RequestContext } from '../chain/context.ts'
import { connectionNames, isHopByHop } from './hop-by-hop.ts'

export interface RequestHeaderRules {
  /** Host header: the client's own with `preserve_host_header`, else the target's. */
  readonly host: string
  readonly userAgent: string
  /** X-Forwarded-For is in a delete list of the API. */
  readonly omitForwardedFor: boolean
  /** null, or the type of the upgrade to ask for. */
  readonly upgrade: string | null
}

/**
 * The headers sent upstream, `Host` first and without framing headers.
 *
 * Hop-by-hop headers and those named in `Connection` go, except what a step has set: a client must not be able to take
 * away what the upstream is told about it. `Te: trailers` stays; one `X-Forwarded-For` line carries all prior ones and the
 * peer. Nothing else is invented.
 */
export function upstreamHeaders(ctx: RequestContext, rules: RequestHeaderRules): string[] {
  const { pairs, own } = ctx.headers
  const named = connectionNames(ctx.headers.getAll('Connection'), canonicalHeaderName)
  const headers: string[] = ['Host', rules.host]
  let forwarded: string | null = null
  let userAgentSeen = false
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string
    const value = pairs[i + 1] as string
    if (isDropped(name, value) || (named?.has(name) === true && own?.includes(name) !== true)) continue
    if (name === 'X-Forwarded-For') {
      forwarded = forwarded === null ? value : `${forwarded}, ${value}`
      continue
    }
    if (name === 'User-Agent') {
      // Go sends the first line only, and none when it is empty.
      if (userAgentSeen || value === '') {
        userAgentSeen = true
        continue
      }
      userAgentSeen = true
    }
    headers.push(name, value)
  }
  if (rules.upgrade !== null) headers.push('Connection', 'Upgrade', 'Upgrade', rules.upgrade)
  if (!rules.omitForwardedFor) {
    headers.push('X-Forwarded-For', forwarded === null ? ctx.peerIp : `${forwarded}, ${ctx.peerIp}`)
  }
  if (!userAgentSeen) headers.push('User-Agent', rules.userAgent)
  return headers
}

function isDropped(name: string, value: string): boolean {
  if (isHopByHop(name)) return name !== 'Te' || value !== 'trailers'
  // `X-Tyk-Internal` would make a Tyk gateway route by header: it is not for clients to set.
  return name === 'Content-Length' || name === 'X-Tyk-Internal'
}

/**
 * The upgrade a request asks for, lower case, or null.
 *
 * `Connection` may be a list (Firefox sends `keep-alive, Upgrade`). An upgrade that could end in HTTP again is none:
 * the requests on it would pass no step of the chain.
 */
export function requestedUpgrade(connection: string | undefined, upgrade: string | undefined): string | null {
  if (connection === undefined || upgrade === undefined || upgrade === '') return null
  const tokens = connection.toLowerCase().split(',')
  if (!tokens.some((token) => token.trim() === 'upgrade')) return null
  const types = upgrade.toLowerCase()
  return types.split(',').some((type) => HTTP_AGAIN.test(type.trim())) ? null : types
}

/** HTTP in one of its versions, or TLS, inside which it goes on (RFC 9110, section 7.8; RFC 2817). */
const HTTP_AGAIN = /^(h2c?|h3|https?|tls)(\/|$)/
