// Hot path.
import { canonicalHeaderName } from '../chain/headers.ts'
import type { RequestContext } from '../chain/context.ts'
import { connectionNames, isHopByHop } from './hop-by-hop.ts'

export interface ResponseHeaders {
  /** Flat name, value list for `writeHead`. */
  readonly pairs: string[]
  readonly hasContentType: boolean
  readonly hasContentEncoding: boolean
  readonly eventStream: boolean
  readonly grpc: boolean
  /** -1: not announced. */
  readonly contentLength: number
}

const CORS_HEADERS = new Set([
  'Access-Control-Allow-Origin',
  'Access-Control-Expose-Headers',
  'Access-Control-Max-Age',
  'Access-Control-Allow-Credentials',
  'Access-Control-Allow-Methods',
  'Access-Control-Allow-Headers',
])

const RATE_LIMIT_NAMES = ['X-Ratelimit-Limit', 'X-Ratelimit-Remaining', 'X-Ratelimit-Reset'] as const

/**
 * The headers of a proxied answer: those the gateway set first, then the upstream's without hop-by-hop ones.
 *
 * @param raw - As the upstream sent them.
 * @param spelled - The names have their final spelling already.
 * @param mayTrail - Trailers could follow a body without a length; to any other answer they cannot be announced.
 * @param rateLimit - Values of the X-Ratelimit trio, which replace the upstream's; null leaves none at all.
 */
export function clientHeaders(
  ctx: RequestContext,
  raw: readonly string[],
  spelled: boolean,
  mayTrail: boolean,
  rateLimit: readonly [limit: number, remaining: number, reset: number] | null,
  closeConnection: boolean,
): ResponseHeaders {
  const pairs: string[] = [...ctx.answerHeaders]
  const names: string[] = []
  const connection: string[] = []
  let trailers = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = spelled ? (raw[i] as string) : canonicalHeaderName(raw[i] as string)
    names.push(name)
    if (name === 'Connection') connection.push(raw[i + 1] as string)
    else if (name === 'Trailer') trailers += `${trailers === '' ? '' : ', '}${raw[i + 1]}`
  }
  const named = connectionNames(connection, canonicalHeaderName)
  let hasContentType = false
  let hasContentEncoding = false
  let eventStream = false
  let grpc = false
  let contentLength = -1
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    if (isHopByHop(name) || named?.has(name) === true || isReplaced(name, ctx.answerHeaders)) continue
    const value = raw[i * 2 + 1] as string
    if (name === 'Content-Type') {
      hasContentType = true
      eventStream = isEventStream(value)
      grpc = value.startsWith('application/grpc')
    } else if (name === 'Content-Encoding') hasContentEncoding = true
    else if (name === 'Content-Length') contentLength = Number(value)
    pairs.push(name, value)
  }
  if (trailers !== '' && mayTrail && contentLength === -1) pairs.push('Trailer', trailers)
  if (closeConnection) pairs.push('Connection', 'close')
  if (rateLimit !== null) {
    for (let i = 0; i < 3; i++) pairs.push(RATE_LIMIT_NAMES[i] as string, String(rateLimit[i]))
  }
  return { pairs, hasContentType, hasContentEncoding, eventStream, grpc, contentLength }
}

const EVENT_STREAM = 'text/event-stream'

function isEventStream(mediaType: string): boolean {
  if (mediaType.length < EVENT_STREAM.length || mediaType.charCodeAt(4) !== 0x2f) return false
  const semicolon = mediaType.indexOf(';')
  return (semicolon === -1 ? mediaType : mediaType.slice(0, semicolon)).trim().toLowerCase() === EVENT_STREAM
}

function isReplaced(name: string, own: readonly string[]): boolean {
  if (name.length >= 15 && name.startsWith('X-Ratelimit-')) {
    return RATE_LIMIT_NAMES.includes(name as (typeof RATE_LIMIT_NAMES)[number])
  }
  if (!name.startsWith('Access-Control-') || !CORS_HEADERS.has(name)) return false
  for (let i = 0; i < own.length; i += 2) if (own[i] === name) return true
  return false
}
