// Hot path.
import { createHmac, timingSafeEqual, verify, type KeyObject } from 'node:crypto'
import { decodeBase64 } from '../../auth/key-format.ts'
import { escapeQuery } from '../../auth/query.ts'

/** Names of algorithms, and the hash of those with a shared secret. Others are refused; Tyk takes them for `hmac-sha1`. */
const HASHES: Readonly<Record<string, string>> = {
  'hmac-sha1': 'sha1',
  'hmac-sha256': 'sha256',
  'hmac-sha384': 'sha384',
  'hmac-sha512': 'sha512',
}

export type Algorithm = { readonly kind: 'hmac'; readonly hash: string } | { readonly kind: 'rsa' }

/** Null for an unknown name. A request that names none is signed with `hmac-sha1`. */
export function algorithmOf(name: string): Algorithm | null {
  if (name === 'rsa-sha256') return { kind: 'rsa' }
  const hash = name === '' ? 'sha1' : Object.hasOwn(HASHES, name) ? HASHES[name] : undefined
  return hash === undefined ? null : { kind: 'hmac', hash }
}

/**
 * @param text - what was signed, a byte string.
 * @param signature - base64, percent-encoded; the escapes in either letter case.
 */
export function isHmacOf(text: string, signature: string, secret: string, hash: string): boolean {
  const digest = createHmac(hash, Buffer.from(secret, 'utf8')).update(text, 'latin1').digest('base64')
  const expected = Buffer.from(escapeQuery(digest))
  const given = Buffer.from(signature.replace(/%[0-9a-f]{2}/gi, (escape) => escape.toUpperCase()))
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** @param signature - base64. */
export function isRsaSignatureOf(text: string, signature: string, key: KeyObject): boolean {
  const bytes = decodeBase64(signature)
  return bytes !== null && verify('sha256', Buffer.from(text, 'latin1'), key, bytes)
}
