import { createPublicKey, createSecretKey, X509Certificate, type JsonWebKey, type KeyObject } from 'node:crypto'
import { compactVerify } from 'jose'

/** What a definition may ask for. Within a family the token chooses; another family is refused. */
export type SigningMethod = 'hmac' | 'rsa' | 'ecdsa'

/**
 * Families of the algorithms a token may name. null: known, but of no family; what is not listed is not known at all.
 * The two are refused with different messages.
 */
const FAMILIES: ReadonlyMap<string, SigningMethod | null> = new Map([
  ['HS256', 'hmac'],
  ['HS384', 'hmac'],
  ['HS512', 'hmac'],
  ['RS256', 'rsa'],
  ['RS384', 'rsa'],
  ['RS512', 'rsa'],
  ['PS256', 'rsa'],
  ['PS384', 'rsa'],
  ['PS512', 'rsa'],
  ['ES256', 'ecdsa'],
  ['ES384', 'ecdsa'],
  ['ES512', 'ecdsa'],
  ['EdDSA', null],
  ['none', null],
])

/** The family of an algorithm name; null when it has none here, undefined for an unknown name. */
export const methodOf = (alg: string): SigningMethod | null | undefined => FAMILIES.get(alg)

/**
 * Checks the signature of a token in compact form.
 *
 * The key decides as well: jose never runs an algorithm with a key of another kind or curve, nor with an RSA key below
 * 2048 bits. It is asked once per token; a good one is remembered (see `index.ts`).
 */
export async function verifySignature(text: string, alg: string, key: KeyObject): Promise<boolean> {
  try {
    await compactVerify(text, key, { algorithms: [alg] })
    return true
  } catch {
    // Whatever is wrong with it, the caller learns one thing only, and so does the client.
    return false
  }
}

/**
 * Makes a key of configured bytes: the secret itself, or a public key or certificate in PEM or DER. Null when it is
 * none; a private key is none.
 */
export function keyFromBytes(method: SigningMethod, bytes: Buffer): KeyObject | null {
  if (bytes.length === 0) return null
  if (method === 'hmac') return createSecretKey(bytes)
  const text = bytes.toString('latin1')
  if (text.includes('-----BEGIN')) return text.includes('PRIVATE KEY') ? null : attempt(() => createPublicKey(text))
  return (
    attempt(() => createPublicKey({ key: bytes, format: 'der', type: 'spki' })) ??
    attempt(() => new X509Certificate(bytes).publicKey)
  )
}

/**
 * Whether bytes are a public key or a certificate, or any PEM text: nothing that may be a secret. Taken for one, it would
 * let everybody who knows the public key sign tokens.
 */
export function isNoSecret(bytes: Buffer): boolean {
  return bytes.includes('-----BEGIN') || keyFromBytes('rsa', bytes) !== null
}

/** A key of a JSON web key; null when it is of a kind that no algorithm here uses, or broken. */
export function keyFromJwk(jwk: Readonly<Record<string, unknown>>): KeyObject | null {
  const { kty, k } = jwk
  if (kty === 'oct') return typeof k === 'string' && k !== '' ? createSecretKey(Buffer.from(k, 'base64url')) : null
  if (kty !== 'RSA' && kty !== 'EC') return null
  // A private key's public half is enough, and the only part that may be taken from a published set.
  const { n, e, crv, x, y } = jwk
  const key = kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y }
  // Node checks the members itself and throws on anything but a key.
  return attempt(() => createPublicKey({ key: key as JsonWebKey, format: 'jwk' }))
}

function attempt(make: () => KeyObject): KeyObject | null {
  try {
    return make()
  } catch {
    return null
  }
}
