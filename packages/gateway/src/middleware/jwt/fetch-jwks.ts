import type { KeyObject } from 'node:crypto'
import { Agent, fetch } from 'undici'
import { decodeBase64 } from '../../auth/key-format.ts'
import { keyFromBytes, keyFromJwk, type SigningMethod } from './algorithms.ts'

const MAX_BYTES = 1024 * 1024

/** Made once at most: for servers whose certificates are not to be checked. */
let unchecked: Agent | null = null

/** Reads the document at a URL. Rejects on another status than success, and when it is too large. */
export async function fetchDocument(url: string, signal: AbortSignal, skipVerify: boolean): Promise<string> {
  if (skipVerify) unchecked ??= new Agent({ connect: { rejectUnauthorized: false } })
  const response = await fetch(url, {
    signal,
    headers: { accept: 'application/json' },
    ...(skipVerify && unchecked !== null ? { dispatcher: unchecked } : {}),
  })
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
