// Hot path.
import type { ApiDefinition } from '../api-definition/schema.ts'
import type { ListenPath } from '../router/listen-path.ts'
import { encodedPath, escapePath, unescapePath } from './escape.ts'

/** Where an API's requests go, taken apart once at load. */
export interface UpstreamTarget {
  /** Identifies the host in connection pools. */
  readonly key: string
  readonly scheme: 'http' | 'https'
  /** `h2c://`: HTTP/2 without TLS, from the first byte on. */
  readonly h2c: boolean
  /** host[:port] as written in the definition: the Host header, and `host` of the record. */
  readonly authority: string
  readonly hostname: string
  readonly port: number
  /** Encoded and decoded base path, both without query. */
  readonly rawBase: string
  readonly base: string
  readonly query: string
}

/** A target URL that no request could be sent to. */
export class TargetUrlError extends Error {
  readonly code = 'GATEWAY_TARGET_URL'
}

const SCHEMES: Readonly<Record<string, 'http' | 'https'>> = {
  http: 'http',
  https: 'https',
  h2c: 'http',
  ws: 'http',
  wss: 'https',
}

// By RFC 3986, appendix B. The URL class is not used: it would decode, collapse and re-encode the path.
const URL_PARTS = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)(?::(\d*))?([^?#]*)(?:\?([^#]*))?/

/**
 * @throws TargetUrlError saying what is wrong and what a target looks like. The text may hold a password or come from a
 * store of secrets: no part of it is in the message.
 *
 * @param key - what the message calls it.
 */
export function parseTarget(text: string, key = 'the target'): UpstreamTarget {
  const match = URL_PARTS.exec(text.trim())
  if (match === null) throw new TargetUrlError(`${key}: not a URL such as http://host:port/path`)
  const [, schemeText = '', hostname = '', portText, path = '', query = ''] = match
  const scheme = SCHEMES[schemeText.toLowerCase()]
  if (scheme === undefined) throw new TargetUrlError(`${key}: the scheme is none of ${Object.keys(SCHEMES).join(', ')}`)
  if (hostname === '') throw new TargetUrlError(`${key}: no host in the URL`)
  const raw = Buffer.from(path, 'utf8').toString('latin1')
  const base = unescapePath(raw)
  if (base === null) throw new TargetUrlError(`${key}: bad percent escape in the path`)
  const port = portText === undefined || portText === '' ? (scheme === 'https' ? 443 : 80) : Number(portText)
  const h2c = schemeText.toLowerCase() === 'h2c'
  return Object.freeze({
    key: `${h2c ? 'h2c' : scheme}//${hostname}:${port}`,
    scheme,
    h2c,
    authority: portText ? `${hostname}:${portText}` : hostname,
    hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port,
    rawBase: encodedPath(raw, base, false),
    base,
    query: Buffer.from(query, 'utf8').toString('latin1'),
  })
}

/**
 * Joins a base path and a request path at one slash.
 *
 * @param disableStripSlash - With an empty or `/` request path, the base is used as it is.
 */
export function joinPaths(base: string, path: string, disableStripSlash: boolean): string {
  if (disableStripSlash && (path === '' || path === '/')) return base
  let end = base.length
  while (end > 0 && base.charCodeAt(end - 1) === 0x2f) end--
  let start = 0
  while (start < path.length && path.charCodeAt(start) === 0x2f) start++
  const head = end === base.length ? base : base.slice(0, end)
  return start === path.length ? head : `${head}/${start === 0 ? path : path.slice(start)}`
}

export function joinQueries(base: string, query: string): string {
  if (base === '') return query
  return query === '' ? base : `${base}&${query}`
}

/** The decoded path without the listen path, always with a leading slash. */
export function stripListenPath(path: string, listenPath: ListenPath): string {
  const length = path.startsWith(listenPath.text) ? listenPath.text.length : Math.max(0, listenPath.match(path))
  const rest = length === 0 ? path : path.slice(length)
  return rest.charCodeAt(0) === 0x2f ? rest : `/${rest}`
}

export interface UpstreamPath {
  /** As sent: encoded, with query. */
  readonly target: string
  /** Decoded, without query: what the record shows. */
  readonly path: string
}

/** The path and query of a URL on another host, which stands for itself: nothing is stripped from it or joined to it. */
export function pathAsRewritten(rules: UpstreamUrlRules, rawPath: string, path: string, query: string): UpstreamPath {
  const encoded = encodedPath(rawPath, path, rules.skipTargetPathEscaping) || '/'
  return { target: query === '' ? encoded : `${encoded}?${query}`, path: path || '/' }
}

/** Everything of an API that its upstream URLs depend on. */
export interface UpstreamUrlRules {
  readonly target: UpstreamTarget
  readonly listenPath: ListenPath
  readonly definition: ApiDefinition
  readonly skipTargetPathEscaping: boolean
}

/** Builds the upstream path and query of a request from its received and decoded path. */
export function upstreamPath(rules: UpstreamUrlRules, rawPath: string, path: string, query: string): UpstreamPath {
  const { target, listenPath } = rules
  const { strip_listen_path: strip, disable_strip_slash: disableStripSlash } = rules.definition.proxy
  const decodedSub = strip ? stripListenPath(path, listenPath) : path
  const decoded = joinPaths(target.base, decodedSub, disableStripSlash) || '/'
  const rawKept = rawPath !== escapePath(path)
  let encoded: string
  if (rawKept) {
    const rawSub = strip ? stripListenPath(rawPath, listenPath) : rawPath
    const raw = joinPaths(target.rawBase, rawSub, disableStripSlash) || '/'
    encoded = encodedPath(raw, decoded, rules.skipTargetPathEscaping)
  } else {
    encoded = escapePath(decoded)
  }
  const joined = joinQueries(target.query, query)
  return { target: joined === '' ? encoded : `${encoded}?${joined}`, path: decoded }
}
