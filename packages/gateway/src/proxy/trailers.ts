// Hot path.
import { canonicalHeaderName } from '../chain/headers.ts'

/** Fields that say how a message is framed, routed or to be used: too late in a trailer (RFC 9110, section 6.5.1). */
const NOT_IN_TRAILERS = new Set([
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
])

/** @param raw - Flat name, value list. Returns one without the fields that no trailer may carry. */
export function passableTrailers(raw: readonly string[]): readonly string[] {
  if (raw.length === 0) return raw
  const kept: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const folded = name.toLowerCase()
    if (!NOT_IN_TRAILERS.has(folded) && !folded.startsWith('if-')) kept.push(name, raw[i + 1] as string)
  }
  return kept
}

/** Gives a body the trailers of the one it takes the place of. */
export function withTrailersOf<T extends object>(source: object, body: T): T {
  return Object.defineProperty(body, 'rawTrailers', { get: () => (source as { rawTrailers?: string[] }).rawTrailers })
}

/** The client's trailers, which its stream offers once the body was read; with canonical names, as its headers have. */
export const trailersOf = (body: object): readonly string[] =>
  passableTrailers((body as { rawTrailers?: string[] }).rawTrailers ?? []).map((text, i) =>
    i % 2 === 0 ? canonicalHeaderName(text) : text,
  )
