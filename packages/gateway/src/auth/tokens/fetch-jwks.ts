import type { KeyObject } from 'node:crypto'
import type { fetch as undiciFetch, Response } from 'undici'
import type { Connections } from '../../external-services/index.ts'
import { decodeBase64 } from '../key-format.ts'
import { keyFromBytes, keyFromJwk, type SigningMethod } from './algorithms.ts'

const MAX_BYTES = 1024 * 1024
const MAX_REDIRECTS = 5

type Fetch = typeof undiciFetch
type Dispatchers = Pick<Connections, 'dispatcherFor'>

/**
 * Reads the document at a URL. Rejects on another status than success, when it is too large, and when a redirect leads
 * from https to http, where anybody on the way could put keys in.
 */
export async function fetchDocument(url: string, signal: AbortSignal, connections: Dispatchers): Promise<string> {
  // Loaded with the first document: it needs 100 ms, and most gateways fetch none.
  const { fetch } = await import('undici')
  const response = await follow(fetch, url, signal, connections)
  if (!response.ok) throw new Error(`status ${response.status}`)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length
    if (size > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`)
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function follow(fetch: Fetch, url: string, signal: AbortSignal, connections: Dispatchers): Promise<Response> {
  let next = new URL(url)
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(next, {
      signal,
      headers: { accept: 'application/json' },
      redirect: 'manual',
      dispatcher: await connections.dispatcherFor(next),
    })
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null
    if (location === null) return response
    await response.body?.cancel()
    if (redirects === MAX_REDIRECTS) throw new Error(`more than ${MAX_REDIRECTS} redirects`)
    const target = new URL(location, next)
    if (!isAsSafe(target, next)) throw new Error(`redirect from ${next.protocol} to ${target.protocol}`)
    next = target
  }
}

/** Whether what is read at `target` can be trusted as much as what was asked for. */
export const isAsSafe = (target: URL, from: URL): boolean =>
  target.protocol === 'https:' || (target.protocol === 'http:' && from.protocol === 'http:')

/**
 * The keys of a set by their `kid`, the first of equal ones. Entries that no algorithm here could use are left out, so
 * that a new kind of key does not take the others away.
 *
 * @throws when the document is not a set.
 */
export function parseKeySet(document: string, method: SigningMethod): Map<string, KeyObject> {
  const json: unknown = JSON.parse(document)
  const list = (json as { keys?: unknown } | null)?.keys
  if (!Array.isArray(list)) throw new Error('expected an object with a list "keys"')
  const keys = new Map<string, KeyObject>()
  for (const item of list) {
    if (item === null || typeof item !== 'object') continue
    const jwk = item as Record<string, unknown>
    if (typeof jwk['kid'] !== 'string' || keys.has(jwk['kid'])) continue
    const key = keyFromJwk(jwk) ?? keyFromCertificate(jwk, method)
    if (key !== null) keys.set(jwk['kid'], key)
  }
  return keys
}

/** Older documents carry only a certificate: base64 of its PEM text, or of its DER bytes. */
function keyFromCertificate(jwk: Record<string, unknown>, method: SigningMethod): KeyObject | null {
  const { kty, x5c } = jwk
  if (typeof kty !== 'string' || kty.toLowerCase() !== method || method === 'hmac') return null
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined
  const bytes = typeof first === 'string' ? decodeBase64(first) : null
  return bytes === null ? null : keyFromBytes(method, bytes)
}
