import { validateHeaderName } from 'node:http'
import { canonicalHeaderName, fieldValue } from '../../chain/headers.ts'
import { GoJsonError, type ObjectReader } from '../../session/go-json.ts'
import { toByteString } from '../../byte-string.ts'

export const WEBHOOK_METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH'] as const
export type WebhookMethod = (typeof WEBHOOK_METHODS)[number]

/** Where and how a webhook sends. */
export interface WebhookOptions {
  readonly method: WebhookMethod
  /** The method as configured, where it is none of those above and GET stands in for it; else null. */
  readonly unknownMethod: string | null
  readonly target: URL
  /** Host with port and path with query as they are written: digests of events are made of them. */
  readonly authority: string
  readonly path: string
  readonly templatePath: string
  /** Canonical name to value; they replace those that the gateway would send. */
  readonly headers: ReadonlyMap<string, string>
  /** Seconds in which an equal event is not sent again; 0: every event is sent. */
  readonly timeoutSeconds: number
}

/** These are made from the message itself. */
const FRAMING = new Set(['Host', 'Content-Length', 'Transfer-Encoding', 'Connection'])
// The URL class would take a default port away and encode the path anew.
const WRITTEN = /^https?:\/\/(?:[^/?#@]*@)?([^/?#]+)([^?#]*)(\?[^#]*)?/i

/** @throws GoJsonError naming the member that cannot be used. */
export function readWebhookOptions(meta: ObjectReader): WebhookOptions {
  const method = meta.string('method').toUpperCase()
  const known = WEBHOOK_METHODS.find((each) => each === method)
  const text = meta.string('target_path').trim()
  const written = WRITTEN.exec(text)
  if (written === null || !URL.canParse(text)) {
    throw new GoJsonError('target_path: expected a URL such as https://host/path')
  }
  const [, authority = '', path = '', query = ''] = written
  const target = new URL(text)
  return {
    method: known ?? 'GET',
    unknownMethod: known === undefined ? method : null,
    target,
    authority,
    path: `${path === '' ? '/' : path}${query}`,
    templatePath: meta.string('template_path'),
    headers: withCredentials(readHeaders(meta), target),
    timeoutSeconds: Math.max(0, meta.integer('event_timeout')),
  }
}

function readHeaders(meta: ObjectReader): Map<string, string> {
  const headers = new Map<string, string>()
  for (const [name, value] of Object.entries(meta.map('header_map') ?? {})) {
    if (typeof value !== 'string') throw new GoJsonError(`header_map.${name}: expected a string`)
    if (!isHeaderName(name)) throw new GoJsonError(`header_map: ${JSON.stringify(name)} is no name of a header`)
    const canonical = canonicalHeaderName(name)
    if (!FRAMING.has(canonical)) headers.set(canonical, fieldValue(toByteString(value)))
  }
  return headers
}

function isHeaderName(name: string): boolean {
  try {
    validateHeaderName(name)
    return true
  } catch {
    return false
  }
}

/** User and password of the URL become a header; what the map says goes first. */
function withCredentials(headers: Map<string, string>, target: URL): Map<string, string> {
  const { username, password } = target
  if (username === '' && password === '') return headers
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  if (!headers.has('Authorization')) headers.set('Authorization', `Basic ${Buffer.from(text).toString('base64')}`)
  target.username = ''
  target.password = ''
  return headers
}
